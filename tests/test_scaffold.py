"""A new package of every kind: it is whole, it keeps its contract at once, and nothing is ever overwritten."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rdcbench import registry, scaffold
from rdcbench.conformance import check_entry
from rdcbench.errors import RdcbenchError

FILE_KINDS = [kind for kind in registry.KINDS if kind != "recipe"]


@pytest.fixture
def parts():
    return registry.load()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_a_new_package_has_all_that_pip_and_pytest_need(kind, parts, tmp_path):
    folder = scaffold.create(kind, "my_part", tmp_path, parts)
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["rdcbench"] == {"rdcbench_my_part": "rdcbench_my_part"}
    assert project["project"]["name"] == "rdcbench-my-part"
    test = (folder / "test_my_part.py").read_text()
    assert f'rdcbench_conformance("{kind}", "my_part")' in test
    readme = (folder / "README.md").read_text()
    assert scaffold.run_command(kind, "my_part") in readme
    for path in folder.rglob("*"):
        if path.is_file():
            assert "$" not in path.read_text(), f"{path} has a placeholder left"
    module = folder / ("rdcbench_my_part/__init__.py" if kind == "recipe" else "rdcbench_my_part.py")
    compile(module.read_text(), str(module), "exec")


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_a_new_part_keeps_its_contract_at_once(kind, parts, tmp_path):
    folder = scaffold.create(kind, f"new_{kind}", tmp_path, parts)
    found = registry.load((folder / f"rdcbench_new_{kind}.py",))
    entry = found.get(kind, f"new_{kind}")
    assert entry.summary
    assert [str(finding) for finding in check_entry(entry, found) if not finding.holds] == []


def test_a_new_benchmark_can_be_planned(parts, tmp_path):
    folder = scaffold.create("recipe", "my_bench", tmp_path, parts)
    entry = registry.Entry("recipe", "x", "me", folder / "rdcbench_my_bench")
    assert [str(finding) for finding in check_entry(entry, parts) if not finding.holds] == []
    data = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert data["package-data"] == {"rdcbench_my_bench": ["*/recipe.toml"]}


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("objectiv", "mine", "There is no kind of part 'objectiv'; there is: .* Did you mean 'objective'?"),
        ("objective", "my-loss", "'my-loss' is no name for a new objective: it becomes a module, so use letters"),
        ("objective", "7up", "'7up' is no name for a new objective"),
        ("objective", "class", "'class' is no name for a new objective"),
        ("objective", "../x", "is no name for a new objective"),
        ("objective", "rate_", "'rate_' is no name for a new objective: .* end with no _"),
        ("objective", "none", "its class would be 'None', which is something else there; choose another name"),
        ("tracker", "path", "its class would be 'Path'"),
        ("recipe", "smoke", "There is a recipe 'smoke' already, from rdcbench"),
        ("objective", "", "'' is no name for a new objective"),
        ("objective", "weighted", "There is an objective 'weighted' already, from rdcbench_std"),
        ("metric", "rdcbench", "There is a module 'rdcbench' already; choose another name."),
        ("metric", "std", "There is a module 'rdcbench_std' already; choose another name."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(kind, name, sentence, parts, tmp_path):
    with pytest.raises(RdcbenchError, match=sentence):
        scaffold.create(kind, name, tmp_path, parts)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_as_it_is(parts, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(
        RdcbenchError, match=r"mine exists, and nothing was written; choose another name or another --dir"
    ):
        scaffold.create("objective", "mine", tmp_path, parts)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_said(parts, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RdcbenchError, match=r"cannot be written: .*Choose another --dir"):
        scaffold.create("objective", "mine", tmp_path / "file", parts)


def test_the_templates_are_part_of_the_package():
    folder = Path(scaffold.__file__).parent / "templates"
    assert {*registry.KINDS, "pyproject.toml", "README.md", "test.py", "recipe.toml"} == {
        path.name.removesuffix(".txt") for path in folder.iterdir()
    }

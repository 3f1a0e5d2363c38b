from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from rdcbench import benchmarks
from rdcbench.benchmarks import find_recipe, out_folder
from rdcbench.errors import RecipeError


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install packages: name -> what its hook gives, or what its import or hook raises."""

    def entry(name, gives):
        def load():
            if isinstance(gives, BaseException):
                raise gives
            return SimpleNamespace(rdcbench_recipes=gives) if gives else SimpleNamespace()

        shipped = SimpleNamespace(name="rdcbench") if name.startswith("shipped") else None
        return SimpleNamespace(name=name, load=load, dist=shipped)

    def make(**packages):
        entries = [entry(name, gives) for name, gives in packages.items()]
        monkeypatch.setattr(benchmarks, "entry_points", lambda group: entries if group == "rdcbench" else [])

    return make


def folder(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).mkdir(parents=True)
        (path / name / "recipe.toml").write_text("")
    return path


def test_benchmarks_are_the_subfolders_with_a_recipe(tmp_path, install):
    mine = folder(tmp_path / "mine", "one", "two")
    (mine / "notes").mkdir()
    install(mine=lambda: [mine], parts_only=None)
    assert benchmarks.benchmarks() == {name: mine / name / "recipe.toml" for name in ("one", "two")}
    assert find_recipe("two") == mine / "two" / "recipe.toml"


def test_an_unknown_benchmark_is_answered_with_those_that_exist(tmp_path, install):
    mine = folder(tmp_path, "mnist", "smoke")
    install(mine=lambda: [mine])
    with pytest.raises(RecipeError) as caught:
        find_recipe("smok")
    assert str(caught.value) == (
        "There is no benchmark 'smok'; there is: mnist, smoke. Did you mean 'smoke'? "
        "A recipe of your own runs by its path, ending in .toml."
    )


@pytest.mark.parametrize("error", [ImportError("gone"), RuntimeError("sick"), SystemExit(3)])
def test_a_broken_package_is_passed_over(tmp_path, install, error):
    def sick():
        raise error

    good = folder(tmp_path, "one")
    install(a_broken_import=error, b_broken_hook=sick, good=lambda: [good])
    assert list(benchmarks.benchmarks()) == ["one"]


def test_of_two_owners_of_a_name_neither_wins(tmp_path, install):
    mine, yours = folder(tmp_path / "a", "same", "other"), folder(tmp_path / "b", "same")
    install(mine=lambda: [mine], yours=lambda: [yours])
    assert sorted(benchmarks.benchmarks()) == ["mine/same", "other", "yours/same"]
    assert find_recipe("yours/same") == yours / "same" / "recipe.toml"
    with pytest.raises(RecipeError, match=r"no benchmark 'same'; there is: mine/same, other, yours/same"):
        find_recipe("same")


def test_a_benchmark_that_comes_with_rdcbench_keeps_its_name(tmp_path, install):
    ours, yours = folder(tmp_path / "a", "smoke"), folder(tmp_path / "b", "smoke")
    install(a_stranger=lambda: [yours], shipped=lambda: [ours])
    assert find_recipe("smoke") == ours / "smoke" / "recipe.toml"
    assert find_recipe("a_stranger/smoke") == yours / "smoke" / "recipe.toml"


def test_a_shipped_benchmark_is_found_without_a_stranger_s_code(tmp_path, install):
    asked = []
    ours, yours = folder(tmp_path / "a", "smoke"), folder(tmp_path / "b", "mine")
    install(a_stranger=lambda: asked.append("stranger") or [yours], shipped=lambda: [ours])
    assert find_recipe("smoke") == ours / "smoke" / "recipe.toml"
    assert asked == []
    assert find_recipe("mine") == yours / "mine" / "recipe.toml"
    assert asked == ["stranger"]


def test_a_recipe_of_ones_own_is_found_by_its_path(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("")
    assert find_recipe(str(path)) == path
    with pytest.raises(RecipeError, match=r"There is no recipe file '.*gone.toml'; give a path that exists"):
        find_recipe(str(tmp_path / "gone.toml"))


def test_runs_go_to_a_folder_of_benchmark_and_preset():
    assert out_folder("smoke", "") == Path("runs/smoke-default")
    assert out_folder("smoke", "quick") == Path("runs/smoke-quick")


def test_the_benchmarks_that_are_shipped_are_found_without_torch():
    program = "import sys; sys.modules['torch'] = None; from rdcbench.benchmarks import benchmarks; print(*sorted(benchmarks()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"gaussian-universal", "mnist-universal", "smoke"} <= set(done.stdout.split())


def test_the_wheel_carries_every_package():
    root = Path(__file__).parent.parent
    setuptools = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {
        name: root / folder for name, folder in setuptools["package-dir"].items() if name != "rdcbench_benchmarks"
    }
    found = {
        ".".join((name, *path.parent.relative_to(folder).parts))
        for name, folder in folders.items()
        for path in folder.rglob("__init__.py")
    }
    assert found <= set(setuptools["packages"])

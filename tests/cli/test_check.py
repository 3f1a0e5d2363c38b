"""`rdcbench check` and `rdcbench new`: what they say, and how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rdcbench import registry

from .conftest import Cli

BAD = """
import rdcbench


class Upside(rdcbench.Metric):
    "Declares that more error is better."

    name = "upside"
    fields = {"upside": rdcbench.Field("1", "higher", 0.0)}

    def update(self, decoded):
        return {"upside": (decoded.x - decoded.x_hat).square().flatten(1).mean(1)}


@rdcbench.hookimpl
def rdcbench_metrics():
    return [Upside]
"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "upside.py"
    path.write_text(BAD)
    return path


def test_a_good_part_is_a_table_and_exit_code_0(cli: Cli) -> None:
    code, out, _ = cli("check", "metric:mse")
    assert code == 0
    assert "A number points the way it declares" in out
    assert "14 contracts hold, 0 broken, 0 not judged." in out


def test_parts_of_one_name_are_all_checked(cli: Cli) -> None:
    code, out, _ = cli("check", "rdcbench_mnist/mlp")
    assert code == 0
    assert [kind in out for kind in ("encoder", "decoder", "critic")] == [True] * 3


def test_a_broken_contract_is_said_in_full_with_exit_code_1(cli: Cli, bad: Path) -> None:
    for names in ([], ["upside"], ["metric:upside"]):
        code, out, _ = cli("check", *names, "--plugin", bad)
        assert code == 1
        assert "metric upside: direction is broken" in out
        assert "contract: A number points the way it declares" in out
        assert "happened: upside is declared 'higher', but is 0 for perfect images and" in out
        assert 'mend:     swap "lower" and "higher" in the Field' in out


def test_options_come_from_set(cli: Cli) -> None:
    code, out, _ = cli("check", "universal")
    assert code == 0
    assert "it needs the option 'study', which was not given" in out
    code, out, _ = cli(
        "check", "universal", "--set", "protocol.study=rdc", "--set", "protocol.base={classification=0.01}"
    )
    assert code == 0
    assert "7 contracts hold" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["wieghted"], "There is no plugin or part 'wieghted'; there is: "),
        (["wieghted"], "Did you mean 'weighted'?"),
        (["encoder:weighted"], "There is no plugin or part 'encoder:weighted'"),
        (["numpy"], "An installed package is a plugin if it has an entry point in the group 'rdcbench'."),
        ([], "Nothing to check was named; give a plugin, a part, or --plugin FILE."),
        (["mse", "--set", "mse=3"], "--set 'mse=3' is not of the form kind.option=VALUE"),
        (["weighted", "--set", "objective.lable=x"], "There is no option of the objective"),
        (["--plugin", "gone.py"], "gone.py cannot be loaded: there is no such file."),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(cli: Cli, words: list[str], sentence: str) -> None:
    code, out, err = cli("check", *words)
    assert code == 2
    assert sentence in err
    assert out == ""


def test_a_plugin_that_cannot_be_loaded_is_named_with_exit_code_1(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = registry.load(())
    monkeypatch.setitem(parts.broken, "ill", "RuntimeError: my GPU is gone")
    code, out, _ = cli("check", "ill")
    assert code == 1
    assert "plugin ill cannot be loaded: RuntimeError: my GPU is gone" in out


def test_new_says_what_it_wrote_and_what_comes_next(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("new", "entropy-model", "mine", "--dir", tmp_path)
    assert code == 0
    for line in ("mine/rdcbench_mine.py", "pip install -e", "rdcbench check mine", "run smoke --entropy-model mine"):
        assert line in out
    code, _, err = cli("new", "entropy-model", "mine", "--dir", tmp_path)
    assert code == 2
    assert "exists, and nothing was written" in err
    for words in (("nothing", "mine"), ("metric", "no-name"), ("objective", "weighted")):
        code, _, err = cli("new", *words, "--dir", tmp_path)
        assert code == 2
        assert err.startswith("rdcbench: ")


@pytest.mark.slow
def test_the_fixture_for_authors_fails_with_the_finding_and_costs_nothing_unused(bad: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_nothing(): assert 'torch' not in sys.modules\n"
        f"def test_bad(rdcbench_conformance): rdcbench_conformance('metric', 'upside', plugin={str(bad)!r})\n"
        "def test_good(rdcbench_conformance): rdcbench_conformance('metric', 'mse')\n"
    )
    plugin = "rdcbench.conformance.pytest_plugin"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:rdcbench",
        "-p",
        plugin,
        "test_it.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "metric 'upside', direction: A number points the way it declares" in done.stdout

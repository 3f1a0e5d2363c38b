"""What there is: plugins, parts, schemas."""

from __future__ import annotations

import json
from pathlib import Path

import rdcbench

from .conftest import Cli


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version") == (0, f"{rdcbench.__version__}\n", "")


def test_plugins_say_which_package_adds_what(cli: Cli) -> None:
    code, out, _ = cli("plugins")
    assert code == 0
    for word in ("rdcbench_std", "rdcbench_mnist", "rdcbench_benchmarks", "dithered", "mnist-universal"):
        assert word in out


def test_list_shows_options_and_one_line(cli: Cli) -> None:
    code, out, _ = cli("list", "critic")
    assert code == 0
    assert "penalty_share = 1.0" in out
    assert "image_shape" not in out


def test_an_unknown_kind(cli: Cli) -> None:
    code, _, err = cli("list", "encodr")
    assert (code, "Did you mean 'encoder'" in err) == (2, True)


def test_a_single_file_plugin_is_listed_and_a_broken_one_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import rdcbench\n\n\nclass Mine(rdcbench.Objective):\n"
        '    """Mine alone."""\n\n    name = "mine"\n    terms = {"distortion": frozenset()}\n\n'
        "    def term(self, name, outcome):\n        return (outcome.x_hat - outcome.x).abs().mean()\n\n\n"
        "@rdcbench.hookimpl\ndef rdcbench_objectives():\n    return [Mine]\n"
    )
    code, out, _ = cli("list", "objective", "--plugin", tmp_path / "mine.py")
    assert code == 0
    assert "Mine alone." in out
    (tmp_path / "broken.py").write_text("1 / 0")
    code, _, err = cli("list", "objective", "--plugin", tmp_path / "broken.py")
    assert (code, "ZeroDivisionError" in err) == (2, True)


def test_schemas_are_json_schemas(cli: Cli) -> None:
    for what in ("recipe", "row"):
        code, out, _ = cli("schema", what)
        assert code == 0
        assert json.loads(out)["type"] == "object"
    assert cli("schema", "cell")[0] == 2

"""`rdcbench compare` at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from verify.fake import FakeRun  # tests/ is on the path: tests/conftest.py

from .conftest import Cli

ROWS = {f"s/end-to-end/classification={weight}": {"mse": 0.05 - 0.001 * weight} for weight in (0, 1, 2)}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs that differ in one number."""
    better = {name: {"mse": values["mse"] - 0.001} for name, values in ROWS.items()}
    return FakeRun(ROWS).write(tmp_path / "a").root, FakeRun(better).write(tmp_path / "b").root


@pytest.mark.parametrize("form", ["terminal", "md", "csv", "json"])
def test_every_format(cli: Cli, runs: tuple[Path, Path], form: str) -> None:
    code, out, _ = cli("compare", *runs, "--format", form)
    assert code == 0
    assert "B better" in out
    assert "3 of 3 paired differences are real" in out or form == "csv"


def test_bad_input_is_one_sentence(cli: Cli, runs: tuple[Path, Path]) -> None:
    assert "There is no format 'xls'" in cli("compare", *runs, "--format", "xls")[2]
    code, _, err = cli("compare", runs[0], "nowhere")
    assert (code, "nowhere is not a run folder" in err) == (2, True)

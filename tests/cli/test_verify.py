"""`rdcbench verify`: verdicts that fit the terminal, and what the shell is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec
from rdcbench.results import Cell, CellValue
from rdcbench.store import Store

from .conftest import Cli

CLAIM = """\
[claims.small-enough]
kind = "bound"
says = "the squared error is at most what a reader of this sentence, which is long enough to be folded, would expect"
reason = "r"
study = "s"
point = "p"
at_most = { mse = 0.05 }
"""


def make_run(root: Path, study: str, mse: float, claims: str = CLAIM) -> Store:
    """A run of one row."""
    store = Store(root)
    root.mkdir()
    (root / "provenance.json").write_text('{"schema_version": 1}')
    (root / "expected.toml").write_text(f"schema_version = 1\n{claims}")
    job = Job(name=f"{study}/end-to-end/p/seed0", dataset=PartSpec(name="d"))
    values = {"mse": CellValue(value=mse, image_lo=mse - 0.001, image_hi=mse + 0.001)}
    store.write_cell(Cell(key=root.name, train_key="t", job=job, values=values), {})
    keys = {job.name: root.name}
    store.write_plan(Plan(jobs=[job], keys=keys, train_keys=keys, data_digest="d"))
    return store


@pytest.mark.parametrize(("mse", "verdict", "expected"), [(0.04, "PASS", 0), (0.06, "FAIL", 1), (0.05, "UNDECIDED", 0)])
def test_the_exit_code_is_1_when_a_claim_fails(
    cli: Cli, tmp_path: Path, mse: float, verdict: str, expected: int
) -> None:
    make_run(tmp_path / "run", "s", mse)
    code, out, _ = cli("verify", tmp_path / "run")
    assert code == expected
    assert out.splitlines()[-1].startswith("3 claims: ")
    assert f"\n{verdict:10}small-enough: the squared error" in out


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_fit_the_terminal_and_stand_behind_the_verdict(
    cli: Cli, tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rdcbench.cli.tables.console.width", columns)
    make_run(tmp_path / "run", "s", 0.04)
    lines = cli("verify", tmp_path / "run")[1].splitlines()[:-1]
    assert max(map(len, lines)) <= columns
    assert {line[:10].strip() for line in lines} == {"PASS", "UNDECIDED", ""}  # no weights: no receiver
    assert all(line == line.rstrip() for line in lines)


def test_a_further_run_brings_the_studies_that_the_first_one_lacks(cli: Cli, tmp_path: Path) -> None:
    make_run(tmp_path / "run", "other", 0.04)
    make_run(tmp_path / "more", "s", 0.04)
    assert "no row of s at p with mse" in cli("verify", tmp_path / "run")[1]
    assert "p: mse 0.0400 [0.0390, 0.0410]" in cli("verify", tmp_path / "run", tmp_path / "more")[1]


def test_bad_input_is_a_sentence(cli: Cli, tmp_path: Path) -> None:
    make_run(tmp_path / "run", "s", 0.04, CLAIM.replace("bound", "bond"))
    code, _, err = cli("verify", tmp_path / "run")
    assert (code, "There is no kind of claim 'bond'" in err) == (2, True)
    code, _, err = cli("verify", tmp_path / "nowhere")
    assert (code, "is not a run folder" in err) == (2, True)
    (tmp_path / "run" / "expected.toml").unlink()
    code, _, err = cli("verify", tmp_path / "run")
    assert (code, "its benchmark makes no claims" in err) == (2, True)

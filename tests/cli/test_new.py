"""The way of an author, for every kind of part: `rdcbench new`, then the very command that it prints."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from rdcbench import scaffold
from rdcbench.registry import KINDS

from .conftest import Cli

FEW = ["--jobs", "1", "--set", "training.steps=5", "--set", "metrics=[{name='mse'}]", "--set", "judges=[]"]
ONE_POINT = ["--set", "studies.rdc.sweep={classification=[0.01]}", "--set", "studies.rdp.sweep={perception=[0.01]}"]


def command(kind: str, name: str, folder: Path) -> list[str]:
    """What the verb prints, with few steps, one point, and the file in the place of an installation."""
    words = shlex.split(scaffold.run_command(kind, name))[1:]
    if kind == "recipe":
        return ["run", str(folder / f"rdcbench_{name}/{name}/recipe.toml"), *FEW]
    words += [*FEW, *ONE_POINT, "--plugin", str(folder / f"rdcbench_{name}.py")]
    words += [] if "--only" in words else ["--only", "rdp" if kind == "critic" else "rdc"]
    return words if kind == "classifier" else [*words, "--set", "classifier.epochs=1"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_part_runs_at_once(kind: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"fresh_{kind}"
    code, out, err = cli("new", kind, name)
    assert code == 0, err
    assert f"rdcbench check {name}" in out
    code, out, err = cli(*command(kind, name, tmp_path / name), "--out", "out")
    assert code == 0, out + err
    rows = (tmp_path / "out/leaderboard.csv").read_text().splitlines()
    assert len(rows) == (3 if kind == "recipe" else 2)
    if kind == "tracker":
        assert '"event": "finished"' in (tmp_path / f"{name}.jsonl").read_text()
    elif kind != "executor":
        assert name in (tmp_path / "out/plan.json").read_text() + (tmp_path / "out/recipe.toml").read_text()

"""Verbs that read a run work from its files alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Cli


@pytest.mark.parametrize("form", ["terminal", "md", "csv", "json", "latex"])
def test_leaderboard_in_every_format(cli: Cli, finished: Path, form: str) -> None:
    code, out, _ = cli("leaderboard", finished, "--format", form)
    assert code == 0
    assert "rdc-universal" in out


def test_status_names_every_job(cli: Cli, finished: Path) -> None:
    code, out, _ = cli("status", finished)
    assert code == 0
    assert out.count("done") == 4


def test_report_writes_again_what_was_deleted_without_torch(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "copy"
    shutil.copytree(finished, run)
    shutil.rmtree(run / "figures")
    program = (
        "import sys\nsys.modules['torch'] = None\n"
        f"sys.argv = ['rdcbench', 'report', {str(run)!r}]\n"
        "from rdcbench.cli import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list((run / "figures").glob("*.svg"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["leaderboard", "nowhere"], "nowhere is not a run folder"),
        (["report", "nowhere"], "nowhere is not a run folder"),
        (["status", "nowhere"], "nowhere is not a run folder"),
    ],
)
def test_what_is_no_run_is_refused(cli: Cli, words: list[str], sentence: str) -> None:
    code, _, err = cli(*words)
    assert (code, sentence in err) == (2, True)


def test_unknown_orders_and_formats(cli: Cli, finished: Path) -> None:
    assert "There is no order 'rat'" in cli("leaderboard", finished, "--by", "rat")[2]
    assert "There is no format 'xls'" in cli("leaderboard", finished, "--format", "xls")[2]


def test_a_run_of_another_schema_version_is_refused(cli: Cli, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "old"
    shutil.copytree(finished, run)
    facts = json.loads((run / "provenance.json").read_text())
    (run / "provenance.json").write_text(json.dumps({**facts, "schema_version": 99}))
    for verb in ("leaderboard", "report", "status"):
        code, _, err = cli(verb, run)
        assert (code, "schema version 99" in err) == (2, True)


def test_runs_of_different_data_do_not_compare(cli: Cli, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "other"
    shutil.copytree(finished, run)
    from rdcbench.store import Store

    store = Store(run)
    plan = store.plan()
    assert plan is not None
    for job in plan.jobs:
        cell = store.cell(plan.keys[job.name]) if job.stage == "codec" else None
        if cell:
            store.write_cell(cell.model_copy(update={"data_digest": "other"}), {})
    code, _, err = cli("leaderboard", finished, run)
    assert (code, "do not compare" in err) == (2, True)

"""What `rdcbench watch` prints, of finished and of running runs, on terminals and in files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rdcbench.cli.watch import ASCII, WIDTH, chart, chosen, summary
from rdcbench.live import JobState, Snapshot

from .conftest import SMALL, Cli


def test_charts() -> None:
    assert chart([0.0, 1.0, 2.0, 7.0]) == "▁▂▃█ 7"
    assert chart([1.0]) == "▁ 1"
    assert chart([2.0, 2.0]) == "▁▁ 2"
    assert chart([0.0, 7.0], ASCII) == "_# 7"
    assert chart([0.0, float("nan"), 7.0]) == "▁?█ 7"
    assert chart([float("inf")]) == "not finite"
    long = chart([float(number) for number in range(1000)])
    assert (len(long.split()[0]), long[0], long[WIDTH - 1]) == (WIDTH, "▁", "█")


def test_running_jobs_are_shown_first_when_not_all_fit() -> None:
    jobs = [
        JobState(f"{state}{number}", state) for state in ("done", "waiting", "failed", "running") for number in (0, 1)
    ]  # type: ignore[arg-type]
    assert [job.name for job in chosen(jobs, 3)] == ["failed0", "running0", "running1"]
    assert [job.name for job in chosen(jobs, 5)] == ["done1", "failed0", "failed1", "running0", "running1"]
    assert chosen(jobs, 99) == jobs


def test_the_summary_says_what_is_to_be_expected() -> None:
    jobs = [JobState("a", "done"), JobState("b", "waiting")]
    assert summary(Snapshot(Path("r"), True, jobs, 120.0)) == "r: 2 jobs, 1 done, 1 to do; about 2 min left"
    assert summary(Snapshot(Path("r"), True, jobs)).endswith("; time left not known yet")
    assert summary(Snapshot(Path("r"), False, jobs)).endswith("not running; the same `rdcbench run` goes on")
    assert summary(Snapshot(Path("r"), False, jobs[:1])) == "r: 1 jobs, 1 done; ended"
    assert summary(Snapshot(Path("r"), True, [])) == "r: no plan yet"


def test_a_finished_run(cli: Cli, finished: Path) -> None:
    for words in ((), ("--once",)):
        code, out, err = cli("watch", finished, *words)
        assert code == 0, err
        assert "4 jobs, 4 done; ended" in out
        assert "rdc/end-to-end/classification=0.015/seed0" in out
        assert "distortion ▁" in out or "distortion █" in out or "distortion ▂" in out
        assert "\x1b" not in out


@pytest.mark.parametrize("value", ["0", "-1", "nan", "1e9"])
def test_intervals_that_cannot_be(cli: Cli, finished: Path, value: str) -> None:
    code, _, err = cli("watch", finished, "--interval", value)
    assert (code, "is not possible" in err) == (2, True)


def test_a_folder_that_is_no_run(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("watch", tmp_path)
    assert (code, out, "is not a run folder" in err) == (2, "", True)


def test_ctrl_c_is_exit_code_130(cli: Cli, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rdcbench.live import Watcher

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rdcbench.cli.watch._lines", stop)
    monkeypatch.setattr(Watcher, "look", lambda self: Snapshot(finished, True, []))
    code, _, err = cli("watch", finished)
    assert (code, "stopped watching" in err) == (130, True)


@pytest.mark.slow
def test_a_run_is_watched_from_another_process_until_it_ends(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "rdcbench",
        "run",
        "smoke",
        *SMALL,
        "--out",
        str(out),
        "--set",
        "training.steps=200",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        while not (out / "plan.json").exists():
            assert process.poll() is None
            time.sleep(0.1)
        code, text, err = cli("watch", out, "--interval", "0.1")
    finally:
        process.wait()
    assert (code, process.returncode) == (0, 0), err
    first, *_, table = text.split("\n", 1)
    assert "; time left not known yet" in first or "left" in first
    assert "4 jobs, 4 done; ended" in table

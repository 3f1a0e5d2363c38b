"""`rdcbench run`: runs, resumes, extends, and answers bad input with one sentence and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SMALL, Cli


def test_leaves_rows_tables_and_figures(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"recipe.toml", "provenance.json", "plan.json", "cells", "weights", "streams", "leaderboard.md"} <= names
    assert list((finished / "figures").glob("*.png"))


def test_the_same_command_repeats_nothing(cli: Cli, finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.glob("cells/*")}
    code, out, _ = cli("run", "smoke", *SMALL, "--out", finished)
    assert code == 0
    assert "Everything was finished" in out
    assert {path: path.stat().st_mtime_ns for path in finished.glob("cells/*")} == before


def test_runs_with_one_cache_do_not_train_twice(cli: Cli, finished: Path, tmp_path: Path) -> None:
    """A finished run folder has the form of a cache."""
    code, _, _ = cli("run", "smoke", *SMALL, "--out", tmp_path / "second", "--cache", finished)
    assert code == 0
    second, first = (
        {path.name: path.read_bytes() for path in run.glob("cells/*")} for run in (tmp_path / "second", finished)
    )
    assert second == first


def test_a_dry_run_prints_the_jobs_and_an_estimate_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("run", "smoke", *SMALL, "--out", tmp_path / "none", "--dry-run")
    assert code == 0
    assert "4 jobs for 4 names, 4 to do; about" in out
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--seeds", "0"], "--seeds 0 is not possible"),
        (["--jobs", "0"], "--jobs 0 is not possible"),
        (["--device", "warp"], "There is no device 'warp' here; there is: cpu"),
        (["--cache", __file__], "is a file; give a folder"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would(cli: Cli, tmp_path: Path, options: list[str], sentence: str) -> None:
    code, _, err = cli("run", "smoke", *SMALL, "--out", tmp_path / "none", "--dry-run", *options)
    assert (code, sentence in err) == (2, True), err


def test_a_dry_run_knows_the_cache_and_writes_nothing(cli: Cli, finished: Path, tmp_path: Path) -> None:
    """So that a later run into the same place is not refused."""
    code, out, _ = cli("run", "smoke", *SMALL, "--out", tmp_path / "none", "--cache", finished, "--dry-run")
    assert code == 0
    assert "4 jobs for 4 names, 0 to do" in out
    assert not (tmp_path / "none").exists()


def test_all_universal_rows_share_the_stream_of_their_base(finished: Path) -> None:
    from rdcbench.store import Store

    plan = Store(finished).plan()
    assert plan is not None
    base = plan.keys["rdc/end-to-end/classification=0.015/seed0"]
    universal = plan.keys["rdc-universal/universal/classification=0.005/seed0"]
    streams = [(finished / "streams" / f"{key}.rdc").read_bytes() for key in (base, universal)]
    assert streams[0] == streams[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["smok"], "There is no benchmark 'smok'; there is: "),
        (["nowhere.toml"], "There is no recipe file 'nowhere.toml'"),
        (["smoke", "--preset", "ful"], "There is no preset 'ful'"),
        (["smoke", "--quick", "--preset", "full"], "--quick is the preset 'quick'"),
        (["smoke", "--only", "rdx"], "there is no study 'rdx'"),
        (["smoke", "--encoder", "mpl"], "There is no encoder 'mpl'; there is: "),
        (["smoke", "--set", "encoder.width=3"], "no option of the encoder 'mlp' named 'width'"),
        (["smoke", "--set", "training.stepz=3"], "Did you mean"),
        (["smoke", "--set", "training.steps='many'"], "training.steps = 'many'"),
        (["smoke", "--set", "nonsense"], "not of the form table.key=VALUE"),
        (["smoke", "--seeds", "0"], "--seeds 0 is not possible"),
        (["smoke", "--jobs", "-1"], "--jobs -1 is not possible"),
        (["smoke", "--device", "tpu"], "There is no device 'tpu' here; there is: cpu"),
        (["smoke", "--cuda-graphs"], "--cuda-graphs needs a GPU, and --device is cpu; add --device cuda"),
        (["smoke", "--executor", "ray"], "There is no executor 'ray'"),
        (["smoke", "--address", "10.0.0.1:6379"], "no option of the executor 'local' named 'address'"),
        (["smoke", "--executor-option", "gpus"], "--executor-option 'gpus' is not of the form NAME=VALUE"),
        (["smoke", "--artefacts", "nowhere://bucket/run"], "--artefacts nowhere://bucket/run cannot be used: "),
        (["smoke", "--plugin", "nowhere.py"], "there is no such file"),
        (["smoke", "--set", "training.threads=999"], "training.threads = 999 is more than this machine's"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(cli: Cli, tmp_path: Path, words: list[str], sentence: str) -> None:
    code, _, err = cli("run", *words, "--out", tmp_path / "run")
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
    assert not (tmp_path / "run" / "cells").exists()


def test_a_recipe_that_is_not_toml(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("name = ")
    code, _, err = cli("run", tmp_path / "bad.toml")
    assert code == 2
    assert "is not TOML" in err


def test_a_folder_of_something_else_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    code, _, err = cli("run", "smoke", *SMALL, "--out", tmp_path)
    assert code == 2
    assert "is not a run folder" in err
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_importing_and_help_do_not_import_torch() -> None:
    program = (
        "import sys\n"
        "import rdcbench, rdcbench.cli\n"
        "sys.argv = ['rdcbench', '--help']\n"
        "try:\n    rdcbench.cli.main()\n"
        "except SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules and 'compressai' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


def test_an_interruption_says_that_nothing_finished_is_lost(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rdcbench import runner

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", interrupted)
    code, _, err = cli("run", "smoke", "--out", tmp_path / "run")
    assert code == 130
    assert "the same command goes on" in err

"""Verbs that work from files alone import no plugin, whoever is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SMALL

STRANGER = "rdcbench_stranger"


PROGRAM = """
import atexit, pathlib, sys
atexit.register(lambda: pathlib.Path("modules").write_text(" ".join(sys.modules)))
sys.argv = ["rdcbench", *sys.argv[1:]]
from rdcbench.cli import main
main()
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A package as pip leaves it."""
    (tmp_path / f"{STRANGER}.py").write_text("")
    record = tmp_path / f"{STRANGER}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {STRANGER}\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[rdcbench]\n{STRANGER} = {STRANGER}\n")
    return tmp_path


def imported(stranger: Path, *words: str) -> set[str]:
    """The plugins, the stranger's and built-in ones, that `rdcbench WORDS...` imports in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(stranger), "COLUMNS": "200"}
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, cwd=stranger, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    modules = {name.partition(".")[0] for name in (stranger / "modules").read_text().split()}
    assert "rdcbench" in modules
    return {name for name in modules if name.startswith("rdcbench_")}


@pytest.mark.parametrize(
    "words",
    ["--help", "verify --help", "schema recipe", "schema row", "status RUN", "leaderboard RUN", "report RUN",
     "watch RUN --once"],
)  # fmt: skip
def test_verbs_that_work_from_files_alone_import_no_plugin(words: str, stranger: Path, finished: Path) -> None:
    assert imported(stranger, *words.replace("RUN", str(finished)).split()) == set()


def test_a_finished_run_is_recognised_before_a_stranger_s_plugin_is_imported(stranger: Path, finished: Path) -> None:
    assert STRANGER not in imported(stranger, "run", "smoke", *SMALL, "--out", str(finished))


def test_a_verb_that_loads_plugins_is_seen_to(stranger: Path) -> None:
    assert {STRANGER, "rdcbench_std"} <= imported(stranger, "list", "tracker")

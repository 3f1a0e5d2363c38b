"""The tracker of plugins/tracker-tensorboard: a package of its own that keeps its contract, and is left out when it fails."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from rdcbench.dispatch import build_trackers, teller
from rdcbench.registry import load

FOLDER = Path(__file__).parents[2] / "plugins" / "tracker-tensorboard"
FILE = FOLDER / "rdcbench_tensorboard.py"


def test_it_is_a_package_with_its_entry_point():
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["rdcbench"] == {"rdcbench_tensorboard": "rdcbench_tensorboard"}
    assert project["tool"]["setuptools"]["py-modules"] == ["rdcbench_tensorboard"]


def test_its_own_tests_pass():
    plugin = ["-p", "no:rdcbench", "-p", "rdcbench.conformance.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(FOLDER)]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_tensorboard_it_is_left_out_with_a_note(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    notes = []
    parts = load((FILE,))
    listener = lambda kind, job, values: notes.append(values["text"])  # noqa: E731
    assert build_trackers(["tensorboard"], lambda name: parts.build("tracker", name, {}), listener) == []
    assert "tracker 'tensorboard' left out" in notes[0]


def test_a_disk_that_is_full_leaves_it_out_and_the_run_goes_on(tmp_path):
    notes = []
    parts = load((FILE,))
    (tmp_path / "tensorboard").write_text("a file where its folder should be")
    listener = lambda kind, job, values: notes.extend([values["text"]] if kind == "note" else [])  # noqa: E731
    trackers = build_trackers(["tensorboard"], lambda name: parts.build("tracker", name, {}), listener)
    tell = teller(listener, trackers)
    tell("planned", "", {"jobs": 1, "todo": {}, "folder": str(tmp_path)})
    tell("finished", "a/b/c/seed0", {"mse": 0.1})
    tell("finished", "a/b/d/seed0", {"mse": 0.1})
    assert len(notes) == 1
    assert trackers == []

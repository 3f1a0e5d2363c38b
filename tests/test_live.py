"""The state of a run from its files: what runs, how far, what is left, and curves from progress and checkpoints."""

from __future__ import annotations

import fcntl
import json
import os
import time

import pytest
import torch

from rdcbench.errors import StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.live import Watcher, is_running
from rdcbench.recipe import PartSpec, Training
from rdcbench.results import Cell
from rdcbench.store import Store

NAMES = [f"rdc/end/classification={number}/seed0" for number in range(4)]
KEYS = {name: f"{number:020x}" for number, name in enumerate(NAMES)}


@pytest.fixture
def store(make_recipe, tmp_path):
    """A run of four jobs that has just begun."""
    store = Store(tmp_path / "run")
    store.create(make_recipe(), {"schema_version": 1})
    jobs = [
        Job(name=name, dataset=PartSpec(name="d"), training=Training(steps=100, batch=8, learning_rate=0.01))
        for name in NAMES
    ]
    store.write_plan(Plan(jobs=jobs, train_keys=KEYS, keys=KEYS, data_digest="d"))
    return store


@pytest.fixture
def running(store):
    """Hold the run as `rdcbench run` does."""
    with (store.root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def finish(store, name, status="done", **facts):
    cell = Cell(key=KEYS[name], train_key=KEYS[name], job=store.plan().job(name), status=status, **facts)
    store.write_cell(cell, {})
    store.write_weights(KEYS[name], {"weight": torch.zeros(1)}, {})


def progress(store, name, step, **terms):
    text = {"job": name, "step": step, "steps": 100, "terms": {"step": step, **terms}}
    store.write(f"progress/{KEYS[name]}.json", json.dumps(text).encode())


def states(snapshot):
    return [job.state for job in snapshot.jobs]


def test_a_run_is_running_as_long_as_it_is_held(store, running):
    assert is_running(store.root)
    assert is_running(store.root)  # looking does not take the lock away
    running.close()
    assert not is_running(store.root)
    assert not is_running(store.root / "nowhere")


def test_looking_leaves_the_lock_to_a_run(store):
    (store.root / ".lock").write_text("")
    assert not is_running(store.root)
    with (store.root / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_states_of_jobs(store, running):
    finish(store, NAMES[0], history=[{"step": 0, "mse": 2.0}, {"step": 99, "mse": 1.0}])
    finish(store, NAMES[1], "failed", error="why")
    progress(store, NAMES[2], 30, mse=0.5)
    snapshot = Watcher(store.root).look()
    assert snapshot.running
    assert states(snapshot) == ["done", "failed", "running", "waiting"]
    assert snapshot.jobs[0].curves == {"mse": [2.0, 1.0]}
    assert snapshot.jobs[1].error == "why"
    assert (snapshot.jobs[2].step, snapshot.jobs[2].steps) == (30, 100)


def test_losses_are_collected_from_look_to_look(store, running):
    watcher = Watcher(store.root)
    for step, mse in ((10, 3.0), (20, 2.0), (20, 2.0), (30, 1.0)):
        progress(store, NAMES[0], step, mse=mse)
        snapshot = watcher.look()
    assert snapshot.jobs[0].curves == {"mse": [3.0, 2.0, 1.0]}


def test_earlier_losses_come_from_the_checkpoint(store, running):
    import torch

    facts = {"history": [{"step": 0, "mse": 9.0}, {"step": 10, "mse": 5.0}]}
    store.write_tensors(f"checkpoints/{KEYS[NAMES[0]]}.safetensors", {"x": torch.zeros(3)}, facts)
    progress(store, NAMES[0], 30, mse=1.0)
    assert Watcher(store.root).look().jobs[0].curves == {"mse": [9.0, 5.0, 1.0]}
    store.write(f"checkpoints/{KEYS[NAMES[0]]}.safetensors", b"\xff" * 40)
    assert Watcher(store.root).look().jobs[0].curves == {"mse": [1.0]}


def test_time_left_counts_what_this_start_has_done(store, running):
    finish(store, NAMES[0])
    os.utime(store.path(f"cells/{KEYS[NAMES[0]]}.json"), (1, 1))  # of an earlier start: costs nothing now
    assert Watcher(store.root).look().seconds_left is None
    started = time.time() - 60
    os.utime(store.path("plan.json"), (started, started))
    finish(store, NAMES[1])
    left = Watcher(store.root).look().seconds_left
    assert left == pytest.approx(120, rel=0.05)  # one of three in a minute


def test_progress_of_an_earlier_start_is_no_progress(store, running):
    progress(store, NAMES[0], 30, mse=1.0)
    os.utime(store.path(f"progress/{KEYS[NAMES[0]]}.json"), (1, 1))
    assert states(Watcher(store.root).look())[0] == "waiting"


@pytest.mark.parametrize("text", [b"", b"[]", b'{"step": 1}', b"\xff"])
def test_a_progress_file_that_is_none_is_passed_over(store, running, text):
    store.write(f"progress/{KEYS[NAMES[0]]}.json", text)
    assert states(Watcher(store.root).look())[0] == "waiting"


def test_nothing_runs_in_a_run_that_ended(store):
    progress(store, NAMES[0], 30, mse=1.0)
    snapshot = Watcher(store.root).look()
    assert (snapshot.running, snapshot.seconds_left) == (False, None)
    assert states(snapshot) == ["waiting"] * 4


def test_folders_that_are_no_runs(store, tmp_path):
    with pytest.raises(StoreError, match="is not a run folder"):
        Watcher(tmp_path)
    store.path("plan.json").write_bytes(b"{")
    with pytest.raises(StoreError, match="cannot be read"):
        Watcher(store.root).look()
    store.path("plan.json").unlink()
    assert Watcher(store.root).look().jobs == []

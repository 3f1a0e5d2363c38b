from __future__ import annotations

import pytest
import torch

from rdcbench.jobs import Job, Plan
from rdcbench.lock import locked
from rdcbench.recipe import PartSpec
from rdcbench.results import Cell
from rdcbench.status import NAME, Running, states
from rdcbench.store import Store


@pytest.fixture
def store(tmp_path, make_recipe):
    store = Store(tmp_path / "run")
    store.create(make_recipe(), {"schema_version": 1})
    jobs = [Job(name=f"s/p/{key}/seed0", dataset=PartSpec(name="d")) for key in "abcd"]
    keys = {job.name: job.name[4] for job in jobs}
    store.write_plan(Plan(jobs=jobs, train_keys=keys, keys=keys, data_digest="d"))
    for job, state in zip(jobs, ("done", "failed", "done"), strict=False):
        key = keys[job.name]
        store.write_weights(key, {"w": torch.ones(9)}, {})
        store.write_cell(
            Cell(key=key, train_key=key, job=job, status=state, error="" if state == "done" else "why"), {}
        )
    return store


def test_every_state_is_told(store):
    weights = store.path("weights/c.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    Running(store).note("started", "s/p/d/seed0")
    with locked(store.root):
        seen = states(store)
    assert [(name[4], state) for name, state, _ in seen] == [
        ("a", "done"), ("b", "failed"), ("c", "damaged"), ("d", "running")
    ]  # fmt: skip
    assert seen[1][2] == "why"
    assert "c.safetensors is damaged" in seen[2][2]


@pytest.mark.parametrize("name", ["cells/a.json", "weights/a.safetensors"])
def test_a_damaged_file_is_not_called_missing(store, name):
    path = store.path(name)
    path.write_bytes(path.read_bytes()[:-2])
    assert states(store)[0][1] == "damaged"
    assert path.name in states(store)[0][2]
    path.unlink()
    assert states(Store(store.root))[0][1:] == ("missing", "")


def test_a_job_of_a_run_that_was_killed_does_not_run(store):
    Running(store).note("started", "s/p/d/seed0")
    assert states(store)[3][1] == "missing"


def test_a_job_that_ended_does_not_run(store):
    running = Running(store)
    for kind in ("started", "failed"):
        running.note(kind, "s/p/d/seed0")
    with locked(store.root):
        assert states(store)[3][1] == "missing"


@pytest.mark.parametrize("content", [b"", b"3", b"[[]]", b"[" * 100_000])
def test_a_damaged_list_of_running_jobs_costs_no_status(store, content):
    store.path(NAME).write_bytes(content)
    with locked(store.root):
        assert [state for _, state, _ in states(store)] == ["done", "failed", "done", "missing"]


def test_a_run_without_a_plan_has_no_jobs(tmp_path):
    assert states(Store(tmp_path)) == []

"""Runs whose jobs share no disk with them: the same rows, and whatever is lost on the way is found again."""

from __future__ import annotations

import pickle
import uuid
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace

import pytest
import tiny_plugin as tiny

from rdcbench import errand, registry, runner
from rdcbench.building import Settings
from rdcbench.depot import Depot
from rdcbench.errors import RdcbenchError, StoreError
from rdcbench.executors import Cluster, Serial
from rdcbench.fence import took_too_long
from rdcbench.options import Options
from rdcbench.routes import ByDepot, OneDisk, route_of
from rdcbench.store import Store

SMALL = {"judges": [], "metrics": [{"name": "tiny-mse"}]}
RDC = "rdc/tiny-end/classification=0/seed0"


class Elsewhere(Cluster):
    """Does at once, in this process, what a cluster would do; loses the workers of the first jobs."""

    name = "elsewhere"
    lost = 0
    calls: list = []  # noqa: RUF012

    def submit(self, work, *arguments):
        self.calls.append(work)
        if isinstance(work, errand.Errand) and self.lost:
            type(self).lost -= 1
            future: Future = Future()
            future.set_exception(BrokenExecutor("The node is gone."))
            return future
        return Serial().submit(pickle.loads(pickle.dumps(work)), *arguments)

    def slots(self):
        return 2

    def close(self, cancel=False):
        """Nothing runs."""


@pytest.fixture
def run(only_tiny, make_recipe, tmp_path, monkeypatch):
    """Run the tiny recipe into a folder of this name."""
    monkeypatch.setattr(Elsewhere, "calls", [])
    monkeypatch.setattr(Elsewhere, "lost", 0)
    only_tiny.entries.append(registry._checked("executor", Elsewhere, "here"))

    def run(folder, over=None, listener=lambda *_: None, recipe=None, **options):
        chosen = Options(out=tmp_path / folder, **options)
        return runner.run(recipe or make_recipe(over), chosen, listener)

    return run


def numbers(result) -> list[str]:
    """All of the rows but what a clock said and the run's name."""
    told = []
    for row in result.rows:
        raw = row.model_copy(update={"run": ""})
        costs = {name: cost for name, cost in row.costs.items() if not name.endswith(("_us", "_seconds"))}
        told.append(raw.model_copy(update={"costs": costs}).model_dump_json())
    return told


def contents(result, pattern) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in result.store.root.glob(pattern)}


def memory() -> str:
    return f"memory://{uuid.uuid4()}"


def test_a_run_by_a_depot_has_the_rows_of_one_on_its_own_disk(run):
    here = run("here")
    there = run("there", artefacts=memory())
    assert there.failures == {}
    assert there.performed == here.performed
    assert numbers(there) == numbers(here)
    for pattern in ("streams/*", "cells/*.npz"):
        assert set(contents(there, pattern)) == set(contents(here, pattern))
    assert contents(there, "streams/*") == contents(here, "streams/*")
    assert not there.store.path("artefacts").exists()
    assert run("there").performed == 0


def test_an_errand_knows_nothing_of_the_disk_of_the_run(run, tmp_path):
    run("run", SMALL, executor="elsewhere", artefacts=memory(), data_dir=tmp_path / "data")
    errands = [call for call in Elsewhere.calls if isinstance(call, errand.Errand)]
    assert len(errands) == 6
    assert not any(str(tmp_path).encode() in pickle.dumps(item) for item in errands)


def test_a_cluster_without_artefacts_passes_them_through_the_run_folder_and_leaves_nothing_behind(run):
    result = run("run", SMALL, executor="elsewhere")
    assert result.failures == {}
    assert Elsewhere.calls[1].depot == Depot(f"file://{result.store.root.resolve()}/artefacts")
    assert not result.store.path("artefacts").exists()
    assert numbers(result) == numbers(run("here", SMALL))


def test_what_another_run_left_in_the_depot_is_not_done_again(run):
    url = memory()
    first = run("first", artefacts=url)
    second = run("second", artefacts=url)
    assert (second.performed, second.failures) == (0, {})
    assert numbers(second) == numbers(first)


def test_where_nothing_is_missing_no_depot_is_left_and_no_worker_asked(run, tmp_path):
    first = run("first", SMALL, cache=tmp_path / "cache")
    Elsewhere.calls.clear()
    second = run("second", SMALL, cache=tmp_path / "cache", executor="elsewhere")
    assert (second.performed, second.failures, Elsewhere.calls) == (0, {}, [])
    assert not second.store.path("artefacts").exists()
    assert numbers(second) == numbers(first)


def test_a_run_that_was_started_without_a_depot_goes_on_with_one(run, make_recipe):
    recipe = make_recipe(SMALL, only=["rdc"])
    run("run", recipe=recipe)
    result = run("run", SMALL, artefacts=memory())
    assert result.failures == {}
    assert result.performed == 3
    assert numbers(result) == numbers(run("here", SMALL))


def test_a_lost_worker_fails_its_job_and_the_same_command_goes_on(run):
    Elsewhere.lost = 1
    url = memory()
    broken = run("run", SMALL, executor="elsewhere", artefacts=url)
    assert "its worker died" in broken.failures.values()
    assert numbers(run("run", SMALL, executor="elsewhere", artefacts=url)) == numbers(run("here", SMALL))


def test_a_damaged_result_in_the_depot_is_made_again(run, tmp_path):
    url = str(tmp_path / "depot")
    first = run("first", SMALL, artefacts=url)
    for path in (tmp_path / "depot").glob("*/*"):
        path.write_bytes(path.read_bytes()[:-3])
    second = run("second", SMALL, artefacts=url)
    assert (second.failures, second.performed) == ({}, first.performed)
    assert numbers(second) == numbers(first)


@pytest.mark.parametrize("url", ["nowhere://bucket/run", "file:///dev/null/run"])
def test_an_url_that_cannot_be_used_is_one_sentence(run, url):
    with pytest.raises(StoreError, match="--artefacts"):
        run("run", SMALL, artefacts=url)
    assert Elsewhere.calls == []


def test_workers_that_see_another_place_are_refused_before_any_job(run, monkeypatch):
    monkeypatch.setattr(errand, "knock", lambda depot, token: "not the same place on n1")
    monkeypatch.setattr(pickle, "dumps", lambda work: work)
    monkeypatch.setattr(pickle, "loads", lambda work: work)
    with pytest.raises(StoreError, match="not the same place on n1"):
        run("run", SMALL, executor="elsewhere", artefacts=memory())
    assert len(Elsewhere.calls) == 1


# -------------------------------------------------------------------------------------------------------------- errands


@pytest.fixture
def depot():
    return Depot(memory())


@pytest.fixture
def make_errand(plan, tmp_path, depot):
    """Give the errand of a job, its inputs laid out, and the route that made it."""

    def make_errand(name, limit=60.0):
        route = route_of(plan, Settings(tmp_path / "run"), limit, depot.url, False)
        assert isinstance(route, ByDepot)
        route.open()
        route.publish(Serial())
        return route.call(plan.job(name))[0], route

    return make_errand


def test_the_way_is_the_run_folder_unless_workers_are_apart_or_a_depot_is_named(plan, tmp_path):
    ways = [
        route_of(plan, Settings(tmp_path), 1.0, url, apart)
        for url, apart in (("", False), ("", True), (memory(), False))
    ]
    assert [type(way) for way in ways] == [OneDisk, ByDepot, ByDepot]


def test_an_errand_leaves_what_its_job_made_and_the_route_brings_it(make_errand, plan, depot, tmp_path):
    item, route = make_errand("classifier")
    with pytest.raises(StoreError, match="lacks what the job has made"):
        route.receive(plan.job("classifier"))
    assert item() == ""
    route.receive(plan.job("classifier"))
    assert Store(tmp_path / "run").has_weights(plan.train_keys["classifier"])
    item, route = make_errand(RDC)
    assert item() == ""
    assert not depot.has(f"checkpoints/{plan.train_keys[RDC]}.safetensors")
    route.receive(plan.job(RDC))
    assert Store(tmp_path / "run").finished(plan.keys[RDC])


def test_an_errand_that_lacks_an_input_says_so(make_errand, plan):
    item, _ = make_errand("classifier")
    item = replace(item, work=replace(item.work, input_keys={"classifier": "0" * 20}))
    assert f"lacks weights/{'0' * 20}.safetensors" in item()


def test_an_input_that_is_damaged_in_the_depot_is_named(make_errand, plan, depot):
    item, route = make_errand("classifier")
    item()
    route.receive(plan.job("classifier"))
    item, _ = make_errand(RDC)
    name = f"weights/{plan.train_keys['classifier']}.safetensors"
    depot.write(name, depot.read(name)[:-3])
    assert f"{name} is damaged; delete it and run again" in item()


def test_other_code_is_refused(make_errand):
    item, _ = make_errand("classifier")
    other = replace(item, installed={**item.installed, "torch": "1.0"})
    assert "1.0 where the run was started; install the same packages on every node" in other()
    job = item.work.job.model_copy(update={"versions": {"classifier": "1-other"}})
    sentence = replace(item, work=replace(item.work, job=job))()
    assert "the classifier 'tiny-classifier' is not the one of where the run was started" in sentence


def test_a_job_that_was_ended_for_its_slowness_is_not_done_again_and_one_that_was_lost_is(
    make_errand, depot, monkeypatch
):
    item, _ = make_errand("classifier")
    name = f"attempts/{item.work.key}"
    depot.write(name, b"1000.0")
    monkeypatch.setattr(errand.time, "time", lambda: 1061.0)
    assert item() == took_too_long(60.0)
    monkeypatch.setattr(errand.time, "time", lambda: 1059.0)
    assert item() == ""
    assert depot.read(name) == b"1059.0"
    make_errand("classifier")
    assert depot.read(name) is None, "the same command again is a new chance"


def test_a_lost_errand_goes_on_from_the_checkpoint_in_the_depot(plan, make_recipe, make_errand, depot, monkeypatch):
    """The courier brings the checkpoint of a job that never ends; the next worker finds it."""
    item, route = make_errand("classifier")
    assert item() == ""
    route.receive(plan.job("classifier"))
    item, _ = make_errand(RDC)
    training = item.work.job.training.model_copy(update={"checkpoint_seconds": 1e-6})
    item = replace(item, work=replace(item.work, job=item.work.job.model_copy(update={"training": training})))
    key = f"checkpoints/{item.work.train_key}.safetensors"
    monkeypatch.setattr(errand, "CARRY_SECONDS", 0.01)
    carried = []

    class Killed(BaseException):
        pass

    plain = tiny.NetDecoder.forward

    def forward(self, received, context):
        if depot.has(key):
            carried.append(depot.read(key))
            raise Killed
        errand.time.sleep(0.01)
        return plain(self, received, context)

    monkeypatch.setattr(tiny.NetDecoder, "forward", forward)
    with pytest.raises(Killed):
        item()
    monkeypatch.setattr(tiny.NetDecoder, "forward", plain)
    assert carried
    assert item() == ""
    cell = depot.read(f"cells/{item.work.key}.json")
    assert b"went on from step" in cell


def test_a_knock_is_heard_only_in_the_same_place(depot):
    depot.write("knock", b"token")
    assert errand.knock(depot, b"token") == ""
    assert "is not the same place on" in errand.knock(Depot(memory()), b"token")
    assert "cannot be used" in errand.knock(Depot("nowhere://x"), b"token")


def test_an_error_of_the_harness_on_the_way_is_the_job_s(make_errand, monkeypatch):
    item, _ = make_errand("classifier")

    def refuse(*_):
        raise RdcbenchError("no")

    monkeypatch.setattr(errand, "check_code", refuse)
    assert item().startswith("no (on ")

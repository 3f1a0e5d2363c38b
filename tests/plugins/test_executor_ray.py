"""The executor for Ray: a real cluster of two nodes on this machine, one of which is lost in mid-run."""

from __future__ import annotations

import operator
import os
import sys
import tomllib
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest
import tiny_plugin as tiny
from tiny_runs import registry_of

from rdcbench import registry, runner
from rdcbench.errors import RdcbenchError
from rdcbench.options import Options

FOLDER = Path(__file__).parents[2] / "plugins" / "executor-ray"
FILE = FOLDER / "rdcbench_ray.py"
QUICK = {
    "health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 10,
    "worker_niceness": 0,
}  # fmt: skip
"""A lost node is noticed in five seconds, and workers have the usual priority."""
ray = pytest.importorskip("ray")


@pytest.fixture
def parts():
    """The tiny parts and the executor."""
    return registry_of(tiny, registry._load_file(FILE))


def test_it_is_a_package_of_its_own(parts):
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["rdcbench"] == {FILE.stem: FILE.stem}
    assert project["tool"]["setuptools"]["py-modules"] == [FILE.stem]
    assert list(parts.get("executor", "ray").options()) == ["address", "gpus", "memory_gb", "retries", "threads"]


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"address": "127.0.0.1:9"},
            r"There is no Ray cluster at '127.0.0.1:9': .*refused.* `ray start --head` prints",
        ),
        ({"address": "10.0.0.1"}, r"There is no Ray cluster at '10.0.0.1': an address is HOST:PORT, or auto"),
        ({"address": "nowhere.invalid:6379"}, r"There is no Ray cluster at 'nowhere.invalid:6379': "),
        ({"gpus": -1}, r"gpus, memory_gb and retries of the executor 'ray' must not be negative"),
    ],
)
def test_what_cannot_be_is_one_sentence(parts, monkeypatch, options, sentence):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(RdcbenchError, match=sentence) as raised:
        parts.build("executor", "ray", options).slots()
    assert "\n" not in str(raised.value)


def test_without_ray_it_says_how_to_get_it(parts, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        RdcbenchError, match=r"The executor 'ray' needs Ray, which cannot be imported .*pip install ray"
    ):
        parts.build("executor", "ray", {}).submit(operator.add, 1, 2)


def test_on_the_command_line_a_wrong_address_is_exit_code_2(tmp_path, capfd, monkeypatch):
    from rdcbench.cli import main

    words = [
        "run",
        "smoke",
        "--plugin",
        FILE,
        "--executor",
        "ray",
        "--address",
        "127.0.0.1:9",
        "--out",
        tmp_path / "run",
    ]
    monkeypatch.setattr("sys.argv", ["rdcbench", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    err = capfd.readouterr().err
    assert "rdcbench: There is no Ray cluster at '127.0.0.1:9'" in err
    assert "Traceback" not in err


# ------------------------------------------------------------------------------------------------------ a real cluster


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of one processor each."""
    from ray.cluster_utils import Cluster

    one = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**one, "_system_config": QUICK})
    cluster.add_node(**one)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture
def executor(parts, cluster):
    made = []

    def executor(**options):
        made.append(parts.build("executor", "ray", {"address": cluster.address, **options}))
        return made[-1]

    yield executor
    for one in made:
        one.close(cancel=True)
        one.close(cancel=True)


def test_work_comes_back_and_errors_and_deaths_stay_with_their_job(executor):
    hands = executor(retries=0)
    assert hands.slots() == 2
    futures = [hands.submit(operator.pow, 2, power) for power in range(3)]
    wrong, deadly = hands.submit(operator.truediv, 1, 0), hands.submit(os._exit, 3)
    assert [future.result(120) for future in futures] == [1, 2, 4]
    assert isinstance(wrong.exception(120), ZeroDivisionError)
    assert isinstance(deadly.exception(120), BrokenExecutor)
    assert hands.submit(operator.add, 1, 2).result(120) == 3


@pytest.mark.parametrize("options", [{"threads": 2}, {"gpus": 0.5}, {"memory_gb": 1e6}])
def test_jobs_for_which_no_node_has_room_are_refused_and_not_waited_for(executor, options):
    with pytest.raises(RdcbenchError, match=r"A job needs 1|2 CPU.*; no node of the Ray cluster has that, they have "):
        executor(**options).slots()


def numbers(result) -> list[str]:
    """All of the rows but what a clock said and the run's name."""
    told = []
    for row in result.rows:
        costs = {name: cost for name, cost in row.costs.items() if not name.endswith(("_us", "_seconds"))}
        told.append(row.model_copy(update={"run": "", "costs": costs}).model_dump_json())
    return told


def test_a_node_that_dies_in_mid_run_changes_no_row_and_all_executors_agree(
    parts, cluster, make_recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(registry, "load", lambda files=(): parts)
    gate = tmp_path / "gate"
    gate.mkdir()
    recipe = make_recipe(
        {"judges": [], "metrics": [{"name": "tiny-mse"}]}, objective={"name": "gated-objective", "folder": str(gate)}
    )

    def run(folder, listener=lambda *_: None, **options):
        return runner.run(recipe, Options(tmp_path / folder, plugin_files=(tiny.FILE,), **options), listener)

    def lose_a_node(kind, job, values):
        """Once both nodes work, one goes, and the job on the other may go on."""
        waiting = len(list(gate.iterdir()))
        if kind == "tick" and waiting == 2 and cluster.worker_nodes:
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
            (gate / "go").touch()

    options = {"executor": "ray", "executor_options": {"address": cluster.address}, "jobs": None}
    lost = run("ray", lose_a_node, artefacts=str(tmp_path / "shared"), **options)
    assert lost.failures == {}
    assert not cluster.worker_nodes, "a node was lost"
    assert lost.performed == 6
    serial, local = run("serial"), run("local", jobs=2)
    assert numbers(lost) == numbers(serial) == numbers(local)
    streams = [
        {path.name: path.read_bytes() for path in result.store.root.glob("streams/*")}
        for result in (lost, serial, local)
    ]
    assert streams[0] == streams[1] == streams[2]

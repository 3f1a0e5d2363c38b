"""The scheduler that runs use, driven by jobs that only wait: python benchmarks/speed/scheduler.py

A plan of so many cells is laid out as in `mnist-universal`: a classifier and a judge first, then end-to-end codecs,
then four decoders for each of their encoders. Workers are a clock, so a thousand of them fit into one process; the time
of the thread that dispatches is real. One row of a Markdown table for each size.
"""

from __future__ import annotations

import argparse
import heapq
import random
import resource
import tempfile
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from rdcbench.dispatch import Call, Route, dispatch
from rdcbench.interfaces import Executor
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec, Training, digest_of
from rdcbench.schedule import Todo, needs
from rdcbench.store import Store

DECODERS = 4
"""Decoders for each encoder."""
SIZES = ((100, 10), (1_000, 100), (10_000, 100), (10_000, 1_000))
DATASET, TRAINING = PartSpec(name="d"), Training(steps=1000, batch=64, learning_rate=1e-3)


class Clock(Executor):
    """Workers that sleep: a future is done when its time has come."""

    name = "clock"

    def __init__(self) -> None:
        self._ends: list[tuple[float, int, Future[Any]]] = []
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, work: Any, *arguments: Any) -> Future[Any]:  # noqa: ARG002
        """`arguments`: seconds that the job takes."""
        future: Future[Any] = Future()
        with self._changed:
            heapq.heappush(self._ends, (time.monotonic() + arguments[0], id(future), future))
            self._changed.notify()
        return future

    def close(self, cancel: bool = False) -> None:  # noqa: ARG002
        with self._changed:
            self._open = False
            self._changed.notify()

    def _run(self) -> None:
        while self._open:
            with self._changed:
                now = time.monotonic()
                due = []
                while self._ends and self._ends[0][0] <= now:
                    due.append(heapq.heappop(self._ends))
                if not due:
                    self._changed.wait(self._ends[0][0] - now if self._ends else None)
            for *_, future in due:
                future.set_result("")


class Waiting(Route):
    """The way of jobs that only wait: their seconds."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.seconds = seconds

    def open(self) -> None:
        """Nothing is needed."""

    def publish(self, executor: Executor) -> None:
        """Nothing is needed."""

    def end(self) -> None:
        """Nothing is left."""

    def call(self, job: Job) -> Call:
        return time.sleep, (self.seconds[job.name],)

    def receive(self, job: Job) -> None:
        """Nothing is made."""

    def look(self, jobs: Collection[Job]) -> None:
        """Nothing is to be seen."""

    def death(self, job: Job, seconds: float) -> str:  # noqa: ARG002
        return "its worker died"


def plan_of(cells: int) -> Plan:
    """Jobs and keys of a plan with so many cells."""
    shared = [Job(name=name, stage=name, dataset=DATASET) for name in ("classifier", "judge")]
    jobs = []
    for number in range(-(-cells // (DECODERS + 1))):
        base = f"rdc/end-to-end/point={number}/seed0"
        for role in range(DECODERS + 1):
            inputs = {"classifier": "classifier", **({"encoder": base} if role else {})}
            name = f"universal/universal/point={number},{role}/seed0" if role else base
            trains = ("decoder",) if role else ("encoder", "decoder")
            jobs.append(
                Job(name=name, dataset=DATASET, training=TRAINING, trains=trains, inputs=inputs, judges=["judge"])
            )
    jobs = [*shared, *jobs[:cells]]
    keys = {job.name: digest_of(job.name) for job in jobs}
    return Plan(jobs=jobs, keys=keys, train_keys=keys, data_digest="")


def critical_seconds(plan: Plan, seconds: dict[str, float]) -> float:
    """How long the longest chain takes."""
    ends: dict[str, float] = {}
    for job in plan.jobs:
        ends[job.name] = seconds[job.name] + max((ends[name] for name in needs(job)), default=0.0)
    return max(ends.values())


def measure(cells: int, workers: int, mean: float) -> str:
    """Dispatch a plan once and give a row of the table. mean: seconds that a job takes, uniform within half of it."""
    rng = random.Random(1)
    started = time.thread_time()
    plan = plan_of(cells)
    text = plan.model_dump_json()
    laid_out = time.thread_time() - started
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        started = time.thread_time()
        todo = Todo(plan, store)
        opened = time.thread_time() - started
        seconds = {job.name: mean * rng.uniform(0.5, 1.5) for job in plan.jobs}
        at_best = max(sum(seconds.values()) / workers, critical_seconds(plan, seconds))
        executor = Clock()
        wall, busy = time.monotonic(), time.thread_time()
        dispatch(todo, executor, lambda *_: None, Waiting(seconds), lambda: workers)
        wall, busy = time.monotonic() - wall, time.thread_time() - busy
        executor.close()
    assert todo.performed == len(plan.jobs)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = busy / len(plan.jobs)
    return (
        f"| {cells} | {workers} | {laid_out:.2f} | {opened:.2f} | {1e3 * each:.2f} | {at_best:.1f} | {wall:.1f} "
        f"| {at_best / wall:.0%} | {workers * each:.2f} | {len(text) / 1e6:.1f} | {memory:.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="mean duration of a job")
    parser.add_argument("--cells", type=int, help="one size instead of those of the table")
    parser.add_argument("--workers", type=int, default=1000)
    asked = parser.parse_args()
    print(
        "| cells | workers | plan, s | what is missing, s | dispatch of a job, ms | at best, s | took, s | of the best "
        "| shortest job that keeps all busy, s | plan.json, MB | peak memory, MB |"
    )
    print("|" + " --- |" * 11)
    for cells, workers in [(asked.cells, asked.workers)] if asked.cells else SIZES:
        print(measure(cells, workers, asked.seconds), flush=True)


if __name__ == "__main__":
    main()

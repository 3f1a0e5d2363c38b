"""Executors and trackers: work that comes back, errors that stay with their job, and watchers that only watch."""

from __future__ import annotations

import operator
import os
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from rdcbench.conformance import shared
from rdcbench.conformance.case import Case, Tensors, Trial
from rdcbench.conformance.contract import contract, expect
from rdcbench.interfaces import Executor

SECONDS = 60.0
EVENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("planned", "", {"jobs": 2, "todo": {"rdc/a/seed0": 1.0, "rdc/b/seed0": 2.0}, "folder": "run"}),
    ("started", "rdc/a/seed0", {}),
    ("learned", "rdc/a/seed0", {"points": [{"step": 1.0, "distortion": 0.2}, {"step": 2.0, "distortion": 0.1}]}),
    ("finished", "rdc/a/seed0", {"mse": 0.05, "train_seconds": 1.0}),
    ("started", "rdc/b/seed0", {}),
    ("failed", "rdc/b/seed0", {"error": "The loss is nan at step 0."}),
)


class ExecutorTrial(Trial):
    """The number of workers."""

    def given(self, case: Case) -> dict[str, Any]:  # noqa: ARG002
        """One worker."""
        return {"jobs": 1}

    def inputs(self, case: Case) -> Tensors:  # noqa: ARG002
        """An executor is called with work."""
        return {}


class TrackerTrial(Trial):
    """Nothing: trackers are built without options."""

    def given(self, case: Case) -> dict[str, Any]:  # noqa: ARG002
        """A tracker is given nothing."""
        return {}

    def inputs(self, case: Case) -> Tensors:  # noqa: ARG002
        """A tracker is called with events."""
        return {}


@contract(
    "results",
    says="submit gives a Future of the work's result, for every one of several pieces of work.",
    mend="return a concurrent.futures.Future, and set its result to work(*arguments).",
)
def results(case: Case) -> None:
    """Powers of 2."""
    executor: Executor = case.build()
    try:
        futures = [executor.submit(operator.pow, 2, power) for power in range(5)]
        expect(all(isinstance(future, Future) for future in futures), "submit gives something that is no Future.")
        got = [future.result(SECONDS) for future in futures]
    except TimeoutError:
        expect(False, f"No result came within {SECONDS:g} s.")
    finally:
        executor.close()
    expect(got == [1, 2, 4, 8, 16], f"2^0 to 2^4 came back as {got}.")


@contract(
    "errors",
    says="Work that raises is a Future that raises; submit itself does not, and the executor goes on.",
    mend="catch the work's exception and set it on the Future.",
)
def errors(case: Case) -> None:
    """A division by 0, and work after it."""
    executor: Executor = case.build()
    try:
        try:
            future = executor.submit(operator.truediv, 1, 0)
        except ZeroDivisionError:
            expect(False, "submit raised the work's own error.")
        error = future.exception(SECONDS)
        expect(isinstance(error, ZeroDivisionError), f"1 / 0 gave {error!r}.")
        expect(executor.submit(operator.add, 1, 2).result(SECONDS) == 3, "Work after an error comes back wrong.")
    except TimeoutError:
        expect(False, f"No result came within {SECONDS:g} s.")
    finally:
        executor.close()


@contract(
    "close",
    says="close(cancel=True) ends at once, whatever still runs, and may be called twice.",
    mend="cancel what waits and end the workers instead of waiting for them.",
)
def close(case: Case) -> None:
    """While work sleeps; an executor that works inside submit has nothing to cancel."""
    executor: Executor = case.build()
    started = time.monotonic()
    executor.submit(time.sleep, 5.0 if executor.submit(os.getpid).result(SECONDS) != os.getpid() else 0.0)
    asked = time.monotonic()
    executor.close(cancel=True)
    executor.close(cancel=True)
    expect(time.monotonic() - asked < 4.0, f"It took {time.monotonic() - started:.1f} s.")


@contract(
    "events",
    says="A tracker takes every event of a run without an error, and leaves its values as they are.",
    mend="ignore kinds of events that the tracker does not know, and copy values before changing them.",
)
def events(case: Case) -> None:
    """All kinds of events, and one that may come later."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path.cwd()
        os.chdir(scratch)
        try:
            tracker = case.build()
            for kind, job, values in (*EVENTS, ("something-new", "rdc/a/seed0", {"value": 1})):
                given = dict(values)
                tracker.event(kind, job, given)
                expect(given == values, f"It changed the values of {kind!r}.")
        finally:
            os.chdir(home)


TRIALS = {"executor": ExecutorTrial(), "tracker": TrackerTrial()}
CHECKS = {"executor": (*shared.COMMON, results, errors, close), "tracker": (*shared.COMMON, events)}

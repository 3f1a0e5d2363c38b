"""Handing jobs to an executor, each inside its fence, until nothing is left that can run; and telling who watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdcbench.fence import Fence, took_too_long
from rdcbench.jobs import Job
from rdcbench.schedule import Todo

if TYPE_CHECKING:
    from rdcbench.interfaces import Executor, Tracker

Listener = Callable[[str, str, Mapping[str, Any]], None]
POLL_SECONDS = 0.5


def dispatch(
    todo: Todo,
    executor: Executor,
    tell: Listener,
    fenced: Callable[[Job], tuple[Fence, Any]],
    slots: int,
) -> None:
    """Keep the workers busy until nothing is left that can run."""
    running: dict[Future[Any], tuple[Job, Fence, float]] = {}
    while todo.waiting or running:
        for lost in todo.drop_lost():
            tell("failed", lost.name, {"error": todo.failures[lost.name]})
        while len(running) < slots and (job := todo.next([busy for busy, _, _ in running.values()])) is not None:
            tell("started", job.name, {})
            fence, item = fenced(job)
            running[executor.submit(fence, item)] = job, fence, time.monotonic()
        if not running:
            break
        done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            job, fence, started = running.pop(future)
            error = _error_of(future, fence, time.monotonic() - started)
            todo.finish(job, error)
            tell("failed" if error else "finished", job.name, {"error": error} if error else todo.numbers(job))
        tell("tick", "", {})


def _error_of(future: Future[Any], fence: Fence, seconds: float) -> str:
    """What a worker says of its job: "", or the error."""
    error = future.exception()
    if error is None:
        return str(future.result())
    if not isinstance(error, BrokenExecutor):
        return f"{type(error).__name__}: {error}"
    return (took_too_long(fence.limit) if seconds >= fence.limit else "its worker died") + _last_words(fence.log)


def _last_words(log: Path) -> str:
    """Where a worker that was ended left a trace; an empty one is removed."""
    if not log.exists():
        return ""
    if not log.stat().st_size:
        log.unlink()
        return ""
    return f"; its last words are in logs/{log.name}"


def teller(listener: Listener, trackers: list[Tracker]) -> Listener:
    """Tell the listener and every tracker; a tracker that raises is left out from then on."""

    def tell(kind: str, job: str, values: Mapping[str, Any]) -> None:
        listener(kind, job, values)
        for tracker in list(trackers):
            try:
                if kind != "tick":
                    tracker.event(kind, job, values)
            except Exception as error:  # a watcher never stops a run
                trackers.remove(tracker)
                listener("note", job, {"text": f"tracker {tracker.name!r} left out: {error}"})

    return tell

"""Handing jobs to an executor until nothing is left that can run, and telling who watches."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rdcbench.errors import StoreError
from rdcbench.jobs import Job
from rdcbench.schedule import Todo

if TYPE_CHECKING:
    from rdcbench.interfaces import Executor, Tracker

Listener = Callable[[str, str, Mapping[str, Any]], None]
Call = tuple[Callable[..., Any], tuple[Any, ...]]
POLL_SECONDS = 0.5


class Route(ABC):
    """How a job gets to its worker, and what it leaves into the run folder."""

    @abstractmethod
    def open(self) -> None:
        """Before it is known what is missing; StoreError if there is no way."""

    @abstractmethod
    def publish(self, executor: Executor) -> None:
        """Lay out what all jobs need, once there are workers; StoreError if they cannot be reached."""

    @abstractmethod
    def end(self) -> None:
        """After all jobs."""

    @abstractmethod
    def call(self, job: Job) -> Call:
        """What a worker is to call for a job, with its arguments, all picklable: it gives an error sentence or ""."""

    @abstractmethod
    def receive(self, job: Job) -> None:
        """Bring what an ended job left into the run folder; StoreError if it cannot be had."""

    @abstractmethod
    def look(self, jobs: Collection[Job]) -> None:
        """Bring how far the running jobs are into the run folder, for whoever watches."""

    @abstractmethod
    def death(self, job: Job, seconds: float) -> str:
        """What is to be said of a job whose worker died so long after it was submitted."""


def dispatch(todo: Todo, executor: Executor, tell: Listener, route: Route, slots: Callable[[], int]) -> None:
    """Keep the workers busy until nothing is left that can run; `slots` says how many jobs they take now."""
    running: dict[Future[Any], tuple[Job, float]] = {}
    while todo.waiting or running:
        for lost in todo.drop_lost():
            tell("failed", lost.name, {"error": todo.failures[lost.name]})
        room = slots()
        while len(running) < room and (job := todo.next([busy for busy, _ in running.values()])) is not None:
            tell("started", job.name, {})
            work, arguments = route.call(job)
            running[executor.submit(work, *arguments)] = job, time.monotonic()
        if not running:
            break
        done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            job, started = running.pop(future)
            error = _error_of(future, route, job, time.monotonic() - started)
            todo.finish(job, error)
            if curve := todo.curve(job):
                tell("learned", job.name, {"points": curve})
            tell("failed" if error else "finished", job.name, {"error": error} if error else todo.numbers(job))
        route.look([job for job, _ in running.values()])
        tell("tick", "", {})


def _error_of(future: Future[Any], route: Route, job: Job, seconds: float) -> str:
    """What is to be said of an ended job: "", or the error."""
    error = future.exception()
    if isinstance(error, BrokenExecutor):
        return route.death(job, seconds)
    if error is not None:
        return f"{type(error).__name__}: {error}"
    try:
        route.receive(job)  # of a failed job too: it may have been trained
    except StoreError as lost:
        return str(future.result()) or str(lost)
    return str(future.result())


def build_trackers(names: Iterable[str], build: Callable[[str], Tracker], listener: Listener) -> list[Tracker]:
    """Build trackers by name; one that raises is left out with a note: a watcher never stops a run."""
    trackers = []
    for name in names:
        try:
            trackers.append(build(name))
        except (Exception, SystemExit) as error:
            _leave_out(name, "", error, listener)
    return trackers


def teller(listener: Listener, trackers: list[Tracker]) -> Listener:
    """Tell the listener, and every tracker on a copy; a tracker that raises is left out from then on."""

    def tell(kind: str, job: str, values: Mapping[str, Any]) -> None:
        listener(kind, job, values)
        for tracker in list(trackers):
            try:
                if kind != "tick":
                    tracker.event(kind, job, deepcopy(dict(values)))
            except (Exception, SystemExit) as error:
                trackers.remove(tracker)
                _leave_out(tracker.name, job, error, listener)

    return tell


def _leave_out(name: str, job: str, error: BaseException, listener: Listener) -> None:
    why = str(error) or type(error).__name__
    listener("note", job, {"text": f"tracker {name!r} left out: {why}"})

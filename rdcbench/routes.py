"""How jobs get to their workers: those that write into the run folder themselves."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from rdcbench import work
from rdcbench.building import Settings, work_of
from rdcbench.dispatch import Call, Route
from rdcbench.fence import Fence, took_too_long
from rdcbench.jobs import Job, Plan


class OneDisk(Route):
    """Workers that see the run folder: each job runs inside its fence and writes there.

    limit: seconds for a job that has no training of its own.
    """

    def __init__(self, plan: Plan, settings: Settings, limit: float) -> None:
        self._plan = plan
        self._settings = settings
        self._limit = limit

    def call(self, job: Job) -> Call:
        """The job's work inside its fence."""
        return self._fence(job), (work_of(self._plan, job, self._settings),)

    def receive(self, job: Job) -> None:
        """All is there."""

    def look(self, jobs: Collection[Job]) -> None:
        """All is there."""

    def death(self, job: Job, seconds: float) -> str:
        """Whether it was too slow, and where it left a trace."""
        fence = self._fence(job)
        return (took_too_long(fence.limit) if seconds >= fence.limit else "its worker died") + _last_words(fence.log)

    def _fence(self, job: Job) -> Fence:
        log = self._settings.store().path(f"logs/{self._plan.keys[job.name]}.txt")
        return Fence(work.perform, limit_of(job, self._limit), os.getpid(), log)


def limit_of(job: Job, usual: float) -> float:
    """Seconds that a job may take."""
    return job.training.limit_seconds if job.training else usual


def _last_words(log: Path) -> str:
    """Where a worker that was ended left a trace; an empty one is removed."""
    if not log.exists():
        return ""
    if not log.stat().st_size:
        log.unlink()
        return ""
    return f"; its last words are in logs/{log.name}"

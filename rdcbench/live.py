"""What a run is doing right now, from its files alone: jobs, losses, time left. No torch, no plugins."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rdcbench import tensorfile
from rdcbench.jobs import Job, Plan
from rdcbench.schedule import cost_of, is_done
from rdcbench.store import Store

State = Literal["done", "failed", "running", "waiting"]
RECENT_SECONDS = 600.0
"""A job whose progress file is older than this is not taken for a running one while its run goes on."""


@dataclass(frozen=True)
class JobState:
    """One job: what it does, how far it is, and its learning curves (term -> values, oldest first)."""

    name: str
    state: State
    step: int = 0
    steps: int = 0
    error: str = ""
    curves: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment. seconds_left: None where nothing is finished yet to judge by."""

    root: Path
    running: bool
    jobs: list[JobState]
    seconds_left: float | None = None

    def count(self, state: State) -> int:
        """How many jobs are in this state."""
        return sum(job.state == state for job in self.jobs)


def is_running(root: Path) -> bool:
    """Whether a process holds the run folder."""
    try:
        descriptor = os.open(root / ".lock", os.O_RDONLY)
    except OSError:  # no lock was ever taken here, or nobody may look
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Watcher:
    """Looks at one run again and again; finished jobs are read once, losses of running ones are collected."""

    def __init__(self, root: Path) -> None:
        self._store = Store(root).open()
        self._ended: dict[str, JobState] = {}
        self._seen: dict[str, dict[int, Mapping[str, float]]] = {}

    def look(self) -> Snapshot:
        """The run as it is now."""
        running = is_running(self._store.root)  # before the files: what ends in between is seen next time
        plan = self._store.plan()
        if plan is None:
            return Snapshot(self._store.root, running, [])
        states = {job.name: self._state(job, plan, running) for job in plan.unique()}
        left = self._seconds_left(plan, states) if running else None
        return Snapshot(self._store.root, running, list(states.values()), left)

    def _state(self, job: Job, plan: Plan, running: bool) -> JobState:
        if job.name in self._ended:
            return self._ended[job.name]
        cell = self._store.cell(plan.keys[job.name])
        if is_done(job, plan, self._store):
            curve = cell.history if cell is not None else []
            found = self._ended[job.name] = JobState(job.name, "done", curves=_curves(curve))
            return found
        if cell is not None and cell.status == "failed" and not (running and self._is_older(plan.keys[job.name])):
            return JobState(job.name, "failed", error=cell.error)
        progress = self._progress(plan.keys[job.name]) if running else None
        if progress is None:
            return JobState(job.name, "waiting")
        return self._running(job, plan.train_keys[job.name], progress)

    def _running(self, job: Job, train_key: str, progress: Mapping[str, Any]) -> JobState:
        seen = self._seen.setdefault(job.name, {})
        for point in (*_kept_curve(self._store.path(f"checkpoints/{train_key}.safetensors")), progress["terms"]):
            seen[int(point.get("step", 0))] = point
        curve = [seen[step] for step in sorted(seen)]
        return JobState(job.name, "running", int(progress["step"]), int(progress["steps"]), curves=_curves(curve))

    def _progress(self, key: str) -> dict[str, Any] | None:
        """What a running job wrote last; None if it wrote nothing since this start of the run."""
        path = self._store.path(f"progress/{key}.json")
        try:
            if path.stat().st_mtime < self._started() or time.time() - path.stat().st_mtime > RECENT_SECONDS:
                return None
            found = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) and {"step", "steps", "terms"} <= set(found) else None

    def _is_older(self, key: str) -> bool:
        """Whether a cell was written before this start of the run: its job is tried again."""
        try:
            return self._store.path(f"cells/{key}.json").stat().st_mtime < self._started()
        except OSError:
            return True

    def _started(self) -> float:
        """When the run was started last: it then wrote its plan."""
        return self._store.path("plan.json").stat().st_mtime

    def _seconds_left(self, plan: Plan, states: Mapping[str, JobState]) -> float | None:
        """What the costs of the jobs that this start has done and has to do suggest."""
        done = total = 0.0
        for job in plan.unique():
            state, cost = states[job.name], cost_of(job)
            if state.state == "done" and self._is_older_result(job, plan):
                continue
            total += cost
            if state.state in ("done", "failed"):
                done += cost
            elif state.state == "running":
                done += cost * state.step / max(1, state.steps)
        return (time.time() - self._started()) * (total - done) / done if done > 0.02 * total else None

    def _is_older_result(self, job: Job, plan: Plan) -> bool:
        if job.stage == "codec":
            return self._is_older(plan.keys[job.name])
        path = self._store.path(f"weights/{plan.train_keys[job.name]}.safetensors")
        return path.stat().st_mtime < self._started()


def _curves(points: list[Mapping[str, float]] | list[dict[str, float]]) -> dict[str, list[float]]:
    """Term -> values, of points that each have a step and the terms."""
    names = dict.fromkeys(name for point in points for name in point if name != "step")
    return {name: [float(point[name]) for point in points if name in point] for name in names}


def _kept_curve(path: Path) -> list[dict[str, float]]:
    """The learning curve in a checkpoint, read out of its header alone; empty if there is none."""
    try:
        return [dict(point) for point in tensorfile.facts(path)["history"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []

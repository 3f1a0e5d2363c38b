"""Which job next: inputs first, the longest chain of waiting jobs before shorter ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdcbench.jobs import Job, Plan
from rdcbench.results import Cell
from rdcbench.store import Store


class Todo:
    """The jobs that are not done, with those that wait for them."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.failures: dict[str, str] = {}
        self.performed = 0
        self._plan = plan
        self._store = store
        self._keys = plan.train_keys
        unique = plan.unique()
        done = {job.name for job in unique if is_done(job, plan, store)}
        self.waiting = [job for job in unique if job.name not in done]
        self._ready_keys = {plan.train_keys[job.name] for job in unique if job.name in done}
        self._ready_keys |= {
            plan.train_keys[job.name] for job in self.waiting if store.has_weights(self._keys[job.name])
        }
        self._chains = _chain_costs(self.waiting, self._keys)

    def next(self, running: Any) -> Job | None:
        """The ready job with the longest chain behind it."""
        busy = {self._keys[job.name] for job in running}
        ready = [job for job in self.waiting if all(self._keys[name] in self._ready_keys for name in needs(job))]
        ready = [job for job in ready if self._keys[job.name] not in busy]
        if not ready:
            return None
        job = max(ready, key=lambda job: self._chains[job.name])
        self.waiting.remove(job)
        return job

    def drop_lost(self) -> list[Job]:
        """Fail the jobs that need one that left no weights, and give them; in order, so that whole chains fall."""
        lost: list[Job] = []
        for job in list(self.waiting):
            failed = {self._keys[name] for name in self.failures} - self._ready_keys
            reasons = [name for name in needs(job) if self._keys[name] in failed]
            if reasons:
                self.waiting.remove(job)
                self.finish(job, f"not run: {reasons[0]} failed")
                lost.append(job)
        return lost

    def finish(self, job: Job, error: str) -> None:
        """Note the end of a job, and the error in its cell."""
        key, train_key = self._plan.keys[job.name], self._keys[job.name]
        if not error or self._store.has_weights(train_key):
            self._ready_keys.add(train_key)
        if error:
            self.failures[job.name] = error
            self._store.write_cell(Cell(key=key, train_key=train_key, job=job, status="failed", error=error), {})
        else:
            self.performed += 1

    def numbers(self, job: Job) -> dict[str, float]:
        """What a finished job measured, for trackers."""
        cell = self._store.cell(self._plan.keys[job.name]) if job.stage == "codec" else None
        return {**{name: value.value for name, value in cell.values.items()}, **cell.costs} if cell else {}


def missing(plan: Plan, *stores: Store) -> list[Job]:
    """The jobs that none of some folders holds: those that a run into the first, with the others as cache, performs."""
    return [job for job in plan.unique() if not any(is_done(job, plan, store) for store in stores)]


def needs(job: Job) -> list[str]:
    """Names of the jobs that must be finished before this one."""
    return [*job.inputs.values(), *job.judges]


def is_done(job: Job, plan: Plan, store: Store) -> bool:
    """Whether a job has left all that it is to leave."""
    if job.stage != "codec":
        return store.has_weights(plan.train_keys[job.name])
    return store.finished(plan.keys[job.name]) and store.has_weights(plan.train_keys[job.name])


def cost_of(job: Job) -> float:
    """Rough cost of a job in codec steps without critic or classifier, for scheduling only."""
    if job.training is None or job.stage != "codec":
        return 2000.0
    weight = (
        1.0 + 4.0 * ("critic" in job.trains) + 1.5 * any(w for t, w in job.tradeoff.items() if t == "classification")
    )
    return 500.0 + job.training.steps * weight


def _chain_costs(jobs: list[Job], keys: Mapping[str, str]) -> dict[str, float]:
    """Cost of each job with the longest chain of jobs that wait for it."""
    chains: dict[str, float] = {}
    behind: dict[str, float] = {}
    for job in reversed(jobs):
        chains[job.name] = cost_of(job) + behind.get(keys[job.name], 0.0)
        for name in needs(job):
            behind[keys[name]] = max(behind.get(keys[name], 0.0), chains[job.name])
    return chains

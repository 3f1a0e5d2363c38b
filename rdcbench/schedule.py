"""Which job next: inputs first, the longest chain of waiting jobs before shorter ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from heapq import heappop, heappush

from rdcbench.jobs import Job, Plan
from rdcbench.results import Cell
from rdcbench.store import Store


class Todo:
    """The jobs that are not done, with those that wait for them; no step looks at all of them."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.failures: dict[str, str] = {}
        self.performed = 0
        self._plan = plan
        self._store = store
        self._keys = plan.train_keys
        unique = plan.unique()
        self._waiting = {job.name: job for job in unique if not is_done(job, plan, store)}
        self._chains = _chain_costs(list(self._waiting.values()), self._keys)
        there = {self._keys[job.name] for job in unique if job.name not in self._waiting}
        there |= {self._keys[job.name] for job in self.waiting if store.has_weights(self._keys[job.name])}
        self._places = {name: place for place, name in enumerate(self._waiting)}
        self._lacking = {job.name: {self._keys[name] for name in needs(job)} - there for job in self.waiting}
        self._behind: dict[str, list[Job]] = {}  # training key -> jobs that wait for it
        self._ready: list[tuple[float, int, Job]] = []  # a heap, the longest chain first
        self._parked: dict[str, list[Job]] = {}  # training key that runs -> ready jobs that would train it again
        self._lost: deque[tuple[Job, str]] = deque()  # jobs that cannot run any more, and for which one's failure
        for job in self.waiting:
            for key in self._lacking[job.name]:
                self._behind.setdefault(key, []).append(job)
            self._offer(job)

    @property
    def waiting(self) -> Collection[Job]:
        """The jobs that have not been started."""
        return self._waiting.values()

    def next(self, running: Iterable[Job]) -> Job | None:
        """The ready job with the longest chain behind it."""
        busy = {self._keys[job.name] for job in running}
        while self._ready:
            *_, job = heappop(self._ready)
            key = self._keys[job.name]
            if key in busy:
                self._parked.setdefault(key, []).append(job)
            elif self._waiting.pop(job.name, None) is not None:
                return job
        return None

    def drop_lost(self) -> list[Job]:
        """Fail the jobs that need one that left no weights, and give them; in order, so that whole chains fall."""
        lost: list[Job] = []
        while self._lost:
            job, needed = self._lost.popleft()
            if self._waiting.pop(job.name, None) is not None:
                self.finish(job, f"not run: {needed} failed")
                lost.append(job)
        return lost

    def finish(self, job: Job, error: str) -> None:
        """Note the end of a job, and the error in its cell."""
        key, train_key = self._plan.keys[job.name], self._keys[job.name]
        for other in self._parked.pop(train_key, ()):
            self._offer(other)
        behind = self._behind.pop(train_key, [])
        if not error or self._store.has_weights(train_key):
            for other in behind:
                self._lacking[other.name].discard(train_key)
                self._offer(other)
        else:
            self._lost.extend((other, job.name) for other in behind)
        if error:
            self.failures[job.name] = error
            self._store.write_cell(Cell(key=key, train_key=train_key, job=job, status="failed", error=error), {})
        else:
            self.performed += 1

    def _offer(self, job: Job) -> None:
        """Let a job run if it waits for nothing any more."""
        if not self._lacking[job.name]:
            heappush(self._ready, (-self._chains[job.name], self._places[job.name], job))

    def numbers(self, job: Job) -> dict[str, float]:
        """What a finished job measured, for trackers."""
        cell = self._cell(job)
        return {**{name: value.value for name, value in cell.values.items()}, **cell.costs} if cell else {}

    def curve(self, job: Job) -> list[dict[str, float]]:
        """The learning curve of a finished job, for trackers: points of "step" and the terms of the loss."""
        cell = self._cell(job)
        return list(cell.history) if cell else []

    def _cell(self, job: Job) -> Cell | None:
        return self._store.cell(self._plan.keys[job.name]) if job.stage == "codec" else None


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

"""What is done, running, failed, damaged or missing in a run folder, for whoever looks at it from outside."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress

from rdcbench.errors import StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.live import is_running
from rdcbench.store import Store

NAME = "running.json"


class Running:
    """Keeps the names of the jobs that run now in a file of the run folder."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: set[str] = set()

    def note(self, kind: str, job: str) -> None:
        """Take note of an event of the runner."""
        if kind in ("started", "finished", "failed"):
            self._jobs = self._jobs | {job} if kind == "started" else self._jobs - {job}
            with suppress(StoreError):  # a full disk is told by what matters: weights and cells
                self._store.write(NAME, json.dumps(sorted(self._jobs)).encode())


def states(store: Store) -> list[tuple[str, str, str]]:
    """(name, done | running | failed | damaged | missing, why) of every job of a run, in the order of the plan."""
    plan = store.plan()
    if plan is None:
        return []
    busy = _running(store)
    same = {plan.keys[job.name] for job in plan.jobs if job.name in busy}
    return [(job.name, *_state(job, plan, store, same)) for job in plan.jobs]


def _state(job: Job, plan: Plan, store: Store, busy: Collection[str]) -> tuple[str, str]:
    key, train_key = plan.keys[job.name], plan.train_keys[job.name]
    if store.has_weights(train_key) and (job.stage != "codec" or store.finished(key)):
        return "done", ""
    if key in busy:
        return "running", ""
    cell = store.cell(key)
    if cell is not None and cell.status == "failed":
        return "failed", cell.error
    files = (f"weights/{train_key}.safetensors", *store.files_of(key))
    damage = [store.damaged[name] for name in files if name in store.damaged]
    return ("damaged", "; ".join(damage)) if damage else ("missing", "")


def _running(store: Store) -> set[str]:
    """Names of the jobs that run now; none if the process that said so is gone."""
    if not is_running(store.root):
        return set()
    try:
        names = json.loads(store.path(NAME).read_bytes())
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, TypeError, RecursionError):
        return set()

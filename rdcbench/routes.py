"""How jobs get to their workers: through the run folder itself, or through a depot where no disk is shared."""

from __future__ import annotations

import os
import platform
import random
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rdcbench import errand, work
from rdcbench.building import Settings, open_dataset, work_of
from rdcbench.datafiles import data_folder
from rdcbench.depot import Depot
from rdcbench.dispatch import Call, Route
from rdcbench.errand import Errand
from rdcbench.errors import StoreError
from rdcbench.fence import Fence, took_too_long
from rdcbench.interfaces import Executor
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import digest_of
from rdcbench.schedule import is_done

DIED = "its worker died"
OWN = "artefacts"
"""Name of the depot inside a run folder."""
LOOK_SECONDS = 5.0
LOOKS = 16
"""Running jobs whose progress is brought at a time: a far depot answers slowly, and results wait for it."""


def route_of(plan: Plan, settings: Settings, limit: float, artefacts: str, apart: bool) -> Route:
    """The run folder itself, or the depot at `artefacts`; workers `apart` get one inside the run folder otherwise.

    limit: seconds for a job that has no training of its own.
    """
    if not artefacts and not apart:
        return OneDisk(plan, settings, limit)
    return ByDepot(plan, settings, limit, Depot.at(artefacts or str(settings.root / OWN)), passing=not artefacts)


class OneDisk(Route):
    """Workers that see the run folder: each job runs inside its fence and writes there."""

    def __init__(self, plan: Plan, settings: Settings, limit: float) -> None:
        self._plan = plan
        self._settings = settings
        self._limit = limit

    def open(self) -> None:
        """All is there."""

    def publish(self, executor: Executor) -> None:
        """All is there."""

    def end(self) -> None:
        """All is there."""

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
        return (took_too_long(fence.limit) if seconds >= fence.limit else DIED) + _last_words(fence.log)

    def _fence(self, job: Job) -> Fence:
        log = self._settings.store().path(f"logs/{self._plan.keys[job.name]}.txt")
        return Fence(work.perform, _limit_of(job, self._limit), os.getpid(), log)


class ByDepot(Route):
    """Workers that share no disk with the run: what they need is laid into a depot, what they made is fetched from it.

    passing: whether the depot goes when all jobs have ended.
    """

    def __init__(self, plan: Plan, settings: Settings, limit: float, depot: Depot, passing: bool) -> None:
        self._plan = plan
        self._settings = settings
        self._store = settings.store()
        self._limit = limit
        self._depot = depot
        self._passing = passing
        self._offered: set[str] = set()
        self._plugins: tuple[str, ...] = ()
        self._installed = errand.installed()
        self._looked = time.monotonic()

    def open(self) -> None:
        """See that the depot can be used, and fetch what an earlier start, or another run, has left in it."""
        self._depot.write("knock", secrets.token_bytes(8))
        for job in self._plan.unique():
            if not is_done(job, self._plan, self._store):
                with suppress(StoreError):  # it is not there, or not whole
                    self.receive(job)

    def publish(self, executor: Executor) -> None:
        """See that a worker finds the depot, and lay out raw data files and single-file plugins."""
        token = self._depot.read("knock")
        refusal = executor.submit(errand.knock, self._depot, token).result()
        if refusal:
            raise StoreError(refusal)
        self._plugins = tuple(self._publish_plugin(path) for path in self._settings.plugin_files)
        for spec in {job.dataset.model_dump_json(): job.dataset for job in self._plan.jobs}.values():
            for name, digest in open_dataset(spec, self._settings).files().items():
                self._offer(f"data/{digest}", data_folder(self._settings.data_dir) / name)

    def end(self) -> None:
        """Remove a depot that was made for this run alone: all that it holds lies in the run folder."""
        if self._passing:
            self._depot.remove()

    def call(self, job: Job) -> Call:
        """An errand, once all that it starts from lies in the depot."""
        settings = replace(self._settings, root=Path(), cache=None, data_dir=None, offline=True, plugin_files=())
        item = work_of(self._plan, job, settings)
        for key in (*item.input_keys.values(), item.train_key):
            name = f"weights/{key}.safetensors"
            if name not in self._offered and self._store.has_weights(key):
                self._offer(name, self._store.path(name))
        self._depot.remove(f"attempts/{item.key}")
        home = (platform.node(), os.getpid())
        limit = _limit_of(job, self._limit)
        return Errand(item, limit, self._depot, self._plugins, self._installed, home), ()

    def receive(self, job: Job) -> None:
        """Fetch weights, stream, arrays and log, and the cell last."""
        key, train_key = self._plan.keys[job.name], self._plan.train_keys[job.name]
        names = [] if self._store.has_weights(train_key) else [f"weights/{train_key}.safetensors"]
        if job.stage == "codec":
            names += [f"streams/{key}.rdc", f"cells/{key}.npz", f"cells/{key}.json"]
        for name in (*names, f"logs/{key}.txt"):
            data = self._depot.read(name)
            if data is not None:
                self._store.write(name, data, share=not name.startswith("logs"))
        if not is_done(job, self._plan, self._store):
            raise StoreError(f"--artefacts {self._depot.url} lacks what the job has made; run the same command again.")

    def look(self, jobs: Collection[Job]) -> None:
        """Fetch the progress of some running jobs."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        for job in random.sample(list(jobs), min(len(jobs), LOOKS)):
            name = f"progress/{self._plan.keys[job.name]}.json"
            with suppress(StoreError):  # whoever watches sees a little less
                data = self._depot.read(name)
                if data is not None:
                    self._store.write(name, data)
        self._looked = time.monotonic()

    def death(self, job: Job, seconds: float) -> str:  # noqa: ARG002  it may have waited for long
        """That it died; one that was too slow says so itself when it is done again."""
        return DIED

    def _publish_plugin(self, path: Path) -> str:
        name = f"plugins/{digest_of(path.read_text(encoding='utf-8'))}/{path.name}"
        self._offer(name, path)
        return name

    def _offer(self, name: str, path: Path) -> None:
        """Lay a file into the depot unless it lies there."""
        if name not in self._offered and not self._depot.has(name):
            try:
                data = path.read_bytes()
            except OSError as error:
                raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
            self._depot.write(name, data)
        self._offered.add(name)


def _limit_of(job: Job, usual: float) -> float:
    return job.training.limit_seconds if job.training else usual


def _last_words(log: Path) -> str:
    """Where a worker that was ended left a trace; an empty one is removed."""
    if not log.exists():
        return ""
    if not log.stat().st_size:
        log.unlink()
        return ""
    return f"; its last words are in logs/{log.name}"

"""One job on a machine that shares no disk with the run: what it needs comes out of a depot, what it made goes back.

It works in a folder of its own, which is emptied after each job. A worker that is lost costs what it did since the last
checkpoint: that lies in the depot too, and whoever does the errand again goes on from there.
"""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from rdcbench import building, datafiles
from rdcbench.building import Work
from rdcbench.depot import Depot
from rdcbench.errors import RdcbenchError, StoreError
from rdcbench.fence import Fence, took_too_long
from rdcbench.provenance import provenance
from rdcbench.store import Store
from rdcbench.versions import MEASURED_BY, REDUCED_BY, TRAINED_BY, module_versions, version_of
from rdcbench.work import perform

CARRY_SECONDS = 5.0
"""How often checkpoint and progress are looked at while a job runs."""


@dataclass(frozen=True)
class Errand:
    """A job, picklable, with nothing of the run's disk in it.

    work: its settings name no folder.
    limit: seconds that it may take.
    plugins: names in the depot of the single-file plugins.
    installed: what `installed` gave where the plan was made.
    home: machine and number of the run's own process, which must not be ended.
    """

    work: Work
    limit: float
    depot: Depot
    plugins: tuple[str, ...]
    installed: Mapping[str, str]
    home: tuple[str, int]

    def __call__(self) -> str:
        """Do the job here and leave in the depot what it made; gives an error sentence or ""."""
        folder = _folder(self.depot)
        try:
            return self._do(folder)
        except RdcbenchError as error:
            return f"{error} (on {platform.node()})"
        finally:
            shutil.rmtree(folder / "run", ignore_errors=True)

    def _do(self, folder: Path) -> str:
        files = tuple(_plugin(self.depot, name, folder) for name in self.plugins)
        work = replace(self.work, settings=replace(self.work.settings, root=folder / "run", plugin_files=files))
        check_code(work, self.installed)
        if self._had_its_time():
            return took_too_long(self.limit)
        store = work.settings.store()
        log = store.path(f"logs/{work.key}.txt")
        trained = _fetch(work, self.depot, store)
        _fetch_data(work, self.depot, folder)
        home = self.home[1] if self.home[0] == platform.node() else 0
        with _Courier(self.depot, store, work):
            error = str(Fence(perform, self.limit, home, log)(work))
        _deliver(work, self.depot, store, trained)
        return error

    def _had_its_time(self) -> bool:
        """Whether the errand is done again because it was ended for its slowness, and not because a worker was lost."""
        name = f"attempts/{self.work.key}"
        before = self.depot.read(name)
        if before is not None and time.time() - float(before) >= self.limit:
            return True
        self.depot.write(name, str(time.time()).encode())
        return False


def installed() -> dict[str, str]:
    """What must be the same on all machines, so that a job's key says what made its numbers."""
    code = module_versions(*TRAINED_BY, *MEASURED_BY, *REDUCED_BY)
    return {**provenance("cpu")["versions"], "modules of rdcbench": code}


def check_code(work: Work, expected: Mapping[str, str]) -> None:
    """Refuse to work with other code than the plan was made with."""
    for name, found in installed().items():
        if found != expected[name]:
            raise RdcbenchError(
                f"{name} is {found or 'not there'} here and {expected[name] or 'not there'} where the run was started; "
                "install the same packages on every node."
            )
    parts, job = work.settings.registry(), work.job
    used = [(kind, spec, job.versions.get(kind)) for kind, spec in job.parts.items()]
    used += [("metric", spec, job.metric_versions.get(spec.name)) for spec in job.metrics]
    for kind, spec, version in used:
        if version_of(kind, spec.name, parts, spec.options) != version:
            raise RdcbenchError(
                f"the {kind.replace('_', ' ')} {spec.name!r} is not the one of where the run was started; install the "
                "same packages on every node."
            )


def knock(depot: Depot, token: bytes) -> str:
    """Whether this machine sees in the depot what the run has written: an error sentence or ""."""
    try:
        found = depot.read("knock")
    except RdcbenchError as error:
        return f"{error} (on {platform.node()})"
    seen = "" if found == token else f"--artefacts {depot.url} is not the same place on {platform.node()}"
    return seen and f"{seen}; give a folder that all nodes see, or a URL such as s3://bucket/run."


# --------------------------------------------------------------------------------------------------- there and back


@cache
def _folder(depot: Depot) -> Path:  # noqa: ARG001  one folder for each depot
    """A folder of this process; of one name, so that what is kept in memory for the next job is found by it."""
    folder = Path(tempfile.mkdtemp(prefix="rdcbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _plugin(depot: Depot, name: str, folder: Path) -> Path:
    """A single-file plugin; its folder is named by its digest."""
    path = folder / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_needed(depot, name))
    return path


def _needed(depot: Depot, name: str) -> bytes:
    data = depot.read(name)
    if data is None:
        raise StoreError(f"--artefacts {depot.url} lacks {name}; run the same command again.")
    return data


def _fetch(work: Work, depot: Depot, store: Store) -> bool:
    """Bring what the job starts from; says whether its own weights were there already."""
    for key in dict.fromkeys(work.input_keys.values()):
        name = f"weights/{key}.safetensors"
        store.write(name, _needed(depot, name))
        if not store.has_weights(key):
            raise StoreError(f"--artefacts {depot.url}: {name} is damaged; delete it and run again.")
    for name in (f"weights/{work.train_key}.safetensors", f"checkpoints/{work.train_key}.safetensors"):
        data = depot.read(name)
        if data is not None:
            store.write(name, data)
    return store.has_weights(work.train_key)


def _fetch_data(work: Work, depot: Depot, folder: Path) -> None:
    """Bring the raw files that this machine's data folder lacks."""
    dataset = building.open_dataset(work.job.dataset, work.settings)
    target = datafiles.data_folder(work.settings.data_dir)
    lacking = [file for file in datafiles.status(dataset, target) if file.state != "present"]
    if not lacking:
        return
    with tempfile.TemporaryDirectory(dir=folder) as source:
        for file in lacking:
            (Path(source) / file.expected).write_bytes(_needed(depot, f"data/{file.expected}"))
        datafiles.collect(dataset, Path(source), target)
    datafiles.verify(dataset, target)


def _deliver(work: Work, depot: Depot, store: Store, trained: bool) -> None:
    """Leave weights, then the finished cell's arrays and stream, and the cell last: where it is, all is."""
    names = [] if trained else [f"weights/{work.train_key}.safetensors"]
    cell = store.cell(work.key)
    if cell is not None and cell.status == "done":
        names += [f"streams/{work.key}.rdc", f"cells/{work.key}.npz", f"cells/{work.key}.json"]
    for name in (f"logs/{work.key}.txt", *names):
        if store.path(name).exists():
            depot.write(name, store.path(name).read_bytes())
    depot.remove(f"checkpoints/{work.train_key}.safetensors")


class _Courier:
    """Carries a running job's checkpoint and progress into the depot, each time that they changed."""

    def __init__(self, depot: Depot, store: Store, work: Work) -> None:
        self._depot, self._store = depot, store
        self._names = (f"checkpoints/{work.train_key}.safetensors", f"progress/{work.key}.json")
        self._seen: dict[str, float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *why: object) -> None:
        self._end.set()
        self._thread.join()

    def _carry(self) -> None:
        while not self._end.wait(CARRY_SECONDS):
            for name in self._names:
                with suppress(OSError, StoreError):  # what cannot be carried costs time after a loss, not results
                    self._look(name)

    def _look(self, name: str) -> None:
        changed = os.stat(self._store.path(name)).st_mtime
        if changed != self._seen.get(name):
            self._depot.write(name, self._store.path(name).read_bytes())
            self._seen[name] = changed

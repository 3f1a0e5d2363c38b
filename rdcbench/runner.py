"""Plan, jobs, rows: runs what is missing, in an order in which inputs come first and long chains start early."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdcbench.errors import RdcbenchError, RecipeError, StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.machine import core_count
from rdcbench.provenance import provenance
from rdcbench.recipe import PART_TABLES, PartSpec, Recipe
from rdcbench.results import SCHEMA_VERSION, Row
from rdcbench.schedule import Todo, cost_of, needs
from rdcbench.store import Store
from rdcbench.versions import file_digest

if TYPE_CHECKING:
    from rdcbench.interfaces import Executor, Tracker

Listener = Callable[[str, str, Mapping[str, Any]], None]
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Options:
    """How a recipe is run: where, how many seeds, with how many workers; nothing here changes a number."""

    out: Path
    seeds: int = 1
    jobs: int = 1
    device: str = "cpu"
    data_dir: Path | None = None
    offline: bool = False
    executor: str = "local"
    trackers: tuple[str, ...] = ()
    plugin_files: tuple[Path, ...] = ()
    cache: Path | None = None
    expected: str = ""


@dataclass
class Result:
    """What a run left: its folder, its rows, and the jobs that failed with their reasons."""

    store: Store
    rows: list[Row]
    failures: dict[str, str] = field(default_factory=dict)
    performed: int = 0


def run(recipe: Recipe, options: Options, listener: Listener = lambda *_: None) -> Result:
    """Run what is missing of a recipe and give its rows; finished cells are not repeated.

    listener: called with (kind, job name, values) for "planned", "started", "finished", "failed", "tick".
    """
    _check(options)
    store = Store(options.out, options.cache)
    if is_finished(store, recipe, options):
        return Result(store, store.rows())
    store.check_place()
    with _locked(options.out):
        plan = prepare(recipe, options)
        bring_data(recipe, options)
        store.create(recipe, _facts(recipe, options), options.expected)
        store.write_plan(_grown(store, plan, recipe, options))
        failures, performed = _perform(plan, store, options, listener)
        return Result(store, store.rows(), failures, performed)


def prepare(recipe: Recipe, options: Options) -> Plan:
    """Load the plugins, check that all that is asked for exists, and lay out the jobs; writes and fetches nothing."""
    from rdcbench import registry
    from rdcbench.plan import make_plan

    parts = registry.load(options.plugin_files)
    parts.get("executor", options.executor)
    for name in options.trackers:
        parts.get("tracker", name)
    for kind, spec in _specs(recipe):
        parts.check(kind, spec.name, spec.options, registry.given_to(kind))
    plan = make_plan(recipe, options.seeds, parts)
    threads = max((job.training.threads for job in plan.jobs if job.training), default=1)
    if threads > core_count():
        raise RecipeError(f"training.threads = {threads} is more than this machine's {core_count()} cores.")
    return plan


def _specs(recipe: Recipe) -> Iterator[tuple[str, PartSpec]]:
    """Kind and table of every part that a recipe asks for."""
    yield from (("metric", spec) for spec in recipe.metrics)
    yield from (("judge", spec) for spec in recipe.judges)
    for study in recipe.studies.values():
        yield "protocol", study.protocol
        yield from ((kind, spec) for kind in PART_TABLES if (spec := recipe.part(kind, study)) is not None)


def bring_data(recipe: Recipe, options: Options) -> None:
    """Bring the raw files of all data sets of the active studies into the data folder."""
    from rdcbench import registry
    from rdcbench.datafiles import data_folder

    parts = registry.load(options.plugin_files)
    for spec in {spec.model_dump_json(): spec for spec in _datasets(recipe)}.values():
        parts.build("dataset", spec.name, spec.options).fetch(data_folder(options.data_dir), options.offline)


def _datasets(recipe: Recipe) -> Iterator[Any]:
    for study in recipe.active_studies.values():
        yield recipe.part("dataset", study)


def is_finished(store: Store, recipe: Recipe, options: Options) -> bool:
    """Whether the folder holds all weights and cells of this recipe, made by the very same code; needs no plugin."""
    try:
        if not (store.root / "plan.json").exists() or store.open().recipe() != recipe:
            return False
        plan, facts = store.plan(), store.provenance()
        if plan is None or facts["seeds"] != options.seeds or facts["device"] != options.device:
            return False
        if facts["versions"] != provenance(options.device)["versions"]:
            return False
        if any(not Path(path).is_file() or file_digest(path) != digest for path, digest in plan.sources.items()):
            return False
        cells = [store.cell(plan.keys[job.name]) for job in plan.jobs if job.stage == "codec"]
        measured = all(cell is not None and cell.status == "done" for cell in cells)
        return measured and all(store.has_weights(key) for key in plan.train_keys.values())
    except (RdcbenchError, KeyError):
        return False


def _check(options: Options) -> None:
    for name, value in (("seeds", options.seeds), ("jobs", options.jobs)):
        if value < 1:
            raise RecipeError(f"--{name} {value} is not possible; it must be at least 1.")
    if options.jobs > 4 * core_count():
        raise RecipeError(f"--jobs {options.jobs} is more than four for each of this machine's {core_count()} cores.")
    if options.device != "cpu":
        _check_device(options.device)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        raise RecipeError(f"There is no device {device!r} here; there is: {', '.join(there)}.") from error


def _facts(recipe: Recipe, options: Options) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "recipe": recipe.name,
        "recipe_hash": recipe.content_hash(),
        "seeds": options.seeds,
        **provenance(options.device),
    }


def _grown(store: Store, plan: Plan, recipe: Recipe, options: Options) -> Plan:
    """Keep the jobs of earlier starts, such as those of another --only, that this very recipe would lay out alike."""
    from rdcbench import registry
    from rdcbench.plan import make_plan

    old = store.plan()
    if old is None or not recipe.only:
        return plan
    whole = make_plan(recipe.model_copy(update={"only": []}), options.seeds, registry.load(options.plugin_files))
    kept = [job for job in whole.jobs if job.stage == "codec" and old.keys.get(job.name) == whole.keys[job.name]]
    needed = {name for job in kept for name in (job.name, *needs(job))}
    more = [job for job in whole.jobs if job.name in needed and job.name not in plan.keys]
    return plan.model_copy(
        update={
            "jobs": [*plan.jobs, *more],
            "keys": {**plan.keys, **{job.name: whole.keys[job.name] for job in more}},
            "train_keys": {**plan.train_keys, **{job.name: whole.train_keys[job.name] for job in more}},
        }
    )


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the run folder; a second process is refused."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out / ".lock", os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror}. Choose another --out.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"Another process is running into {out}; wait for it or choose another --out.") from error
        yield
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------------------------------------------------- scheduling


def _perform(plan: Plan, store: Store, options: Options, listener: Listener) -> tuple[dict[str, str], int]:
    from rdcbench import building, registry, work

    parts = registry.load(options.plugin_files)
    settings = building.Settings(
        store.root, store.cache, options.data_dir, options.offline, options.device, options.plugin_files
    )
    todo = Todo(plan, store)
    trackers = [parts.build("tracker", name, {}) for name in options.trackers]
    tell = _teller(listener, trackers)
    tell("planned", "", {"jobs": len(plan.unique()), "todo": {job.name: cost_of(job) for job in todo.waiting}})
    if not todo.waiting:
        return {}, 0
    name = "serial" if options.executor == "local" and options.jobs == 1 else options.executor
    executor: Executor = parts.build("executor", name, {"jobs": options.jobs})
    finished = False
    try:
        _loop(todo, executor, tell, lambda job: (work.perform, building.work_of(plan, job, settings)), options.jobs)
        finished = True
    finally:
        executor.close(cancel=not finished)
    return todo.failures, todo.performed


def _loop(
    todo: Todo,
    executor: Executor,
    tell: Listener,
    call: Callable[[Job], tuple[Callable[..., Any], Any]],
    slots: int,
) -> None:
    """Keep the workers busy until nothing is left that can run."""
    running: dict[Future[Any], Job] = {}
    while todo.waiting or running:
        for lost in todo.drop_lost():
            tell("failed", lost.name, {"error": todo.failures[lost.name]})
        while len(running) < slots and (job := todo.next(running.values())) is not None:
            tell("started", job.name, {})
            running[executor.submit(*call(job))] = job
        if not running:
            break
        done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            job = running.pop(future)
            error = _error_of(future)
            todo.finish(job, error)
            tell("failed" if error else "finished", job.name, {"error": error} if error else todo.numbers(job))
        tell("tick", "", {})


def _error_of(future: Future[Any]) -> str:
    """What a worker says of its job: "", or the error."""
    error = future.exception()
    if error is None:
        return str(future.result())
    return "its worker died" if isinstance(error, BrokenExecutor) else f"{type(error).__name__}: {error}"


def _teller(listener: Listener, trackers: list[Tracker]) -> Listener:
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

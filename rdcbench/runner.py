"""Plan, jobs, rows: runs what is missing, in an order in which inputs come first and long chains start early."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdcbench.dispatch import Listener, build_trackers, dispatch, teller
from rdcbench.errors import ContestedError, PartError, RdcbenchError, RecipeError
from rdcbench.jobs import Plan
from rdcbench.lock import locked
from rdcbench.machine import core_count
from rdcbench.options import GIVEN_TO_EXECUTORS, Options, check, workers
from rdcbench.provenance import provenance
from rdcbench.recipe import PART_TABLES, PartSpec, Recipe
from rdcbench.results import SCHEMA_VERSION, Row
from rdcbench.schedule import Todo, cost_of, needs
from rdcbench.status import Running
from rdcbench.store import Store
from rdcbench.versions import file_digest

if TYPE_CHECKING:
    from rdcbench.interfaces import Executor
    from rdcbench.registry import Registry


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
    check(options)
    store = Store(options.out, options.cache)
    if is_finished(store, recipe, options):
        return Result(store, store.rows())
    store.check_place()
    with locked(options.out):
        lost = lost_studies(recipe, options)
        refused = {name: why for name, why in lost.items() if name in recipe.active_studies}
        recipe = _without(recipe, lost)
        plan = prepare(recipe, options, lost)
        bring_data(recipe, options)
        store.sweep()
        store.create(recipe, _facts(recipe, options), options.expected)
        store.write_plan(_grown(store, plan, recipe, options, lost))
        failures, performed = _perform(plan, store, options, listener, recipe.training.limit_seconds)
        return Result(store, store.rows(), {**refused, **failures}, performed)


def lost_studies(recipe: Recipe, options: Options) -> dict[str, str]:
    """The studies that cannot be had because an installed plugin is broken or two bring one name, with the reasons.

    None with all plugins sound and at peace, or where nothing would be left to run: then `prepare` says what is wrong.
    """
    from rdcbench import registry
    from rdcbench.plan import make_plan

    parts = registry.load(options.plugin_files)
    excused = PartError if parts.broken else ContestedError
    lost: dict[str, str] = {}
    for name in recipe.studies if parts.broken or parts.contested else ():
        alone = recipe.model_copy(update={"only": [name]})
        try:
            _check_parts(alone, parts)
            make_plan(alone, 1, parts)
        except excused as error:
            lost[name] = f"not run: {error}"
    return {} if set(recipe.active_studies) <= set(lost) else lost


def _without(recipe: Recipe, studies: Collection[str]) -> Recipe:
    """The recipe with these studies inactive."""
    left = [name for name in recipe.active_studies if name not in studies]
    return recipe if left == list(recipe.active_studies) else recipe.model_copy(update={"only": left})


def prepare(recipe: Recipe, options: Options, lost: Collection[str] = ()) -> Plan:
    """Load the plugins, check that all that is asked for exists, and lay out the jobs; writes and fetches nothing.

    lost: studies whose parts are known not to be there.
    """
    from rdcbench import registry
    from rdcbench.plan import make_plan

    parts = registry.load(options.plugin_files)
    entry = parts.check("executor", options.executor, options.executor_options, GIVEN_TO_EXECUTORS)
    for name in options.trackers:
        parts.get("tracker", name)
    _check_parts(_without(recipe.model_copy(update={"only": []}), lost), parts)
    plan = make_plan(recipe, options.seeds, parts)
    threads = _threads(plan)
    if threads > core_count() and not _is_cluster(entry.target):
        raise RecipeError(f"training.threads = {threads} is more than this machine's {core_count()} cores.")
    return plan


def _threads(plan: Plan) -> int:
    """Threads of the job that has most of them."""
    return max((job.training.threads for job in plan.jobs if job.training), default=1)


def _is_cluster(executor: type) -> bool:
    from rdcbench.executors import Cluster

    return issubclass(executor, Cluster)


def _check_parts(recipe: Recipe, parts: Registry) -> None:
    """Make sure that all parts of the active studies exist and take their options."""
    from rdcbench.registry import given_to

    for kind, spec in _specs(recipe):
        parts.check(kind, spec.name, spec.options, given_to(kind))


def _specs(recipe: Recipe) -> Iterator[tuple[str, PartSpec]]:
    """Kind and table of every part that the active studies ask for."""
    yield from (("metric", spec) for spec in recipe.metrics)
    yield from (("judge", spec) for spec in recipe.judges)
    for study in recipe.active_studies.values():
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
        measured = all(store.finished(plan.keys[job.name]) for job in plan.jobs if job.stage == "codec")
        return measured and all(store.has_weights(key) for key in plan.train_keys.values())
    except (RdcbenchError, KeyError):
        return False


def _facts(recipe: Recipe, options: Options) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "recipe": recipe.name,
        "recipe_hash": recipe.content_hash(),
        "seeds": options.seeds,
        **provenance(options.device),
    }


def _grown(store: Store, plan: Plan, recipe: Recipe, options: Options, lost: Collection[str]) -> Plan:
    """Keep the jobs of earlier starts, such as those of another --only, that this very recipe would lay out alike."""
    from rdcbench import registry
    from rdcbench.plan import make_plan

    old = store.plan()
    if old is None or not recipe.only:
        return plan
    everything = _without(recipe.model_copy(update={"only": []}), lost)
    whole = make_plan(everything, options.seeds, registry.load(options.plugin_files))
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


# ---------------------------------------------------------------------------------------------------------- scheduling


def _perform(
    plan: Plan, store: Store, options: Options, listener: Listener, limit: float
) -> tuple[dict[str, str], int]:
    """Do the jobs that are missing. limit: seconds for a job that has no training of its own."""
    from rdcbench import building, registry
    from rdcbench.routes import route_of

    parts = registry.load(options.plugin_files)
    settings = building.Settings(
        store.root, store.cache, options.data_dir, options.offline, options.device, options.plugin_files
    )
    apart = _is_cluster(parts.get("executor", options.executor).target)
    route = route_of(plan, settings, limit, options.artefacts, apart)
    route.open()
    todo = Todo(plan, store)
    trackers = build_trackers(options.trackers, lambda name: parts.build("tracker", name, {}), listener)
    watched, running = teller(listener, trackers), Running(store)

    def tell(kind: str, job: str, values: Mapping[str, Any]) -> None:
        running.note(kind, job)
        watched(kind, job, values)

    costs = {job.name: cost_of(job) for job in todo.waiting}
    tell("planned", "", {"jobs": len(plan.unique()), "todo": costs, "folder": str(store.root)})
    for text in store.damaged.values():
        tell("note", "", {"text": text})
    if not todo.waiting:
        route.end()
        return {}, 0
    executor, slots = _engine(parts, plan, options)
    finished = False
    try:
        route.publish(executor)
        dispatch(todo, executor, tell, route, slots)
        finished = True
    finally:
        executor.close(cancel=not finished)
    route.end()
    return todo.failures, todo.performed


def _engine(parts: Registry, plan: Plan, options: Options) -> tuple[Executor, Callable[[], int]]:
    """The executor, and how many jobs it takes at a time."""
    from rdcbench.executors import Cluster

    name = "serial" if options.executor == "local" and workers(options) == 1 else options.executor
    given = {"jobs": workers(options), "threads": _threads(plan)}
    executor: Executor = parts.build("executor", name, options.executor_options, given)
    if not isinstance(executor, Cluster):
        return executor, lambda: workers(options)
    return executor, lambda: min(options.jobs or sys.maxsize, max(1, executor.slots()))

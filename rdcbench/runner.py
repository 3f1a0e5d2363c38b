"""Plan, jobs, rows: runs what is missing, in an order in which inputs come first and long chains start early."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdcbench.dispatch import Listener, build_trackers, dispatch, teller
from rdcbench.errors import RdcbenchError
from rdcbench.jobs import Plan
from rdcbench.lock import locked
from rdcbench.options import Options, check, workers
from rdcbench.preparing import bring_data, is_cluster, lost_studies, prepare, threads_of, without
from rdcbench.provenance import provenance
from rdcbench.recipe import Recipe
from rdcbench.results import SCHEMA_VERSION, Row
from rdcbench.schedule import Todo, cost_of, needs
from rdcbench.status import Running
from rdcbench.store import RUN_FILES, Store
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

    listener: called with (kind, job name, values); kinds are "planned", "started", "learned", "finished", "failed",
    "note" and "tick".
    """
    check(options)
    store = Store(options.out, options.cache)
    if is_finished(store, recipe, options):
        return Result(store, store.rows())
    store.check_place()
    with locked(options.out):
        lost = lost_studies(recipe, options)
        refused = {name: why for name, why in lost.items() if name in recipe.active_studies}
        recipe = without(recipe, lost)
        plan = prepare(recipe, options, lost)
        bring_data(recipe, options)
        store.sweep(RUN_FILES)
        store.create(recipe, _facts(recipe, options), options.expected)
        store.write_plan(_grown(store, plan, recipe, options, lost))
        failures, performed = _perform(plan, store, options, listener, recipe.training.limit_seconds)
        return Result(store, store.rows(), {**refused, **failures}, performed)


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
    everything = without(recipe.model_copy(update={"only": []}), lost)
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
        store.root,
        cache=store.cache,
        data_dir=options.data_dir,
        offline=options.offline,
        device=options.device,
        plugin_files=options.plugin_files,
        cuda_graphs=options.cuda_graphs,
    )
    apart = is_cluster(parts.get("executor", options.executor).target)
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
    given = {"jobs": workers(options), "threads": threads_of(plan)}
    executor: Executor = parts.build("executor", name, options.executor_options, given)
    if not isinstance(executor, Cluster):
        return executor, lambda: workers(options)
    return executor, lambda: min(options.jobs or sys.maxsize, max(1, executor.slots()))

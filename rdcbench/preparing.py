"""Before a run writes anything: whether all that is asked for exists, the jobs that it comes to, and the data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from rdcbench.errors import ContestedError, PartError, RecipeError
from rdcbench.jobs import Plan
from rdcbench.machine import core_count
from rdcbench.options import GIVEN_TO_EXECUTORS, Options
from rdcbench.recipe import PART_TABLES, PartSpec, Recipe

if TYPE_CHECKING:
    from rdcbench.registry import Registry


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


def without(recipe: Recipe, studies: Collection[str]) -> Recipe:
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
    _check_parts(without(recipe.model_copy(update={"only": []}), lost), parts)
    plan = make_plan(recipe, options.seeds, parts)
    _check_fields(plan, parts)
    threads = threads_of(plan)
    if threads > core_count() and not is_cluster(entry.target):
        raise RecipeError(f"training.threads = {threads} is more than this machine's {core_count()} cores.")
    return plan


def threads_of(plan: Plan) -> int:
    """Threads of the job that has most of them."""
    return max((job.training.threads for job in plan.jobs if job.training), default=1)


def is_cluster(executor: type) -> bool:
    """Whether jobs of an executor run on other machines too."""
    from rdcbench.executors import Cluster

    return issubclass(executor, Cluster)


def _check_parts(recipe: Recipe, parts: Registry) -> None:
    """Make sure that all parts of the active studies exist and take their options."""
    from rdcbench.registry import given_to

    for kind, spec in _specs(recipe):
        parts.check(kind, spec.name, spec.options, given_to(kind))


def _check_fields(plan: Plan, parts: Registry) -> None:
    """Refuse metrics and judges that bring one field twice: each row would fail, after its training."""
    judges = {job.name: job.parts["judge"].name for job in plan.jobs if job.stage == "judge"}
    asked = {
        (*(("metric", spec.name) for spec in job.metrics), *(("judge", judges[name]) for name in job.judges))
        for job in plan.jobs
    }
    for measures in sorted(asked):
        source: dict[str, str] = {}
        for kind, name in measures:
            for field in getattr(parts.get(kind, name).target, "fields", ()):  # one without any costs its own rows
                if field in source:
                    raise RecipeError(
                        f"{source[field]} and {kind}:{name} bring one field, {field!r}; ask for one of them."
                    )
                source[field] = f"{kind}:{name}"


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

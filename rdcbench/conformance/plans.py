"""Protocols and folders of recipes: plans without a circle, and recipes that can be planned."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rdcbench.conformance import shared, stand_ins
from rdcbench.conformance.case import Case, Tensors, Trial
from rdcbench.conformance.contract import contract, expect
from rdcbench.errors import RdcbenchError
from rdcbench.jobs import ROLES, Job
from rdcbench.loading import load_recipe, read_toml
from rdcbench.plan import make_plan
from rdcbench.recipe import Recipe
from rdcbench.registry import Registry, _entries_of

BASE, STUDY = "rdc", "checked"
POINTS = [0.0, 0.01, 0.02]


class PlanTrial(Trial):
    """Nothing but its options."""

    def given(self, case: Case) -> dict[str, Any]:  # noqa: ARG002
        """A protocol is given nothing."""
        return {}

    def inputs(self, case: Case) -> Tensors:  # noqa: ARG002
        """A protocol is called with a recipe."""
        return {}


def _recipe(case: Case) -> Recipe:
    """A recipe of stand-ins: an end-to-end study `rdc`, and one of the protocol at hand."""
    kinds = ("dataset", "encoder", "quantizer", "entropy_model", "decoder", "critic", "classifier", "objective")
    parts = {kind: {"name": f"conformance/conformance-{kind.replace('_', '-')}"} for kind in kinds}
    protocol = {"name": f"{case.entry.owner}/{case.entry.name}", **case.options}
    return Recipe.model_validate(
        {
            "name": "conformance",
            **parts,
            "dataset": {"name": "conformance/conformance-images"},
            "training": {"steps": 10, "batch": 8, "learning_rate": 0.01},
            "studies": {
                BASE: {"protocol": "conformance/conformance-protocol", "sweep": {"classification": POINTS}},
                STUDY: {"protocol": protocol, "sweep": {"classification": POINTS}},
            },
        }
    )


def _with_stand_ins(registry: Registry) -> Registry:
    return Registry(
        [*registry.entries, *_entries_of(stand_ins, "conformance")], registry.broken, registry.owners, registry.shipped
    )


def _jobs(case: Case, seed: int) -> list[Job]:
    recipe = _recipe(case)
    return list(case.build().plan(recipe, recipe.studies[STUDY], STUDY, seed))


@contract(
    "points",
    says="A protocol lays out one job for each operating point of the study, named STUDY/PROTOCOL/POINT/seedN.",
    mend="make jobs with rdcbench.codec_job for each of study.tradeoffs(), and pass the study's name and the seed on.",
)
def points(case: Case) -> None:
    """Names, tradeoffs and roles."""
    for seed in (0, 1):
        jobs = _jobs(case, seed)
        expect(all(isinstance(job, Job) for job in jobs), "plan gives something that is no rdcbench.Job.")
        own = [job for job in jobs if job.name.startswith(f"{STUDY}/")]
        expect(len({job.name for job in own}) == len(own), "Two jobs have one name.")
        tradeoffs = [job.tradeoff for job in own]
        missing = [point for point in _recipe(case).studies[STUDY].tradeoffs() if point not in tradeoffs]
        expect(not missing, f"No job is laid out for {missing}.")
        wrong = [job.name for job in own if not job.name.endswith(f"/seed{seed}") or job.seed != seed]
        expect(not wrong, f"{wrong} do not belong to seed {seed}.")
        roles = {role for job in own for role in job.trains} - set(ROLES)
        expect(not roles, f"{sorted(roles)} train, which are no roles; there is: {', '.join(ROLES)}.")


@contract(
    "acyclic",
    says="No job waits for itself: inputs name jobs that exist, and lead to jobs that start from scratch.",
    mend="let a job start from jobs of another study or of earlier points only; rdcbench.job_name gives their names.",
)
def acyclic(case: Case) -> None:
    """The harness' own planner."""
    try:
        plan = make_plan(_recipe(case), 2, _with_stand_ins(case.registry))
    except RdcbenchError as error:
        expect(False, f"It cannot be planned: {error}")
    expect(any(job.name.startswith(STUDY) for job in plan.jobs), "The plan has no job of the study.")


@contract(
    "same again",
    says="Equal recipes give equal plans: jobs are looked up by what they say.",
    mend="draw nothing at random, and keep no memory of an earlier plan.",
)
def same_again(case: Case) -> None:
    """Two plans of one recipe."""
    expect(_jobs(case, 0) == _jobs(case, 0), "Two plans of one recipe differ.")
    part, recipe = case.build(), _recipe(case)
    first, second = (list(part.plan(recipe, recipe.studies[STUDY], STUDY, 0)) for _ in range(2))
    expect(first == second, "The second plan of one protocol differs from its first.")


def _recipe_files(case: Case) -> Iterable[Path]:
    return sorted(Path(case.entry.target).glob("*/recipe.toml"))


@contract(
    "folder",
    says="rdcbench_recipes gives folders with benchmarks, each NAME/recipe.toml.",
    mend="return [Path(__file__).parent] and put recipe.toml into a sub-folder named as the benchmark.",
)
def folder(case: Case) -> None:
    """The folder and its files."""
    expect(Path(case.entry.target).is_dir(), f"{case.entry.target} is no folder.")
    expect(list(_recipe_files(case)), f"{case.entry.target} has no NAME/recipe.toml.")


@contract(
    "plan",
    says="Every recipe, with every preset, is valid and can be planned from the parts that are installed.",
    mend="correct the key that is named; `rdcbench list KIND` shows parts and options.",
)
def plan(case: Case) -> None:
    """Read and plan all presets."""
    for path in _recipe_files(case):
        for preset in ("default", *read_toml(path).get("presets", {})):
            try:
                make_plan(load_recipe(path, preset), 1, case.registry)
            except RdcbenchError as error:
                expect(False, f"{path.parent.name}, preset {preset}: {error}")


TRIALS = {"protocol": PlanTrial(), "recipe": PlanTrial()}
CHECKS = {"protocol": (*shared.COMMON, points, acyclic, same_again), "recipe": (folder, plan)}

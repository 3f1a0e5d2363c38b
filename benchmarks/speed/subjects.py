"""What the speed benchmarks time: jobs of mnist-universal, built from its recipe; one thread, MNIST on disk."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from rdcbench import building, train
from rdcbench import codec as codecs
from rdcbench.benchmarks import find_recipe
from rdcbench.datafiles import data_folder
from rdcbench.errors import DataError
from rdcbench.interfaces import Dataset, Judge
from rdcbench.jobs import ROLES, Job
from rdcbench.loading import load_recipe
from rdcbench.plan import active_terms, make_plan
from rdcbench.records import Split
from rdcbench.registry import Registry, load
from rdcbench.rng import generator, seed_of
from rdcbench.store import Store

torch.set_num_threads(1)


@cache
def registry() -> Registry:
    return load()


@cache
def mnist() -> Dataset:
    dataset: Dataset = registry().build("dataset", "mnist", {})
    return dataset


@cache
def split(name: Any) -> Split:
    try:
        return mnist().load(data_folder(None), name)
    except DataError as error:
        sys.exit(str(error))


def job(study: str, point: Mapping[str, float], over: Mapping[str, Any] | None = None, seed: int = 0) -> Job:
    """The job of one operating point of the default preset and a seed, with tables of the study laid over it."""
    settings = [(["studies", study, *key.split(".")], value) for key, value in (over or {}).items()]
    recipe = load_recipe(find_recipe("mnist-universal"), "", [*settings, (["only"], [study])])
    plan = make_plan(recipe.model_copy(update={"metrics": [], "judges": []}), seed + 1, registry())
    asked = (job for job in plan.jobs if job.tradeoff == dict(point) and job.name.startswith(f"{study}/"))
    return next(job for job in asked if job.seed == seed)


def work_in(run: Path, name: str) -> building.Work:
    """A job of a finished run, to load what it trained."""
    store = Store(run).open()
    plan = store.plan()
    assert plan is not None
    return building.work_of(plan, plan.job(name), building.Settings(run))


def stage_of(run: Path, name: str) -> Any:
    """The classifier or a judge of a finished run."""
    plan = Store(run).open().plan()
    assert plan is not None
    row = next(job for job in plan.jobs if name in [*job.inputs.values(), *job.judges])
    return building.load_stage(work_in(run, row.name), name)


def task(asked: Job, classifier: Any = None, run: Path | None = None) -> train.Task:
    """A training as the harness sets it up; parts that come from another job are loaded from `run`."""
    built = building.build_codec(asked, mnist(), registry(), classifier)
    if run:
        for role in ROLES:
            if role in asked.inputs:
                base = building.load_codec(work_in(run, asked.inputs[role]))
                given, part = (b.critic if role == "critic" else getattr(b.codec, role) for b in (base, built))
                codecs.load_state(part, given.state_dict())
                built.codec.seed = base.codec.seed
    assert asked.training is not None
    trains = [r for r in asked.trains if r in ("encoder", "decoder") or (r == "critic" and built.critic)]
    return train.Task(
        codec=built.codec,
        objective=registry().build("objective", "weighted", {}),
        train=split("train"),
        training=asked.training,
        trains=trains,
        terms=active_terms(asked, registry()),
        tradeoffs=[asked.tradeoff],
        seed=seed_of("train", asked.seed),
        critic=built.critic,
        classifier=built.classifier,
    )


def fitted(asked: Job, classifier: Any = None) -> codecs.Codec:
    """A codec as it is evaluated, untrained but with tables."""
    codec = building.build_codec(asked, mnist(), registry(), classifier).codec
    assert isinstance(codec, codecs.Codec)
    codec.fit_part("entropy_model", split("train"), generator("fit", 0))
    codecs.freeze(codec)
    return codec


def judges(classifier_steps: int = 20) -> dict[str, Judge]:
    """The judges of mnist-universal; a short training changes their numbers, not the time that they take."""
    given = {"image_shape": mnist().image_shape, "classes": mnist().classes}
    options = {"classifier-judge": {"steps": classifier_steps}}
    found: dict[str, Judge] = {}
    for name in ("classifier-judge", "sliced-w2", "fresh-critic", "memorisation"):
        judge = registry().build("judge", name, options.get(name, {}), given)
        judge.fit(split("train"), generator("judge", name, 0))
        codecs.freeze(judge)
        found[f"judge:{name}"] = judge
    return found

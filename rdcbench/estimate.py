"""How long a run will take: a few real steps of each kind of job, timed here and now."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import nn

from rdcbench import building, train
from rdcbench.codec import Codec
from rdcbench.interfaces import Classifier, Dataset, Fitted
from rdcbench.jobs import Job, Plan
from rdcbench.options import Options
from rdcbench.plan import active_terms
from rdcbench.recipe import digest_of
from rdcbench.records import Split
from rdcbench.rng import generator

FIRST_STEPS = 2
"""Steps that warm up, and say how many more are worth timing."""
MEASURED_SECONDS = 0.5
"""How long the timed steps of one kind of job may take, about."""
STAGE_SECONDS = 20.0
"""What a classifier, a judge, or parts that are fitted instead of trained are assumed to take."""
EVALUATION_SECONDS = 5.0
"""What evaluating and judging a row is assumed to take."""


def seconds(plan: Plan, todo: Sequence[Job], options: Options) -> float:
    """Estimate the seconds of one core that `todo` takes without graphs; no data set is read, images are noise."""
    settings = building.Settings(options.out, device=options.device, plugin_files=options.plugin_files)
    per_step: dict[str, float] = {}
    trained: set[str] = set()
    total = 0.0
    for job in todo:
        if job.stage != "codec" or job.training is None or "codec" in job.parts:
            total += STAGE_SECONDS
            continue
        total += EVALUATION_SECONDS
        if plan.train_keys[job.name] in trained:
            continue
        trained.add(plan.train_keys[job.name])
        kind = _kind(job, settings)
        if kind not in per_step:
            per_step[kind] = _measure(plan, job, settings)
        total += job.training.steps * per_step[kind] or STAGE_SECONDS
    return total


def _kind(job: Job, settings: building.Settings) -> str:
    """Jobs of one kind take equal steps."""
    parts = {kind: spec.model_dump(mode="json") for kind, spec in job.parts.items()}
    how = [job.training.batch, job.training.precision] if job.training else []
    return digest_of([parts, sorted(active_terms(job, settings.registry())), job.trains, *how])


def _measure(plan: Plan, job: Job, settings: building.Settings) -> float:
    """Seconds of one training step of a job, on random images with freshly built parts; 0 if all are fitted instead."""
    task = _task(plan, job, settings, FIRST_STEPS)
    if not any(_has_gradient(getattr(task.codec, role)) for role in task.trains if role != "critic"):
        return 0.0
    first = _timed(task) / FIRST_STEPS
    more = min(20, max(1, int(MEASURED_SECONDS / first)))
    return _timed(_task(plan, job, settings, more)) / more


def _has_gradient(part: nn.Module) -> bool:
    return not isinstance(part, Fitted) and any(True for _ in part.parameters())


def _timed(task: train.Task) -> float:
    started = time.perf_counter()
    train.fit(task)
    return time.perf_counter() - started


def _task(plan: Plan, job: Job, settings: building.Settings, steps: int) -> train.Task:
    """A short training of a job on noise."""
    assert job.training is not None
    torch.set_num_threads(job.training.threads)
    dataset = building.open_dataset(job.dataset, settings)
    classifier = _classifier(plan, job, dataset, settings)
    built = building.build_codec(job, dataset, settings.registry(), classifier)
    assert isinstance(built.codec, Codec)
    return train.Task(
        codec=built.codec.to(settings.device),
        objective=settings.registry().build("objective", job.parts["objective"].name, job.parts["objective"].options),
        train=_noise(dataset, job.training.batch),
        training=job.training.model_copy(update={"steps": steps}),
        trains=[role for role in job.trains if role != "entropy_model"],
        terms=active_terms(job, settings.registry()),
        tradeoffs=job.tradeoffs or [job.tradeoff],
        seed=0,
        critic=built.critic.to(settings.device) if built.critic else None,
        classifier=classifier,
        device=settings.device,
    )


def _noise(dataset: Dataset, batch: int) -> Split:
    rng = generator("estimate")
    images = torch.randint(0, 256, (4 * batch, *dataset.image_shape), generator=rng).byte()
    labels = {name: torch.randint(0, count, (4 * batch,), generator=rng) for name, count in dataset.classes.items()}
    return Split("train", images, labels)


def _classifier(plan: Plan, job: Job, dataset: Dataset, settings: building.Settings) -> Classifier | None:
    if "classifier" not in job.inputs:
        return None
    classifier: Classifier = building.build_stage(plan.job(job.inputs["classifier"]), dataset, settings.registry())
    return classifier.to(settings.device)

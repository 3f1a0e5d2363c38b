"""Building the parts of a job, freshly initialised or with the weights of a finished one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from rdcbench import codec as codecs
from rdcbench import registry
from rdcbench.datafiles import data_folder
from rdcbench.interfaces import Classifier, Critic, Dataset, WholeCodec
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec
from rdcbench.records import Split
from rdcbench.registry import Registry
from rdcbench.rng import seed_of
from rdcbench.store import Store


@dataclass(frozen=True)
class Settings:
    """What a worker must know beside the job. cuda_graphs: trainings are captured and replayed."""

    root: Path
    cache: Path | None = None
    data_dir: Path | None = None
    offline: bool = False
    device: str = "cpu"
    plugin_files: tuple[Path, ...] = ()
    cuda_graphs: bool = False

    def store(self) -> Store:
        """The run folder."""
        return Store(self.root, self.cache)

    def registry(self) -> Registry:
        """All parts."""
        return registry.load(self.plugin_files)


@dataclass(frozen=True)
class Work:
    """A job with its keys, and those of its inputs."""

    job: Job
    train_key: str
    key: str
    input_keys: Mapping[str, str]
    input_jobs: Mapping[str, Job]
    settings: Settings


@dataclass
class Built:
    """The parts of a codec job, and what the metrics need beside them."""

    job: Job
    image_shape: tuple[int, ...]
    codec: WholeCodec
    critic: Critic | None
    classifier: Classifier | None
    facts: dict[str, Any] = field(default_factory=dict)


def work_of(plan: Plan, job: Job, settings: Settings) -> Work:
    """Collect what a worker needs for one job."""
    needed = [*job.inputs.values(), *job.judges]
    return Work(
        job,
        plan.train_keys[job.name],
        plan.keys[job.name],
        {name: plan.train_keys[name] for name in needed},
        {name: plan.job(name) for name in needed},
        settings,
    )


def build_stage(job: Job, dataset: Dataset, parts: Registry) -> Any:
    """Build the classifier or judge of a stage job, seeded."""
    given = {"image_shape": dataset.image_shape, "classes": dataset.classes}
    return seeded(parts, job.stage, job.parts[job.stage], given, job.seed)


def load_stage(work: Work, name: str) -> Any:
    """Load a trained classifier or judge by the name of its job, frozen; kept in memory for the worker's next job."""
    return _cached_stage(work.input_jobs[name].model_dump_json(), work.input_keys[name], work.settings)


@cache
def _cached_stage(job_text: str, train_key: str, settings: Settings) -> Any:
    job = Job.model_validate_json(job_text)
    dataset = open_dataset(job.dataset, settings)
    part = build_stage(job, dataset, settings.registry())
    tensors, _ = settings.store().weights(train_key)
    codecs.load_state(part, tensors)
    codecs.freeze(part)
    return part.to(settings.device)


def build_codec(job: Job, dataset: Dataset, parts: Registry, classifier: Classifier | None = None) -> Built:
    """Build a job's codec and critic with freshly initialised weights; equal roles of equal seeds start equal."""
    given: dict[str, Any] = {
        "image_shape": dataset.image_shape,
        "classes": dataset.classes,
        "dimensions": job.dimensions,
        "levels": job.levels,
        "tradeoff": job.tradeoff,
        "training": job.training,
        "classifier": classifier,
    }
    if "codec" in job.parts:
        whole = seeded(parts, "codec", job.parts["codec"], given, job.seed)
        whole.seed = seed_of("sender", job.seed)
        return Built(job, dataset.image_shape, whole, None, classifier)
    made = {role: seeded(parts, role, job.parts[role], given, job.seed) for role in ("encoder", "quantizer", "decoder")}
    quantizer = made["quantizer"]
    given |= {"alphabet": quantizer.alphabet, "dither_points": quantizer.dither_points}
    made["entropy_model"] = seeded(parts, "entropy_model", job.parts["entropy_model"], given, job.seed)
    critic = seeded(parts, "critic", job.parts["critic"], given, job.seed) if "critic" in job.parts else None
    codec = codecs.Codec(**made, seed=seed_of("sender", job.seed))
    return Built(job, dataset.image_shape, codec, critic, classifier)


def load_codec(work: Work) -> Built:
    """Load a trained codec, its critic and its classifier, frozen and in evaluation mode."""
    dataset = open_dataset(work.job.dataset, work.settings)
    classifier = load_stage(work, work.job.inputs["classifier"]) if "classifier" in work.job.inputs else None
    built = build_codec(work.job, dataset, work.settings.registry(), classifier)
    tensors, facts = work.settings.store().weights(work.train_key)
    if built.critic is not None:
        codecs.load_state(built.critic, under(tensors, "critic"))
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("critic.")}
    codecs.load_state(built.codec, tensors)
    built.codec.seed = facts["sender_seed"]
    codecs.freeze(built.codec)
    if built.critic is not None:
        codecs.freeze(built.critic)
        built.critic.to(work.settings.device)
    built.facts = facts
    built.codec.to(work.settings.device)
    return built


def under(tensors: Mapping[str, torch.Tensor], role: str) -> dict[str, torch.Tensor]:
    """The tensors of one role, without its prefix."""
    prefix = f"{role}."
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def seeded(parts: Registry, kind: str, spec: PartSpec, given: Mapping[str, Any], seed: int) -> Any:
    """Build a part with its weights drawn from a seed of its kind, leaving the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("weights", kind, seed))
        return parts.build(kind, spec.name, spec.options, given)


def open_dataset(spec: PartSpec, settings: Settings) -> Dataset:
    """Build a data set from its table."""
    dataset: Dataset = settings.registry().build("dataset", spec.name, spec.options)
    return dataset


def load_split(work: Work, split: str) -> tuple[Dataset, Split]:
    """Load one split, kept in memory for the next job of this worker."""
    return _cached_split(work.job.dataset.model_dump_json(), replace(work.settings, root=Path()), split)


@cache
def _cached_split(spec: str, settings: Settings, split: Any) -> tuple[Dataset, Split]:
    dataset = open_dataset(PartSpec(**json.loads(spec)), settings)
    return dataset, dataset.load(data_folder(settings.data_dir), split)

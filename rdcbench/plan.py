"""Jobs: what a protocol lays out, what a worker performs, and the keys under which results are kept.

A training key hashes all that the trained weights depend on: the job's own settings, the keys of its inputs, the data,
the seed and the versions of its parts. A cell's key adds the metrics and judges. Neither knows the recipe's name, so
one more operating point is one more job, and runs share what they have in common.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rdcbench.errors import RecipeError, unknown
from rdcbench.recipe import PartSpec, Recipe, Study, Training, digest_of
from rdcbench.registry import Registry

SENDER = ("encoder", "quantizer", "entropy_model")
ROLES = (*SENDER, "decoder", "critic")
_NOT_IN_KEY = {"name", "inputs", "metrics", "judges", "versions", "metric_versions"}
_CRITIC_ONLY = ("critic_learning_rate", "critic_betas", "critic_schedule", "critic_batches")


class Job(BaseModel):
    """One unit of work.

    stage: "classifier" and "judge" prepare what rows share; "codec" trains and evaluates an operating point.
    trains: the roles that are trained or fitted; other roles come frozen from `inputs`.
    inputs: role (or "classifier", "judge:NAME") -> name of the job it comes from; a role that also trains starts there.
    tradeoff: weights of the objective's terms and dials of the decoder; tradeoffs: those met in training, if several.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    stage: Literal["classifier", "judge", "codec"] = "codec"
    seed: int = 0
    dataset: PartSpec
    parts: dict[str, PartSpec] = Field(default_factory=dict)
    dimensions: int = 0
    levels: int = 0
    tradeoff: dict[str, float] = Field(default_factory=dict)
    tradeoffs: list[dict[str, float]] = Field(default_factory=list)
    training: Training | None = None
    trains: tuple[str, ...] = ()
    inputs: dict[str, str] = Field(default_factory=dict)
    metrics: list[PartSpec] = Field(default_factory=list)
    judges: list[str] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)
    metric_versions: dict[str, str] = Field(default_factory=dict)

    @property
    def sender_frozen(self) -> bool:
        """Whether encoder, quantizer and tables come from another job as they are."""
        return all(role in self.inputs and role not in self.trains for role in SENDER)

    @property
    def row(self) -> str:
        """The job's name without its seed: rows are over seeds."""
        return self.name.rsplit("/seed", 1)[0]


class Plan(BaseModel):
    """All jobs of a run in an order in which inputs come first, and the keys of each by name."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    jobs: list[Job]
    train_keys: dict[str, str]
    keys: dict[str, str]
    data_digest: str
    sources: dict[str, str] = Field(default_factory=dict)

    def job(self, name: str) -> Job:
        """Find a job by its name."""
        for job in self.jobs:
            if job.name == name:
                return job
        codecs = [job.name for job in self.jobs if job.stage == "codec"]
        raise RecipeError(unknown("job", name, codecs))

    def unique(self) -> list[Job]:
        """The jobs to perform: one for each key, the first name that has it."""
        seen: dict[str, Job] = {}
        for job in self.jobs:
            seen.setdefault(self.keys[job.name], job)
        return list(seen.values())


def point_name(tradeoff: Mapping[str, float]) -> str:
    """Name an operating point: "classification=0.015,perception=0"."""
    return ",".join(f"{term}={weight:g}" for term, weight in sorted(tradeoff.items())) or "distortion=1"


def codec_job(
    recipe: Recipe,
    study: Study,
    study_name: str,
    seed: int,
    tradeoff: Mapping[str, float],
    trains: Sequence[str] = ROLES,
    inputs: Mapping[str, str] | None = None,
    tradeoffs: Sequence[Mapping[str, float]] = (),
) -> Job:
    """Make the job of one operating point of a study; protocols say what it trains and what it starts from."""
    kinds = (*ROLES, "objective", "codec")
    parts = {kind: spec for kind in kinds if (spec := recipe.part(kind, study)) is not None}
    if "codec" in parts:
        parts = {"codec": parts["codec"]}
    missing = [kind for kind in (*SENDER, "decoder", "objective") if kind not in parts and "codec" not in parts]
    if missing:
        raise RecipeError(f"The recipe {recipe.name!r} names no {missing[0].replace('_', ' ')}, which a codec needs.")
    dataset = recipe.part("dataset", study)
    assert dataset is not None
    return Job(
        name=f"{study_name}/{study.protocol.name}/{point_name(tradeoff)}/seed{seed}",
        seed=seed,
        dataset=dataset,
        parts=parts,
        dimensions=study.dimensions,
        levels=study.levels,
        tradeoff=dict(tradeoff),
        tradeoffs=[dict(other) for other in tradeoffs],
        training=recipe.training_for(study),
        trains=tuple(trains),
        inputs=dict(inputs or {}),
    )


def make_plan(recipe: Recipe, seeds: int, registry: Registry, digests: Mapping[str, str] | None = None) -> Plan:
    """Resolve a recipe into jobs and keys.

    digests: data digest by canonical data-set spec, for tests; computed from the data sets otherwise.
    """
    jobs: dict[str, Job] = {}
    for job in _laid_out(recipe, seeds, registry):
        for needed in (*_stage_jobs(recipe, job, registry), _completed(recipe, job, registry)):
            jobs.setdefault(needed.name, needed)
    ordered = _ordered(jobs)
    digest = _data_digests(ordered, registry, digests or {})
    train_keys: dict[str, str] = {}
    keys: dict[str, str] = {}
    for job in ordered:
        train_keys[job.name] = _train_key(job, train_keys, digest[job.dataset.model_dump_json()])
        keys[job.name] = _cell_key(job, train_keys)
    return Plan(
        jobs=ordered,
        train_keys=train_keys,
        keys=keys,
        data_digest=digest[ordered[0].dataset.model_dump_json()],
        sources=_sources(ordered, registry),
    )


def _laid_out(recipe: Recipe, seeds: int, registry: Registry) -> Iterable[Job]:
    for seed in range(seeds):
        for name, study in recipe.active_studies.items():
            protocol = registry.build("protocol", study.protocol.name, study.protocol.options)
            yield from protocol.plan(recipe, study, name, seed)


def _stage_jobs(recipe: Recipe, job: Job, registry: Registry) -> Iterable[Job]:
    """The classifier and the judges that a codec job needs; they have seed 0, so that all rows share them."""
    suffix = "" if job.dataset == recipe.dataset else f"-{digest_of(job.dataset.model_dump(), 3)}"
    if recipe.classifier is not None:
        yield Job(
            name=f"classifier{suffix}",
            stage="classifier",
            dataset=job.dataset,
            parts={"classifier": recipe.classifier},
            versions=_versions({"classifier": recipe.classifier}, registry),
        )
    for judge in recipe.judges:
        yield Job(
            name=f"judge:{judge.name}{suffix}",
            stage="judge",
            dataset=job.dataset,
            parts={"judge": judge},
            versions=_versions({"judge": judge}, registry),
        )


def _completed(recipe: Recipe, job: Job, registry: Registry) -> Job:
    """Check the tradeoff, drop what no active term reads, and add shared inputs, metrics and versions."""
    suffix = "" if job.dataset == recipe.dataset else f"-{digest_of(job.dataset.model_dump(), 3)}"
    reads = {"classifier"} if "codec" in job.parts else active_reads(job, registry)
    parts = dict(job.parts)
    inputs = dict(job.inputs)
    training = job.training
    trains = tuple(role for role in job.trains if role in parts)
    if "critic" not in reads:
        parts.pop("critic", None)
        inputs.pop("critic", None)
        trains = tuple(role for role in trains if role != "critic")
        defaults = {name: Training.model_fields[name].default for name in _CRITIC_ONLY}
        training = training.model_copy(update=defaults) if training else None
    if recipe.classifier is not None:
        inputs["classifier"] = f"classifier{suffix}"
    metrics = [spec for spec in recipe.metrics if _applicable(spec, parts, recipe, registry)]
    return job.model_copy(
        update={
            "parts": parts,
            "inputs": inputs,
            "trains": trains,
            "training": training,
            "metrics": metrics,
            "judges": [f"judge:{judge.name}{suffix}" for judge in recipe.judges],
            "versions": _versions(parts, registry),
            "metric_versions": {spec.name: version_of("metric", spec.name, registry) for spec in metrics},
        }
    )


def _applicable(spec: PartSpec, parts: Mapping[str, PartSpec], recipe: Recipe, registry: Registry) -> bool:
    """Whether a metric's needs are met: one that names `critic` needs a job with a critic of its own."""
    options = registry.get("metric", spec.name).options()
    return ("critic" not in options or "critic" in parts) and ("classifier" not in options or bool(recipe.classifier))


def active_terms(job: Job, registry: Registry) -> dict[str, frozenset[str]]:
    """The objective's terms that have a weight in this job, with what each reads."""
    spec = job.parts["objective"]
    terms: Mapping[str, frozenset[str]] = registry.get("objective", spec.name).target.terms
    dials: tuple[str, ...] = registry.get("decoder", job.parts["decoder"].name).target.dials
    points = job.tradeoffs or [job.tradeoff]
    for name in {name for point in [job.tradeoff, *points] for name in point}:
        if name not in terms and name not in dials:
            raise RecipeError(
                unknown(f"term of the objective {spec.name!r} or dial of the decoder named", name, [*terms, *dials])
            )
    weights = {name: max(point.get(name, float(name == "distortion")) for point in points) for name in terms}
    started = set(job.training.anneal) if job.training else set()
    return {name: reads for name, reads in terms.items() if weights[name] != 0 or name in started}


def active_reads(job: Job, registry: Registry) -> set[str]:
    """What the active terms read of an outcome: some of "critic", "classifier", "rate"."""
    return {read for reads in active_terms(job, registry).values() for read in reads}


def _ordered(jobs: Mapping[str, Job]) -> list[Job]:
    """Sort so that inputs come first; a protocol that goes in a circle is refused."""
    ordered: dict[str, Job] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        if name in path:
            raise RecipeError(f"The plan goes in a circle: {' -> '.join([*path, name])}.")
        if name not in jobs:
            raise RecipeError(unknown("job", name, jobs) + f" {path[-1]!r} starts from it.")
        for needed in [*jobs[name].inputs.values(), *jobs[name].judges]:
            visit(needed, (*path, name))
        ordered[name] = jobs[name]

    for name in jobs:
        visit(name, ())
    return list(ordered.values())


def _train_key(job: Job, train_keys: Mapping[str, str], data_digest: str) -> str:
    settings = job.model_dump(mode="json", exclude=_NOT_IN_KEY)
    settings["tradeoff"] = {name: weight for name, weight in job.tradeoff.items() if weight != 0}
    if settings["training"]:
        settings["training"].pop("limit_seconds")
    settings["inputs"] = {role: train_keys[name] for role, name in sorted(job.inputs.items())}
    return digest_of([settings, data_digest, job.versions, _harness_version()])


def _cell_key(job: Job, train_keys: Mapping[str, str]) -> str:
    metrics = [spec.model_dump(mode="json") for spec in job.metrics]
    judges = {name: train_keys[name] for name in job.judges}
    return digest_of([train_keys[job.name], metrics, judges, job.metric_versions])


def _data_digests(jobs: Iterable[Job], registry: Registry, known: Mapping[str, str]) -> dict[str, str]:
    digests = dict(known)
    for job in jobs:
        spec = job.dataset
        if spec.model_dump_json() not in digests:
            dataset = registry.build("dataset", spec.name, spec.options)
            digests[spec.model_dump_json()] = digest_of([spec.model_dump(mode="json"), dataset.digest()])
    return digests


# ---------------------------------------------------------------------------------------------------------- versions


@cache
def _source_digest(module_name: str) -> str:
    """Digest of a module's source: a part whose code changed is another part."""
    source = inspect.getsource(import_module(module_name))
    return hashlib.blake2b(source.encode(), digest_size=6).hexdigest()


def version_of(kind: str, name: str, registry: Registry) -> str:
    """A part's declared version and the digest of the module that defines it."""
    target = registry.get(kind, name).target
    return f"{target.version}-{_source_digest(target.__module__)}"


@cache
def _harness_version() -> str:
    return "-".join(_source_digest(f"rdcbench.{name}") for name in ("rng", "codec", "train", "optim", "work"))


def _versions(parts: Mapping[str, PartSpec], registry: Registry) -> dict[str, str]:
    return {kind: version_of(kind, spec.name, registry) for kind, spec in sorted(parts.items())}


def _sources(jobs: Iterable[Job], registry: Registry) -> dict[str, str]:
    """Files that define the parts in use, with digests, so that a finished run is recognised without importing them."""
    used = {(kind, spec.name) for job in jobs for kind, spec in job.parts.items()}
    used |= {("metric", spec.name) for job in jobs for spec in job.metrics}
    files = {inspect.getfile(registry.get(kind, name).target) for kind, name in used}
    modules = ("rng", "codec", "train", "optim", "work", "plan", "evaluate", "interfaces")
    files |= {inspect.getfile(import_module(f"rdcbench.{name}")) for name in modules}
    return {path: file_digest(path) for path in sorted(files)}


def file_digest(path: str) -> str:
    """BLAKE2b digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=10)).hexdigest()


__all__ = [
    "ROLES",
    "SENDER",
    "Job",
    "Plan",
    "active_reads",
    "active_terms",
    "codec_job",
    "file_digest",
    "make_plan",
    "point_name",
    "version_of",
]

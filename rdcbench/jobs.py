"""Jobs and plans as data: what a protocol lays out and a worker performs. No torch, no plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rdcbench.errors import RecipeError, unknown
from rdcbench.recipe import PartSpec, Recipe, Study, Training

SENDER = ("encoder", "quantizer", "entropy_model")
ROLES = (*SENDER, "decoder", "critic")


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
    data_digest: str = ""

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


def job_name(study_name: str, study: Study, tradeoff: Mapping[str, float], seed: int) -> str:
    """Name a job: STUDY/PROTOCOL/POINT/seedN."""
    return f"{study_name}/{study.protocol.name.rpartition('/')[2]}/{point_name(tradeoff)}/seed{seed}"


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
        name=job_name(study_name, study, tradeoff, seed),
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

"""Recipes: which experiment, and how much of it. TOML in, typed models out; no torch, no plugins.

A recipe names parts and gives numbers; it never branches. A preset is a partial recipe laid over the rest. Everything
that is wrong is reported with file, key, value and what is allowed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rdcbench.errors import unknown

FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Of names that become files or folders."""

PART_TABLES = (
    "dataset",
    "encoder",
    "quantizer",
    "entropy_model",
    "decoder",
    "critic",
    "classifier",
    "objective",
    "codec",
)
FULL_PRECISION: Literal["float32"] = "float32"
Positive = Field(gt=0)
MOST_POINTS = 100_000
"""A product of short lists is long: more operating points than this are a mistake."""


class Table(BaseModel):
    """A table of a recipe: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PartSpec(BaseModel):
    """A part by name ("mlp", or "owner/mlp" where two packages bring one); all other keys are its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_finite(self) -> Self:
        for option, value in self.options.items():
            try:
                json.dumps(value, allow_nan=False, default=str)
            except ValueError as error:
                raise ValueError(f"the option {option} = {value!r} must be finite") from error
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The part's own options."""
        return dict(self.model_extra or {})

    def merged(self, other: Mapping[str, Any]) -> PartSpec:
        """Lay a study's table over this one; another name starts from no options."""
        same = other.get("name", self.name) == self.name
        return PartSpec(**{**(self.model_dump() if same else {}), **other})


class Training(Table):
    """How a job trains; its end is counted in codec steps."""

    steps: int = Positive
    batch: int = Positive
    learning_rate: float = Positive
    critic_learning_rate: float = Field(default=1e-3, gt=0)
    betas: tuple[float, float] = (0.5, 0.9)
    critic_betas: tuple[float, float] = (0.5, 0.9)
    schedule: Literal["one-cycle", "step", "constant"] = "one-cycle"
    critic_schedule: Literal["one-cycle", "step", "constant"] = "constant"
    warmup: float = Field(default=0.3, ge=0, le=1, description="one-cycle: share of the steps that the rate rises")
    drop_at: float = Field(default=2 / 3, ge=0, le=1, description="step: share of the steps after which the rate falls")
    drop_to: float = Field(default=0.2, gt=0, description="step: factor of the rate after that")
    critic_steps: int = Field(default=1, gt=0, description="critic steps for each codec step")
    critic_batches: Literal["same", "alternate"] = Field(
        default="same",
        description="same: the last of them sees the codec's batch; alternate: none does (the paper's loop)",
    )
    anneal: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="term -> (first weight, share of the steps in which it reaches the last)"
    )
    average: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="decay of a moving average of the codec's parameters, which is kept; for codecs without batch norm",
    )
    precision: Literal["float32", "bf16"] = Field(
        default=FULL_PRECISION,
        description="bf16: encoder, decoder and critic compute in bfloat16 while they train, and in float32 afterwards",
    )
    threads: int = Field(default=1, gt=0)
    limit_seconds: float = Field(default=86400.0, gt=0, description="a job that takes longer fails")
    checkpoint_seconds: float = Field(
        default=60.0, ge=0, description="how often a training is kept on disk, for a killed run to go on; 0: never"
    )


class Study(BaseModel):
    """One sweep: a protocol, a rate, and the tradeoffs it visits. Part tables lay over those of the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    title: str = ""
    protocol: PartSpec
    dimensions: int = Field(default=3, gt=0)
    levels: int = Field(default=3, gt=1)
    sweep: dict[str, list[float]] = Field(default_factory=dict)
    points: list[dict[str, float]] = Field(default_factory=list)
    training: dict[str, Any] = Field(default_factory=dict)
    dataset: dict[str, Any] = Field(default_factory=dict)
    encoder: dict[str, Any] = Field(default_factory=dict)
    quantizer: dict[str, Any] = Field(default_factory=dict)
    entropy_model: dict[str, Any] = Field(default_factory=dict)
    decoder: dict[str, Any] = Field(default_factory=dict)
    critic: dict[str, Any] = Field(default_factory=dict)
    classifier: dict[str, Any] = Field(default_factory=dict)
    objective: dict[str, Any] = Field(default_factory=dict)
    codec: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _protocol_by_name(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("protocol"), str):
            return {**value, "protocol": {"name": value["protocol"]}}
        return value

    @model_validator(mode="after")
    def _has_points(self) -> Self:
        if not self.points and not self.sweep:
            raise ValueError("a study needs 'points' or a 'sweep'")
        if any(not values for values in self.sweep.values()):
            raise ValueError("each entry of 'sweep' needs at least one value")
        if (count := len(self.points) + math.prod(map(len, self.sweep.values()))) > MOST_POINTS:
            raise ValueError(f"a study has at most {MOST_POINTS} points, not {count}; make studies of it")
        return self

    def tradeoffs(self) -> Iterator[dict[str, float]]:
        """Yield each operating point once: those of `points`, then the product of `sweep`."""
        product = itertools.product(*self.sweep.values()) if self.sweep else ()
        swept = (dict(zip(self.sweep, values, strict=True)) for values in product)
        seen: set[frozenset[tuple[str, float]]] = set()
        for point in itertools.chain(self.points, swept):
            if (same := frozenset(point.items())) not in seen:
                seen.add(same)
                yield point


class Figure(Table):
    """One figure of the report: which rows on which axes."""

    title: str
    kind: Literal["front", "grid", "surface"] = "front"
    studies: list[str] = Field(min_length=1)
    x: list[str] = Field(default_factory=lambda: ["ce"], description="row fields, one panel each")
    y: str = "mse"
    reference: str = Field(default="", description="table of expected.toml that holds the paper's points")
    bounds: bool = Field(default=False, description="draw the codebook bounds of equal rate_bound")
    points: list[str] = Field(default_factory=list, description="grid: names of the points to show, all if empty")


class Recipe(Table):
    """A whole benchmark, resolved."""

    schema_version: Literal[1] = 1
    name: str = Field(min_length=1, pattern=FILE_NAME)
    title: str = ""
    dataset: PartSpec
    encoder: PartSpec | None = None
    quantizer: PartSpec | None = None
    entropy_model: PartSpec | None = None
    decoder: PartSpec | None = None
    critic: PartSpec | None = None
    classifier: PartSpec | None = None
    objective: PartSpec | None = None
    codec: PartSpec | None = None
    metrics: list[PartSpec] = Field(default_factory=list)
    judges: list[PartSpec] = Field(default_factory=list)
    training: Training
    studies: dict[str, Study] = Field(min_length=1)
    only: list[str] = Field(default_factory=list, description="the studies that run; all if empty")
    figures: dict[str, Figure] = Field(default_factory=dict)
    seeds: int = Field(default=1, gt=0)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        asked = [*self.only, *(study for figure in self.figures.values() for study in figure.studies)]
        for name in asked:
            if name not in self.studies:
                raise ValueError(unknown("study", name, self.studies))
        for name in self.studies:
            if "/" in name:
                raise ValueError(f"the study name {name!r} must not contain '/'")
        for name in self.figures:  # it names files, and a recipe may come from a stranger's bundle
            if not re.fullmatch(FILE_NAME, name):
                raise ValueError(f"the figure name {name!r} must be of letters, digits, '.', '_' and '-'")
        return self

    @property
    def active_studies(self) -> dict[str, Study]:
        """The studies that run, in the recipe's order."""
        return {name: study for name, study in self.studies.items() if not self.only or name in self.only}

    def part(self, kind: str, study: Study) -> PartSpec | None:
        """The part of this kind for a study: the recipe's with the study's options over it."""
        base: PartSpec | None = getattr(self, kind)
        over: dict[str, Any] = getattr(study, kind)
        if base is not None:
            return base.merged(over)
        return PartSpec(**over) if over else None

    def training_for(self, study: Study) -> Training:
        """The study's training: its table over the recipe's."""
        return Training(**{**self.training.model_dump(), **study.training})

    def to_toml(self) -> str:
        """Write the resolved recipe; reading it back gives an equal one."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))

    def content_hash(self) -> str:
        """Hash of all that the recipe says: provenance, never a key of a result."""
        return digest_of(self.model_dump(mode="json", exclude_none=True))


def canonical(value: Any) -> str:
    """One JSON text for one value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: Any, size: int = 10) -> str:
    """Hexadecimal BLAKE2b digest of a value's canonical JSON (20 digits)."""
    return hashlib.blake2b(canonical(value).encode(), digest_size=size).hexdigest()

"""expected.toml: the paper's printed points and the claims that a run is verified by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rdcbench.errors import RecipeError
from rdcbench.loading import read_toml

PAPER_AXES = frozenset({"mse", "ce", "perception_own"})
"""The only fields whose axes are the paper's own: its points are drawn nowhere else."""


class PaperSeries(BaseModel):
    """Points of one curve in print; each is a mapping of row field -> value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str = Field(default="", description="the study of the recipe that repeats it")
    label: str = ""
    bits: float = Field(default=math.nan, description="rate in bits per image as printed or read off")
    points: list[dict[str, float]] = Field(min_length=1)


class PaperFigure(BaseModel):
    """One figure in print."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = ""
    read_off: bool = False
    series: list[PaperSeries] = Field(min_length=1)


class Claim(BaseModel):
    """What a run is held to; its further keys are those of its kind, which `rdcbench.verify` knows."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    says: str
    reason: str


class Expected(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    source: str = ""
    remark: str = "paper"
    points: dict[str, PaperFigure] = Field(default_factory=dict)
    claims: dict[str, Claim] = Field(default_factory=dict)


def read_expected(path: Path) -> Expected | None:
    """Read a file of expectations, None if there is none; what is wrong with it is a RecipeError of one sentence."""
    if not path.is_file():
        return None
    try:
        return Expected.model_validate(read_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"])
        wrong = first["msg"]
        raise RecipeError(f"{path}: {key} = {first['input']!r}: {wrong[0].lower()}{wrong[1:]}.") from error


def paper_points(series: PaperSeries, x: str, y: str) -> list[tuple[float, float]]:
    """The points of a curve on two axes; none unless both axes are the paper's own."""
    if not {x, y} <= PAPER_AXES:
        return []
    return [(point[x], point[y]) for point in series.points if x in point and y in point]

"""What a run leaves: cells (one job, one seed) and rows (one operating point over its seeds). No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rdcbench.jobs import Job
from rdcbench.recipe import FULL_PRECISION
from rdcbench.stats import Interval, seed_interval

SCHEMA_VERSION: Literal[1] = 1


class Record(BaseModel):
    """A part of a result file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class FieldInfo(Record):
    """What a column means; a row carries it, so that a report needs no plugin."""

    unit: str
    direction: Literal["lower", "higher", "none"]
    lower: float = -math.inf
    upper: float = math.inf
    version: str = ""
    source: str = ""


class CellValue(Record):
    """A number of one cell with its interval over the images, and what real images measure where it has that.

    reference: training images against test images; real_pair: (value, low, high) of two halves of the test images.
    """

    value: float
    image_lo: float = math.nan
    image_hi: float = math.nan
    reference: float | None = None
    real_pair: tuple[float, float, float] | None = None


class Cell(Record):
    """All that is known of one job: its numbers, costs, fingerprints and where it was made."""

    schema_version: Literal[1] = SCHEMA_VERSION
    key: str
    train_key: str
    job: Job
    status: Literal["done", "failed"] = "done"
    error: str = ""
    values: dict[str, CellValue] = Field(default_factory=dict)
    fields: dict[str, FieldInfo] = Field(default_factory=dict)
    costs: dict[str, float] = Field(default_factory=dict)
    fingerprints: dict[str, str] = Field(default_factory=dict)
    history: list[dict[str, float]] = Field(default_factory=list)
    data_digest: str = ""
    provenance: dict[str, Any] = Field(default_factory=dict)


class Value(Record):
    """A number of a row: the mean over seeds, its interval over images, and its interval over seeds."""

    value: float
    image_lo: float
    image_hi: float
    seed_lo: float
    seed_hi: float
    seed_values: list[float]
    reference: float | None = None
    real_pair: tuple[float, float, float] | None = None


class Row(Record):
    """One operating point of one study over its seeds."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    study: str
    protocol: str
    point: str
    tradeoff: dict[str, float]
    dimensions: int
    levels: int
    seeds: list[int]
    keys: list[str]
    values: dict[str, Value]
    fields: dict[str, FieldInfo]
    costs: dict[str, float]
    parts: dict[str, str]
    train_precision: str = FULL_PRECISION
    data_digest: str
    run: str = ""

    def value(self, name: str) -> float:
        """A field's value, NaN where the row has none."""
        found = self.values.get(name)
        return found.value if found else self.costs.get(name, math.nan)


def make_row(name: str, cells: Sequence[Cell], run: str = "") -> Row:
    """Join the cells of one operating point (one for each seed) into a row.

    The interval over images is that of one seed, moved to the mean: its half-widths are averaged, not shrunk, because
    all seeds see the same images. The interval over seeds is Student's t from two seeds on, NaN for one.
    """
    first = cells[0]
    study, protocol, point = name.split("/", 2)
    shared = [field for field in first.values if all(field in cell.values for cell in cells)]
    return Row(
        name=name,
        study=study,
        protocol=protocol,
        point=point,
        tradeoff=first.job.tradeoff,
        dimensions=first.job.dimensions,
        levels=first.job.levels,
        seeds=[cell.job.seed for cell in cells],
        keys=[cell.key for cell in cells],
        values={field: _over_seeds([cell.values[field] for cell in cells]) for field in shared},
        fields=first.fields,
        costs={cost: _mean([cell.costs.get(cost, math.nan) for cell in cells]) for cost in first.costs},
        parts={kind: spec.name for kind, spec in first.job.parts.items()},
        train_precision=first.job.training.precision if first.job.training else FULL_PRECISION,
        data_digest=first.data_digest,
        run=run,
    )


def _over_seeds(values: Sequence[CellValue]) -> Value:
    means = [value.value for value in values]
    center = _mean(means)
    below = _mean([value.value - value.image_lo for value in values])
    above = _mean([value.image_hi - value.value for value in values])
    spread = seed_interval(means) if all(map(math.isfinite, means)) else Interval(center)  # no bound: rate_bound is inf
    return Value(
        value=center,
        image_lo=center - below,
        image_hi=center + above,
        seed_lo=spread.lo,
        seed_hi=spread.hi,
        seed_values=means,
        reference=values[0].reference,
        real_pair=values[0].real_pair,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def frame_records(rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """Flatten rows to one mapping each: name parts, then field, field_image_lo, ... and costs."""
    records: list[Mapping[str, Any]] = []
    for row in rows:
        record: dict[str, Any] = {key: getattr(row, key) for key in ("run", "name", "study", "protocol", "point")}
        record |= {"dimensions": row.dimensions, "levels": row.levels, "seeds": len(row.seeds)}
        record |= {f"part_{kind}": name for kind, name in row.parts.items()}
        record["train_precision"] = row.train_precision
        record |= {f"weight_{term}": weight for term, weight in row.tradeoff.items()}
        for name, value in row.values.items():
            record[name] = value.value
            for part in ("image_lo", "image_hi", "seed_lo", "seed_hi"):
                record[f"{name}_{part}"] = getattr(value, part)
        records.append({**record, **row.costs})
    return records

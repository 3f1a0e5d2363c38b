"""What the fields of a row are called, in which order they stand, and which of them speaks for what is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from rdcbench.errors import RecipeError, unknown
from rdcbench.results import FieldInfo, Row

Direction = Literal["lower", "higher", "none"]

FIELD_ORDER = (
    "rate_bound",
    "rate_model",
    "rate_coded",
    "mse",
    "psnr",
    "ssim",
    "ce",
    "accuracy",
    "ce_judge",
    "accuracy_judge",
    "classification_gap",
    "perception",
    "perception_own",
    "perception_critic",
    "sliced_w2",
    "kid",
)
"""Fields that every table shows in this order; those of other plugins follow by name."""

BESIDE_THE_TABLE = ("bpp", "header_bytes", "flush_bytes")
"""Fields that follow from others or are equal in all rows: kept in CSV and JSON only."""

ASPECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "distortion": ("mse", "psnr", "ssim"),
        "rate": ("rate_coded", "rate_model", "rate_bound"),
        "perception": ("perception", "kid", "sliced_w2", "perception_critic"),
        "classification": ("accuracy_judge", "ce_judge", "accuracy", "ce"),
    }
)
"""What rows are ranked by -> the fields that may speak for it: held-out judges first, a point's own critic never."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "rate_bound": "Rate bound",
        "rate_model": "Model rate",
        "rate_coded": "Coded rate",
        "mse": "Distortion: MSE per pixel",
        "psnr": "Distortion: PSNR",
        "ssim": "Structural similarity",
        "ce": "Classification: cross-entropy",
        "accuracy": "Classification: accuracy",
        "ce_judge": "Classification: cross-entropy, held-out judge",
        "accuracy_judge": "Classification: accuracy, held-out judge",
        "classification_gap": "Classification gap: cross-entropy, judge minus own",
        "perception": "Perception: Fréchet distance, held-out judge",
        "perception_own": "Perception: gap of the point's own critic",
        "perception_critic": "Perception: gap of a fresh critic",
        "sliced_w2": "Perception: sliced W2",
        "kid": "Perception: kernel distance, held-out judge",
    }
)
"""Axis titles, without unit and direction."""

OWN_SCALE = frozenset({"perception_own"})
"""Fields that each row measures with an instrument of its own: shown, never ranked."""

UNIT_IN_NAME = frozenset({"mse", "accuracy", "accuracy_judge", "ssim", "perception", "perception_own"})
"""Fields whose name says all that their unit would."""


class Column(NamedTuple):
    """One field in a table: its unit, and which direction is better."""

    name: str
    unit: str
    direction: Direction


COSTS = (
    Column("encoder_parameters", "", "lower"),
    Column("receiver_bytes", "byte", "lower"),
    Column("macs", "", "lower"),
    Column("train_seconds", "s", "lower"),
    Column("encode_us", "µs/image", "lower"),
    Column("decode_us", "µs/image", "lower"),
)
"""What a row costs; these have no interval. The receiver's bytes, not its parameters: a codebook has none."""


def field_infos(rows: Iterable[Row]) -> dict[str, FieldInfo]:
    """Meaning of every field that some row has a value of."""
    found: dict[str, FieldInfo] = {}
    for row in rows:
        for name in row.values:
            if name not in found and name in row.fields:
                found[name] = row.fields[name]
    return found


def columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Columns of a table: the fields that exist, known ones first."""
    infos = field_infos(rows)
    present = {name for row in rows for name in row.values}
    known = [name for name in FIELD_ORDER if name in present]
    others = sorted(present - set(FIELD_ORDER) - set(BESIDE_THE_TABLE))
    return tuple(_column(name, infos.get(name)) for name in (*known, *others))


def _column(name: str, info: FieldInfo | None) -> Column:
    return Column(name, info.unit, info.direction) if info else Column(name, "", "none")


def speaker(aspect: str, present: Iterable[str]) -> str | None:
    """The field that rows are ranked by in one aspect, None if no row has any."""
    if aspect not in ASPECTS:
        raise RecipeError(unknown("order", aspect, ASPECTS))
    names = set(present)
    return next((name for name in ASPECTS[aspect] if name in names), None)


def aspect_of(field: str) -> str | None:
    """What a field speaks for, None if for nothing that is ranked."""
    if field == "perception_own":
        return "perception"
    return next((aspect for aspect, fields in ASPECTS.items() if field in fields), None)


def axis_title(field: str, info: FieldInfo | None) -> str:
    """Name, unit and an arrow towards the better end; the arrow points along the axis."""
    name = NAMES.get(field, field.replace("_", " "))
    if info is None:
        return name
    unit = f" [{info.unit}]" if info.unit and field not in UNIT_IN_NAME else ""
    arrows = {"lower": "← better", "higher": "better →", "none": ""}
    return f"{name}{unit}   {arrows[info.direction]}".rstrip()

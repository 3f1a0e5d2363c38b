"""Intervals as bars: pale and broad over test images, thin over training seeds, never beyond what a field can be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rdcbench.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Segment = tuple[tuple[float, float], tuple[float, float]]
Part = Literal["image", "seed"]
Side = Literal["x", "y"]

LOOKS: Mapping[Part, Mapping[str, Any]] = MappingProxyType(
    {
        "image": {"linewidths": 2.4, "alpha": 0.35, "zorder": 2},
        "seed": {"linewidths": 0.7, "alpha": 0.8, "zorder": 3},
    }
)
SEED_REACH = 0.3
"""How far bars over seeds may widen an axis, as a share of what all else takes: two seeds give endless intervals."""


def ends(row: Row, field: str, part: Part) -> tuple[float, float] | None:
    """Both ends of an interval within the field's bounds, None where there is no interval."""
    value = row.values[field]
    low, high = (value.image_lo, value.image_hi) if part == "image" else (value.seed_lo, value.seed_hi)
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return None
    info = row.fields.get(field)
    return (max(low, info.lower), min(high, info.upper)) if info else (low, high)


def segments(rows: Iterable[Row], x: str, y: str, part: Part, side: Side) -> list[Segment]:
    """Bars along one axis, one for each row that has an interval there."""
    found: list[Segment] = []
    for row in rows:
        span = ends(row, x if side == "x" else y, part)
        if span is None:
            continue
        across, up = row.value(x), row.value(y)
        found.append(((span[0], up), (span[1], up)) if side == "x" else ((across, span[0]), (across, span[1])))
    return found


def bars_text(rows: Iterable[Row]) -> str:
    """What the bars of some rows mean."""
    thin = "; thin bars: over training seeds, cut off at the frame" if any(len(row.seeds) > 1 for row in rows) else ""
    return f"Bars: 95 % intervals over test images{thin}."


def draw_bars(axes: Axes, rows: Sequence[Row], x: str, y: str, part: Part, color: str) -> None:
    """Draw the bars of some rows on both axes; those over seeds do not move the limits."""
    from matplotlib.collections import LineCollection

    for side in ("x", "y"):
        found = segments(rows, x, y, part, side)
        if found:
            bars = LineCollection(found, colors=color, label=f"_{part} {side}", **LOOKS[part])
            axes.add_collection(bars, autolim=part == "image")


def make_room(axes: Axes, rows: Sequence[Row], x: str, y: str) -> None:
    """Widen the limits for bars over seeds, by no more than `SEED_REACH`; longer ones end at the frame."""
    places = [end for side in ("x", "y") for bar in segments(rows, x, y, "seed", side) for end in bar]
    if places:
        reach = SEED_REACH * np.array([axes.dataLim.width, axes.dataLim.height])
        low, high = axes.dataLim.min - reach, axes.dataLim.max + reach
        axes.update_datalim(np.clip(np.array(places), low, high))
    axes.autoscale_view()

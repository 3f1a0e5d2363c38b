"""Methods ranked by hypervolume: a study's operating points are one curve, and the curve is what is compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from rdcbench.errors import RecipeError, unknown
from rdcbench.report.columns import COSTS, Column, speaker
from rdcbench.report.ranks import Costs, Floats, as_costs, costs_of, shared_ranks
from rdcbench.results import FieldInfo, Row
from rdcbench.stats import Interval, hypervolume

MARGIN = 0.05
"""How far the reference point lies beyond the worst row, as a share of the rows' range."""
PLANES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "overall": ("rate", "distortion", "perception", "classification"),
        "rate": ("rate", "distortion"),
        "distortion": ("rate", "distortion"),
        "perception": ("rate", "distortion", "perception"),
        "classification": ("rate", "distortion", "classification"),
    }
)
"""Order of the table -> aspects in which hypervolumes are measured. Distortion is always one: noise has perfect
perception. Rate is always one: who sends more bits has a better rest."""


@dataclass(frozen=True)
class Box:
    """Where hypervolumes are measured: the axes, from the ideal corner to the reference corner of each."""

    axes: tuple[Column, ...]
    ideal: tuple[float, ...]
    reference: tuple[float, ...]

    def text(self) -> str:
        """The reference point and the ideal one, as one prints them."""
        corners = (self.reference, self.ideal)
        far, near = (
            ", ".join(f"{axis.name} {number:.6g}" for axis, number in zip(self.axes, corner, strict=True))
            for corner in corners
        )
        return f"reference point {far}; ideal point {near}"


@dataclass(frozen=True)
class Method:
    """All operating points of one study of one run.

    rank: shared where hypervolumes do not differ beyond their intervals. volume: share of the box. costs: means over
    points, NaN where unknown, but train_seconds is the sum over all points.
    """

    run: str
    study: str
    protocol: str
    rows: tuple[Row, ...]
    rank: int | None
    volume: Interval
    costs: dict[str, float]


def make_box(
    rows: Sequence[Row],
    columns: Mapping[str, Column],
    infos: Mapping[str, FieldInfo],
    by: str,
    fixed: Mapping[str, float],
) -> Box | None:
    """Choose axes and corners; None if no row has the axes.

    The reference is a little beyond the worst row of each axis, rounded outwards, unless `fixed` gives it by field:
    hypervolumes of two tables compare only if their reference and ideal points are equal. The ideal is the best that
    the field can be, or the best row where that is unknown.
    """
    names = [name for aspect in PLANES[by] if (name := speaker(aspect, columns)) is not None]
    axes = tuple(columns[name] for name in names)
    if unused := [name for name in fixed if name not in names]:
        raise RecipeError(unknown("axis of the hypervolume", unused[0], names))
    values = [[value for row in rows if math.isfinite(value := row.value(name))] for name in names]
    if not axes or not all(values):
        return None
    corners = [_corners(axis, seen, infos.get(axis.name)) for axis, seen in zip(axes, values, strict=True)]
    reference = tuple(fixed.get(axis.name, far) for axis, (_, far) in zip(axes, corners, strict=True))
    return Box(axes, tuple(near for near, _ in corners), reference)


def make_methods(rows: Sequence[Row], box: Box | None) -> tuple[Method, ...]:
    """Group rows by run and study and rank the groups by hypervolume, best first; those without one last."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault((row.run, row.study, row.protocol), []).append(index)
    costs = [costs_of(rows, axis) for axis in box.axes] if box else []
    volumes = [_volume(costs, members, box) if box else Interval(math.nan) for members in groups.values()]
    ranks = shared_ranks(as_costs(volumes))
    methods = [
        Method(*name, tuple(rows[index] for index in members), rank, volume, _mean_costs([rows[i] for i in members]))
        for (name, members), rank, volume in zip(groups.items(), ranks, volumes, strict=True)
    ]
    return tuple(sorted(methods, key=_order))


def _order(method: Method) -> tuple[bool, float, str, str]:
    missing = math.isnan(method.volume.value)
    return missing, 0.0 if missing else -method.volume.value, method.run, method.study


def _corners(axis: Column, values: Sequence[float], info: FieldInfo | None) -> tuple[float, float]:
    """Ideal and reference on one axis."""
    low, high = min(values), max(values)
    margin = MARGIN * ((high - low) or abs(high) or 1.0)
    if axis.direction == "higher":
        ideal = info.upper if info and math.isfinite(info.upper) else high
        return ideal, _rounded(low - margin, math.floor)
    ideal = info.lower if info and math.isfinite(info.lower) else low
    return ideal, _rounded(high + margin, math.ceil)


def _rounded(number: float, outwards: Callable[[float], int]) -> float:
    """To two significant digits."""
    if number == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(number))) - 1)
    return float(f"{outwards(number / step) * step:.6g}")


def _volume(costs: Sequence[Costs], members: Sequence[int], box: Box) -> Interval:
    """Share of the box that some rows dominate, with its interval.

    Rows of one method share their test images and move together along an axis, so the interval along an axis is that
    of all rows at their better or worse ends at once; axes are measured by different instruments and add as the root
    of the sum of squares.
    """
    signs = [-1.0 if axis.direction == "higher" else 1.0 for axis in box.axes]
    far = np.array(box.reference) * signs
    near = np.array(box.ideal) * signs
    points = np.column_stack([one.values[list(members)] for one in costs])
    known = np.isfinite(points).all(axis=1)
    if not known.any():
        return Interval(math.nan, reason="no row has all axes")
    points, kept = points[known], np.array(members)[known]

    def share(shifted: Floats) -> float:
        found = hypervolume(shifted, far).value
        return 0.0 if math.isnan(found) else found / float(np.prod(far - near))

    value, below, above = share(points), [], []
    for axis, one in enumerate(costs):
        better, worse = points.copy(), points.copy()
        better[:, axis] -= one.better[kept]
        worse[:, axis] += one.worse[kept]
        above.append(share(better) - value)
        below.append(value - share(worse))
    return Interval(value, value - math.hypot(*below), value + math.hypot(*above))


def _mean_costs(rows: Sequence[Row]) -> dict[str, float]:
    means = {}
    for column in COSTS:
        values = [row.value(column.name) for row in rows]
        total = math.fsum(values)
        means[column.name] = total if column.name == "train_seconds" else total / len(values)
    return means

"""Pareto fronts, hypervolume, lower envelopes and the shape of a cloud of rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.stats._arrays import BoolArray, FloatArray, finite, same_length

Direction: TypeAlias = Literal["min", "max"]
Rule: TypeAlias = Literal["mixture", "rows"]

MIXTURES_AT_ONCE = 1_000_000
"""Pairs of rows times draws mixed in one go: about 50 MB of temporaries."""


def pareto_front(points: ArrayLike, directions: Sequence[Direction]) -> BoolArray:
    """Mask of the rows that no other row dominates, shape (rows,); of equal rows the first is kept.

    points (rows, columns), one direction a column. ValueError on NaN or another number of directions.
    """
    import moocore  # a compiled extension: not while the command line starts

    array = finite(points, "points", 2)
    mask: BoolArray = moocore.is_nondominated(array, maximise=_maximise(directions, array), keep_weakly=False)
    return mask


@dataclass(frozen=True)
class Hypervolume:
    """Volume between a front and its reference point, with the point that fixes it; print both.

    `outside` counts rows that are not strictly better than the reference in every column: they add nothing.
    """

    value: float
    reference: tuple[float, ...]
    used: int
    outside: int
    reason: str = ""


def hypervolume(points: ArrayLike, reference: ArrayLike, directions: Sequence[Direction] | None = None) -> Hypervolume:
    """Hypervolume of points (rows, columns) against a fixed reference point (columns,); all minimised by default.

    NaN with its reason when no row is better than the reference. ValueError on NaN or mismatched columns.
    Source: Zitzler and Thiele 1998; computed by moocore (Fonseca, Paquete and Lopez-Ibanez 2006).
    """
    import moocore  # a compiled extension: not while the command line starts

    array, corner = finite(points, "points", 2), finite(reference, "reference point", 1)
    if len(corner) != array.shape[1]:
        raise ValueError(f"the reference point has {len(corner)} columns, the points {array.shape[1]}")
    maximise = _maximise(directions or ["min"] * len(corner), array)
    sign = np.where(maximise, -1.0, 1.0)
    better = (array * sign < corner * sign).all(axis=1)
    point = tuple(float(number) for number in corner)
    if not better.any():
        return Hypervolume(math.nan, point, 0, len(array), f"no row is better than the reference point {point}")
    volume = float(moocore.hypervolume(array[better], ref=corner, maximise=maximise))
    return Hypervolume(volume, point, int(better.sum()), int((~better).sum()))


def envelope_at(constraint: ArrayLike, objective: ArrayLike, levels: ArrayLike, rule: Rule = "mixture") -> FloatArray:
    """Least objective at each level: min objective over what keeps constraint <= level, NaN where nothing does.

    constraint and objective (..., rows), both minimised; levels (levels,) or (..., levels); returns (..., levels).
    "rows" takes the rows alone (a staircase). "mixture" takes mixtures of rows too: sender and receiver share
    randomness, so using codec i with probability w reaches w D_i + (1-w) D_j and at most w C_i + (1-w) C_j (equal for
    means, at most for W1, W2^2, KID and Frechet, which are convex): the lower convex envelope. Two rows suffice.
    """
    limits, values = np.asarray(constraint, dtype=np.float64), np.asarray(objective, dtype=np.float64)
    same_length([limits, values], ["constraint", "objective"])
    shape, rows = limits.shape[:-1], limits.shape[-1]
    limits, values = limits.reshape(-1, rows), values.reshape(-1, rows)
    wanted = np.asarray(levels, dtype=np.float64)
    wanted = np.broadcast_to(wanted, (*shape, wanted.shape[-1])).reshape(len(limits), -1)
    result = np.empty(wanted.shape)
    chunk = max(1, MIXTURES_AT_ONCE // rows**2)
    for start in range(0, len(limits), chunk):
        part = slice(start, start + chunk)
        for column in range(wanted.shape[1]):
            result[part, column] = _least_objective(limits[part], values[part], wanted[part, column], rule)
    return result.reshape(*shape, -1)


def lower_envelope(constraint: ArrayLike, objective: ArrayLike) -> FloatArray:
    """Corners (corners, 2) of the lower convex envelope of a cloud, by rising constraint and falling objective.

    constraint and objective (rows,), both minimised. ValueError on NaN or unequal lengths. Source: Andrew 1979.
    """
    limits, values = finite(constraint, "constraint", 1), finite(objective, "objective", 1)
    same_length([limits, values], ["constraint", "objective"])
    points = np.column_stack([limits, values])
    points = points[pareto_front(points, ("min", "min"))]
    corners: list[FloatArray] = []
    for point in points[np.argsort(points[:, 0])]:
        while len(corners) > 1 and _turns_up(corners[-2], corners[-1], point):
            corners.pop()
        corners.append(point)
    return np.array(corners)


@dataclass(frozen=True)
class FrontShape:
    """Whether a cloud is monotone or convex within its intervals.

    verdict: "yes" when the values are, "no" when one row breaks it beyond all intervals, else "undecided".
    excess: how far above the other rows' envelope the worst row lies, in the objective's unit; row: which one.
    certain_excess: the same with every interval read in the shape's favour; positive means "no".
    """

    verdict: Literal["yes", "no", "undecided"]
    excess: float
    certain_excess: float
    row: int | None
    reason: str = ""


def front_shape(
    constraint: ArrayLike,
    objective: ArrayLike,
    shape: Literal["monotone", "convex"],
    constraint_ends: ArrayLike | None = None,
    objective_ends: ArrayLike | None = None,
) -> FrontShape:
    """Judge whether rows (rows,) lie on a falling or on a convex falling curve, given ends (2, rows) of intervals.

    A row breaks it when it lies above the envelope of all OTHER rows at its own constraint (a staircase for
    "monotone", mixtures for "convex"); beyond intervals, when its best corner lies above their worst corners.
    Without ends the intervals have no width. ValueError on NaN or lengths.
    """
    limits, values = finite(constraint, "constraint", 1), finite(objective, "objective", 1)
    same_length([limits, values], ["constraint", "objective"])
    needed = 2 if shape == "monotone" else 3
    if len(limits) < needed:
        return FrontShape("undecided", math.nan, math.nan, None, f"{len(limits)} rows; {shape} needs {needed}")
    low, high = _ends(constraint_ends, limits, "constraint ends")
    best, worst = _ends(objective_ends, values, "objective ends")
    rule: Rule = "rows" if shape == "monotone" else "mixture"
    excess = _excess((limits, values), (limits, values), rule)
    certain = _excess((low, best), (high, worst), rule)
    row, beyond = int(np.argmax(excess)), float(certain.max())
    if excess[row] <= 1e-12 * float(np.ptp(values)):
        return FrontShape("yes", 0.0, 0.0, None)
    return FrontShape("no" if beyond > 0 else "undecided", float(excess[row]), max(beyond, 0.0), row)


def front_excess(constraint: ArrayLike, objective: ArrayLike, shape: Literal["monotone", "convex"]) -> FloatArray:
    """How far each row lies above the envelope of all OTHER rows at its own constraint, in the objective's unit.

    constraint and objective (..., rows), both minimised, such as draws of the rows; returns (..., rows). The envelope
    is a staircase for "monotone" and mixtures for "convex". 0 for a row on or below it, and where the others have
    nothing to offer: rows on a falling (convex) curve have 0 throughout. One row has 0.
    """
    limits, values = np.asarray(constraint, dtype=np.float64), np.asarray(objective, dtype=np.float64)
    same_length([limits, values], ["constraint", "objective"])
    rule: Rule = "rows" if shape == "monotone" else "mixture"
    excess = np.zeros(values.shape)
    for row in range(values.shape[-1] if values.shape[-1] > 1 else 0):
        rest = np.arange(values.shape[-1]) != row
        bound = envelope_at(limits[..., rest], values[..., rest], limits[..., row, None], rule)[..., 0]
        excess[..., row] = np.fmax(values[..., row] - bound, 0.0)  # fmax: NaN is where the others offer nothing
    return excess


def _excess(judged: tuple[FloatArray, FloatArray], others: tuple[FloatArray, FloatArray], rule: Rule) -> FloatArray:
    """How far each judged row lies above the envelope of the other rows; 0 where they offer nothing."""
    limits, values = judged
    excess = np.zeros(len(limits))
    for row in range(len(limits)):
        rest = np.arange(len(limits)) != row
        bound = envelope_at(others[0][rest], others[1][rest], limits[row : row + 1], rule)[0]
        excess[row] = max(0.0, float(values[row] - bound)) if math.isfinite(bound) else 0.0
    return excess


def _ends(ends: ArrayLike | None, values: FloatArray, name: str) -> tuple[FloatArray, FloatArray]:
    if ends is None:
        return values, values
    pair = finite(ends, name, 2)
    if pair.shape != (2, len(values)) or (pair[0] > pair[1]).any():
        raise ValueError(f"{name} have shape {pair.shape}; (2, {len(values)}) with lower ends first is needed")
    return pair[0], pair[1]


def _turns_up(first: FloatArray, second: FloatArray, third: FloatArray) -> bool:
    """Whether the middle corner lies on or above the chord of its neighbours."""
    run, rise = second - first, third - first
    return bool(run[0] * rise[1] - run[1] * rise[0] <= 0)


def _least_objective(limits: FloatArray, values: FloatArray, level: FloatArray, rule: Rule) -> FloatArray:
    """Least objective at one level for each draw: limits and values (draws, rows), level (draws,)."""
    kept = limits <= level[:, None]
    least = np.where(kept, values, np.inf).min(axis=1)
    if rule == "mixture":
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (level[:, None] - limits)[:, :, None] / (limits[:, None, :] - limits[:, :, None])
            mixed = values[:, :, None] + share * (values[:, None, :] - values[:, :, None])
        mixed = np.where(kept[:, :, None] & ~kept[:, None, :], mixed, np.inf)
        least = np.minimum(least, mixed.min(axis=(1, 2)))
    return np.where(np.isfinite(least), least, np.nan)


def _maximise(directions: Sequence[Direction], points: FloatArray) -> list[bool]:
    if len(directions) != points.shape[1] or set(directions) - {"min", "max"}:
        raise ValueError(
            f'directions {tuple(directions)} do not fit {points.shape[1]} columns; "min" or "max" for each'
        )
    return [direction == "max" for direction in directions]

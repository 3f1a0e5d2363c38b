"""Bjontegaard deltas between two tradeoff curves, over their common interval only."""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.stats._arrays import FloatArray, finite, same_length
from rdcbench.stats.fronts import Direction, pareto_front

Kind: TypeAlias = Literal["rate", "value"]
Method: TypeAlias = Literal["pchip", "akima"]


@dataclass(frozen=True)
class BjontegaardDelta:
    """Mean difference of curve b from curve a, what it rests on, or NaN with the reason; pairs are (a, b).

    unit: "%" for a rate on a log axis, else "" (the unit of the axis itself). interval: the common interval
    integrated over, on the axis of the other quantity (log10 of a rate). overlap: its share of the two curves' union.
    points, used: rows given and left on the Pareto front. monotone: every row given was on the front.
    interpolant_monotone: the curve between the rows is monotone too (Akima may overshoot, PCHIP may not).
    """

    value: float
    unit: Literal["%", ""]
    kind: Kind
    method: Method
    overlap: float
    interval: tuple[float, float]
    points: tuple[int, int]
    used: tuple[int, int]
    monotone: tuple[bool, bool]
    interpolant_monotone: tuple[bool, bool] = (False, False)
    reason: str = ""


def bd(
    x_a: ArrayLike,
    y_a: ArrayLike,
    x_b: ArrayLike,
    y_b: ArrayLike,
    kind: Kind = "rate",
    *,
    method: Method = "pchip",
    log: bool = True,
    better: tuple[Direction, Direction] = ("min", "max"),
    min_overlap: float = 0.5,
    min_points: int = 3,
) -> BjontegaardDelta:
    """Bjontegaard delta of curve b against anchor a: x is the rate (each (rows,)), y a value such as PSNR or MSE.

    kind "rate": mean difference in x at equal y (log: percent, < 0 when b is cheaper). kind "value": mean difference in
    y at equal x. At fixed rate put a constrained quantity in x and use log=False: linear axes, plain units. `better`
    says which way each axis improves; both curves are reduced to their Pareto front by it. NaN with the reason when a
    front has under `min_points` rows, when the overlap is under `min_overlap`, or when a log axis meets x <= 0; nothing
    is extrapolated. ValueError on NaN, empty curves or unequal lengths.
    Source: Bjontegaard, VCEG-M33, 2001; Herglotz et al. 2022 (Akima); equal to the PyPI package `bjontegaard`, which is
    not imported here because it imports pyplot.
    """
    if kind not in ("rate", "value") or method not in ("pchip", "akima"):
        raise ValueError(f'kind {kind!r} and method {method!r}; there are "rate", "value" and "pchip", "akima"')
    curves = (_curve(x_a, y_a, "a"), _curve(x_b, y_b, "b"))
    fronts = tuple(curve[pareto_front(curve, better)] for curve in curves)
    refusal = _undecided(curves, fronts, kind, method, log)
    if log and min(curve[:, 0].min() for curve in curves) <= 0:
        return replace(refusal, reason="a rate of 0 or less has no logarithm; use log=False")
    if min(refusal.used) < min_points:
        return replace(refusal, reason=f"fronts of {refusal.used} rows; {min_points} are needed on each")
    sides = [_oriented(front, kind, log) for front in fronts]
    starts, stops = [float(side[0, 0]) for side in sides], [float(side[-1, 0]) for side in sides]
    low, high = max(starts), min(stops)
    overlap = max(high - low, 0.0) / (max(stops) - min(starts))
    if high <= low or overlap < min_overlap:
        told = f"the curves overlap over {overlap:.0%} of their union; {min_overlap:.0%} is needed"
        return replace(refusal, overlap=overlap, reason=told)
    (mean_a, smooth_a), (mean_b, smooth_b) = (_mean_over(side, low, high, method) for side in sides)
    value = mean_b - mean_a
    if refusal.unit == "%":
        value = 100.0 * math.expm1(value * math.log(10.0))
    smooth = (smooth_a, smooth_b)
    return replace(refusal, value=value, overlap=overlap, interval=(low, high), interpolant_monotone=smooth)


def _undecided(
    curves: tuple[FloatArray, ...], fronts: tuple[FloatArray, ...], kind: Kind, method: Method, log: bool
) -> BjontegaardDelta:
    """Return the record with all that is known before the integration."""
    points, used = (len(curves[0]), len(curves[1])), (len(fronts[0]), len(fronts[1]))
    different = [len(np.unique(curve, axis=0)) for curve in curves]
    return BjontegaardDelta(
        value=math.nan,
        unit="%" if log and kind == "rate" else "",
        kind=kind,
        method=method,
        overlap=math.nan,
        interval=(math.nan, math.nan),
        points=points,
        used=used,
        monotone=(used[0] == different[0], used[1] == different[1]),
    )


def _curve(x: ArrayLike, y: ArrayLike, name: str) -> FloatArray:
    columns = [finite(x, f"x of curve {name}", 1), finite(y, f"y of curve {name}", 1)]
    same_length(columns, [f"x of curve {name}", f"y of curve {name}"])
    return np.column_stack(columns)


def _oriented(front: FloatArray, kind: Kind, log: bool) -> FloatArray:
    """Rows (abscissa, ordinate) by rising abscissa: (y, x) for a rate difference, (x, y) for a value difference."""
    x = np.log10(front[:, 0]) if log else front[:, 0]
    columns = (front[:, 1], x) if kind == "rate" else (x, front[:, 1])
    return np.column_stack(columns)[np.argsort(columns[0])]


def _mean_over(side: FloatArray, low: float, high: float, method: Method) -> tuple[float, bool]:
    """Mean of the interpolant over [low, high], and whether it is monotone there."""
    from scipy.interpolate import Akima1DInterpolator, PchipInterpolator  # half a second to import

    curve = (PchipInterpolator if method == "pchip" else Akima1DInterpolator)(side[:, 0], side[:, 1])
    steps = np.diff(curve(np.linspace(low, high, 500)))
    slack = 1e-12 * float(np.ptp(side[:, 1]))
    smooth = bool((steps >= -slack).all() or (steps <= slack).all())
    return float(curve.integrate(low, high)) / (high - low), smooth

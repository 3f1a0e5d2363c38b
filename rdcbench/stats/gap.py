"""Universality gap at equal rate: what freezing the encoder costs in distortion, in the form of the constraint."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from rdcbench.stats._arrays import FloatArray, checked_level, finite, same_length
from rdcbench.stats.fronts import Rule, envelope_at, pareto_front
from rdcbench.stats.intervals import Interval, draws_interval, refused


class TradeoffRows:
    """Rows of one system at one rate: a quantity to be kept small (CE, P, 1 - accuracy) and the distortion, (rows,).

    Optional bootstrap draws (draws, rows) of both, made with the counts (or jackknife seed) that all rows share, give
    the gap its interval. ValueError on NaN, no rows, or shapes that do not fit.
    """

    def __init__(
        self,
        constraint: ArrayLike,
        distortion: ArrayLike,
        constraint_draws: ArrayLike | None = None,
        distortion_draws: ArrayLike | None = None,
    ) -> None:
        self.constraint, self.distortion = finite(constraint, "constraint", 1), finite(distortion, "distortion", 1)
        same_length([self.constraint, self.distortion], ["constraint", "distortion"])
        if (constraint_draws is None) != (distortion_draws is None):
            raise ValueError("draws of the constraint and of the distortion are needed together: repeat a fixed one")
        self.draws: tuple[FloatArray, FloatArray] | None = None
        if constraint_draws is not None and distortion_draws is not None:
            self.draws = (
                finite(constraint_draws, "constraint draws", 2),
                finite(distortion_draws, "distortion draws", 2),
            )
            same_length([self.constraint, *self.draws], ["constraint", "constraint draws", "distortion draws"])
            if self.draws[0].shape != self.draws[1].shape:
                raise ValueError(
                    f"draws have shapes {self.draws[0].shape} and {self.draws[1].shape}; one draw, one row"
                )

    @property
    def front(self) -> FloatArray:
        """Pareto rows (rows, 2) of (constraint, distortion) by rising constraint."""
        points = np.column_stack([self.constraint, self.distortion])
        points = points[pareto_front(points, ("min", "min"))]
        return np.asarray(points[np.argsort(points[:, 0])])


@dataclass(frozen=True, eq=False)
class UniversalityGap:
    """The curve G at levels of the constraint (levels,), in the unit of the distortion, and its summaries.

    lo, hi: pointwise ends, NaN without draws. reasons: why G or its ends are NaN at a level, "" elsewhere.
    common: the levels that both systems meet, up to the loosest row of the end-to-end front.
    loosest: G at the loose end of `common`, where the paper's penalty shows; mean: over `common`; maximum: over it.
    span_universal, span_end_to_end: how much of the distortion axis each front reaches.
    """

    levels: FloatArray
    gap: FloatArray
    lo: FloatArray
    hi: FloatArray
    reasons: tuple[str, ...]
    common: tuple[float, float]
    loosest: Interval
    maximum: Interval
    mean: Interval
    span_universal: float
    span_end_to_end: float
    rule: Rule
    reason: str = ""


def universality_gap(
    universal: TradeoffRows,
    end_to_end: TradeoffRows,
    at: ArrayLike | None = None,
    rule: Rule = "mixture",
    level: float = 0.95,
) -> UniversalityGap:
    """G(C) = min{D: universal, CE <= C} - D_e2e(C), at the levels `at` (default: all corners of the curve).

    D_e2e is the lower convex envelope of the end-to-end rows (mixtures of codecs of equal rate). With rule "mixture"
    the universal side may mix its decoders too, so two equal systems have gap 0 everywhere; with "rows" it is the
    staircase of its rows, which adds a sawtooth between rows. Both agree at universal rows on their envelope and
    beyond the loosest one. NaN with its reason outside the common range; never extrapolated.
    Intervals need draws on both sides. Pointwise and mean as in `draws_interval`; the maximum's from a simultaneous
    band, as percentiles of a bootstrapped maximum cover only 49-71 % where the gap is 0; it covers 95-100 %.
    Source: docs/measures.md; the penalty is that of paper eq. 8 read at equal rate.
    """
    checked_level(level)
    low, high = _common_range(universal, end_to_end)
    spans = float(np.ptp(universal.front[:, 1])), float(np.ptp(end_to_end.front[:, 1]))
    corners = _corners(universal, end_to_end, low, high, rule)
    levels = corners if at is None else finite(at, "levels of the constraint", 1)
    if not len(corners):
        reason = f"no common range: universal rows begin at {low:g}, the end-to-end front ends at {high:g}"
        none, empty = refused(reason, level=level), np.full(len(levels), math.nan)
        reasons = (reason,) * len(levels)
        return UniversalityGap(
            levels, empty, empty, empty, reasons, (math.nan, math.nan), none, none, none, *spans, rule, reason
        )
    curve = _Curve(universal, end_to_end, rule, level)
    known = [curve.at(place) if low <= place <= high else _outside(place, low, high, level) for place in levels]
    return UniversalityGap(
        levels,
        gap=np.array([interval.value for interval in known]),
        lo=np.array([interval.lo for interval in known]),
        hi=np.array([interval.hi for interval in known]),
        reasons=tuple(interval.reason for interval in known),
        common=(low, high),
        loosest=curve.at(high),
        maximum=curve.maximum(corners),
        mean=curve.mean(corners),
        span_universal=spans[0],
        span_end_to_end=spans[1],
        rule=rule,
    )


class _Curve:
    """G as a function of the level, for the rows as measured and for every draw of them."""

    def __init__(self, universal: TradeoffRows, end_to_end: TradeoffRows, rule: Rule, level: float) -> None:
        self._sides = universal, end_to_end
        self._rule, self._level = rule, level
        self._lows: FloatArray | None = None
        if universal.draws is not None and end_to_end.draws is not None:
            if len(universal.draws[0]) != len(end_to_end.draws[0]):
                counts = len(universal.draws[0]), len(end_to_end.draws[0])
                raise ValueError(f"{counts[0]} and {counts[1]} draws; both systems need the same, shared draws")
            self._lows = np.maximum(universal.draws[0].min(axis=1), end_to_end.draws[0].min(axis=1))

    def measured(self, levels: FloatArray) -> FloatArray:
        """G of the rows as measured, (levels,)."""
        universal, end_to_end = self._sides
        reached = envelope_at(universal.constraint, universal.distortion, levels, self._rule)
        return reached - envelope_at(end_to_end.constraint, end_to_end.distortion, levels)

    def drawn(self, levels: FloatArray, clip: bool) -> FloatArray | None:
        """G of every draw, (draws, levels); with clip, a level that a draw cannot meet moves to its tightest one."""
        universal, end_to_end = (side.draws for side in self._sides)
        if universal is None or end_to_end is None or self._lows is None:
            return None
        places = np.maximum(levels, self._lows[:, None]) if clip else levels
        return envelope_at(*universal, places, self._rule) - envelope_at(*end_to_end, places)

    def at(self, place: float) -> Interval:
        """G at one level, with its pointwise interval."""
        levels = np.array([place])
        value, draws = float(self.measured(levels)[0]), self.drawn(levels, clip=False)
        return self._no_draws(value) if draws is None else draws_interval(value, draws[:, 0], self._level)

    def mean(self, corners: FloatArray) -> Interval:
        """Mean of G over the common range, with its interval; the value itself where the range is one level."""
        value, draws = float(_mean(corners, self.measured(corners))), self._drawn_means()
        return self._no_draws(value) if draws is None else draws_interval(value, draws, self._level)

    def _drawn_means(self) -> FloatArray | None:
        """Mean of G of every draw over the range that this draw has in common, (draws,); NaN where it has none.

        Range and corners are the draw's own, as those of the measured rows are theirs: with those of the measured rows
        in their place a draw loses its steps, and intervals of staircases are up to 25 times too wide (simulated).
        """
        universal, end_to_end = (side.draws for side in self._sides)
        if universal is None or end_to_end is None or self._lows is None:
            return None
        limits, values = end_to_end
        highs = np.where(values == values.min(axis=1, keepdims=True), limits, np.inf).min(axis=1)
        before = [np.nextafter(universal[0], -np.inf)] if self._rule == "rows" else []
        corners = np.concatenate([universal[0], *before, limits], axis=1)
        corners = np.sort(corners.clip(self._lows[:, None], highs[:, None]), axis=1)
        corners[self._lows > highs] = math.nan
        return _mean(corners, envelope_at(*universal, corners, self._rule) - envelope_at(*end_to_end, corners))

    def maximum(self, corners: FloatArray) -> Interval:
        """Maximum of G over the common range; ends are the maxima of the ends of a simultaneous band."""
        curve, draws = self.measured(corners), self.drawn(corners, clip=True)
        value = float(curve.max())
        if draws is None:
            return self._no_draws(value)
        spread = draws.std(axis=0, ddof=1)
        moved = np.divide(draws - curve, spread, out=np.zeros_like(draws), where=spread > 0)
        over, under = np.quantile([moved.max(axis=1), (-moved).max(axis=1)], (1 + self._level) / 2, axis=1)
        # a band never narrower than a single normal interval: few corners may all be biased the same way
        least = float(ndtri((1 + self._level) / 2))
        lo, hi = (curve - max(over, least) * spread).max(), (curve + max(under, least) * spread).max()
        return Interval(value, float(lo), float(hi), self._level, value)

    def _no_draws(self, value: float) -> Interval:
        return refused("no draws of both systems were given", value, self._level)


def _common_range(universal: TradeoffRows, end_to_end: TradeoffRows) -> tuple[float, float]:
    """Tightest level that both meet, and the loosest row of the end-to-end front."""
    low = max(float(universal.constraint.min()), float(end_to_end.constraint.min()))
    return low, float(end_to_end.front[-1, 0])


def _corners(universal: TradeoffRows, end_to_end: TradeoffRows, low: float, high: float, rule: Rule) -> FloatArray:
    """Levels between which G is a straight line; a staircase has each of its steps twice, just before and at it."""
    if low > high:
        return np.empty(0)
    own = universal.front[:, 0]
    before = np.nextafter(own, -np.inf) if rule == "rows" else np.empty(0)
    corners = np.unique(np.concatenate([[low, high], own, before, end_to_end.front[:, 0]]))
    return np.asarray(corners[(corners >= low) & (corners <= high)])


def _mean(corners: FloatArray, curve: FloatArray) -> FloatArray:
    """Mean over the range of piecewise straight curves (..., corners); the value itself where it is one level."""
    width = corners[..., -1] - corners[..., 0]
    areas = np.diff(corners) * (curve[..., 1:] + curve[..., :-1]) / 2.0
    return np.where(width > 0, areas.sum(axis=-1) / np.where(width > 0, width, 1.0), curve[..., 0])


def _outside(place: float, low: float, high: float, level: float) -> Interval:
    side = (
        f"tighter than {low:g}, the tightest that both meet" if place < low else f"looser than {high:g}, the last row"
    )
    return refused(f"level {place:g} is {side}: nothing is extrapolated", level=level)

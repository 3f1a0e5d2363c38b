"""Rate penalty A(Theta) in bits: what freezing the encoder costs in rate, from a sweep over rates."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rdcbench.stats._arrays import BoolArray, FloatArray, IntArray, checked_level, finite, same_length
from rdcbench.stats.fronts import envelope_at
from rdcbench.stats.gap import TradeoffRows
from rdcbench.stats.intervals import Interval, draws_interval, refused

TOLERANCE = 1e-9
"""Share of an axis by which a point may miss an envelope that it lies on: rounding, not extrapolation."""


class RateSweep:
    """Rows of one system over several rates: bits, and what they reach, each (rows,).

    `encoder` (rows,) says which rows share a frozen encoder (default: those of equal rate). `rate_draws` (draws, rows):
    the rates of measured bits, drawn together with what is reached; without them the bits are facts, as bounds are.
    ValueError when lengths differ, a rate is not finite, or the rows of one encoder have several rates.
    """

    def __init__(
        self,
        rate: ArrayLike,
        reached: TradeoffRows,
        encoder: ArrayLike | None = None,
        rate_draws: ArrayLike | None = None,
    ) -> None:
        self.rate, self.reached = finite(rate, "rate", 1), reached
        same_length([self.rate, reached.distortion], ["rate", "distortion"])
        self.rate_draws: FloatArray | None = None
        if rate_draws is not None and reached.draws is not None:
            self.rate_draws = finite(rate_draws, "rate draws", 2)
            if self.rate_draws.shape != reached.draws[0].shape:
                shapes = f"{self.rate_draws.shape} and {reached.draws[0].shape}"
                raise ValueError(f"draws of rate and constraint have shapes {shapes}; one draw, one row")
        labels: NDArray[np.generic] = self.rate if encoder is None else np.asarray(encoder)
        if labels.shape != self.rate.shape:
            raise ValueError(f"{labels.size} encoder names for {len(self.rate)} rows; each row needs one")
        names, numbers = np.unique(labels, return_inverse=True)
        self.encoder: IntArray = numbers.ravel().astype(np.int64)
        self.encoder_rates: FloatArray = np.empty(len(names))
        for number, name in enumerate(names):
            rates = np.unique(self.rate[self.encoder == number])
            if len(rates) > 1:
                raise ValueError(f"rows of encoder {name} have the rates {rates.tolist()}; one encoder has one rate")
            self.encoder_rates[number] = rates[0]


@dataclass(frozen=True)
class RatePenalty:
    """A(Theta) in bits with its interval, its two terms, and the end-to-end rate that each point of Theta needs.

    reasons: why the rate of a point is NaN, "" elsewhere. Why A itself is NaN stands in bits.reason.
    """

    bits: Interval
    universal_rate: float
    end_to_end_rate: float
    rates: tuple[float, ...]
    reasons: tuple[str, ...]


def rate_penalty(theta: TradeoffRows, universal: RateSweep, end_to_end: RateSweep, level: float = 0.95) -> RatePenalty:
    """A(Theta) = R(Theta) - sup of R(D,C) over Theta, in bits.

    R(D,C): least mean rate of a mixture of end-to-end rows that reaches (D,C). R(Theta): least mean rate of one mixture
    of frozen encoders that reaches every point of Theta, each with decoders of its own. Take for Theta what is wanted
    of one encoder (the end-to-end front at its rate): for Theta = what a frozen encoder reaches, which holds the
    encoder's own training point, A is near 0 by construction. NaN with its reason where the sweep does not bracket
    Theta. With draws on both sweeps (and on theta unless it is fixed) an interval, at some ms a draw.
    Source: paper eq. 8; Zhang et al. 2021, section 3.
    """
    checked_level(level)
    points = np.column_stack([theta.distortion, theta.constraint])
    rates, reasons = least_rates(end_to_end, points)
    highest, reason = _supremum(rates, reasons)
    needed, universal_reason = serving_rate(universal, points)
    reason = reason or universal_reason
    if reason:
        return RatePenalty(refused(reason, level=level), needed, highest, tuple(rates.tolist()), reasons)
    value = needed - highest
    bits = refused("no draws of both sweeps were given", value, level)
    if universal.reached.draws is not None and end_to_end.reached.draws is not None:
        bits = draws_interval(value, _drawn(theta, universal, end_to_end), level)
    return RatePenalty(bits, needed, highest, tuple(rates.tolist()), reasons)


def least_rates(sweep: RateSweep, points: ArrayLike) -> tuple[FloatArray, tuple[str, ...]]:
    """Least mean rate of a mixture of rows that reaches each point (points, 2) of (D, C), and why it is NaN.

    The lower convex hull of (D, C, rate), exact. NaN beyond the best rows of the sweep, and strictly inside what its
    lowest rate already reaches: both would be extrapolation.
    """
    wanted = finite(points, "points (D, C)", 2)
    axes, places = _scaled(sweep, wanted)
    reached = envelope_at(axes[1], axes[0], places[:, 1] + TOLERANCE) <= places[:, 0] + TOLERANCE
    inside = _strictly_inside(sweep, wanted)
    rates = np.where(reached & ~inside, _hull_rates(axes, sweep.rate, places), math.nan)
    reasons = []
    for (distortion, constraint), too_hard, too_easy in zip(wanted, ~reached, inside, strict=True):
        told = f"D = {distortion:g}, C = {constraint:g} is "
        reason = told + "inside what the lowest rate of the sweep reaches" if too_easy else ""
        reasons.append(told + "beyond what any row of the sweep reaches" if too_hard else reason)
    return rates, tuple(reasons)


def serving_rate(sweep: RateSweep, points: ArrayLike) -> tuple[float, str]:
    """Least mean rate of one mixture of encoders of which decoders reach every point (points, 2), or NaN and why.

    The encoders' shares are common to all points; each point has its own mixture of every encoder's decoders. Sets that
    are convex add like their support functions, so a linear programme over the shares alone is enough.
    """
    from scipy.optimize import linprog  # most of a second to import

    wanted = finite(points, "points (D, C)", 2)
    if _strictly_inside(sweep, wanted).all():
        return math.nan, f"the lowest universal rate, {sweep.rate.min():g} bits, reaches all of Theta with ease"
    axes, places = _scaled(sweep, wanted)
    directions = _support_directions(axes, sweep.encoder)
    products, encoders = directions @ axes, len(sweep.encoder_rates)
    supports = np.column_stack([products[:, sweep.encoder == number].min(axis=1) for number in range(encoders)])
    bounds = (directions @ places.T).min(axis=1) + TOLERANCE
    found = linprog(
        sweep.encoder_rates, A_ub=supports, b_ub=bounds, A_eq=np.ones((1, encoders)), b_eq=[1.0], method="highs"
    )
    if found.status not in (0, 2):
        raise RuntimeError(f"the linear programme of the rate penalty failed: {found.message}")
    if found.status == 2:
        return math.nan, "no universal encoder of the sweep, nor a mixture of them, reaches all of Theta"
    return float(found.fun), ""


def _hull_rates(axes: FloatArray, rate: FloatArray, places: FloatArray) -> FloatArray:
    """Least rate at places (points, 2) under the hull of rows (2, rows), each free to be worse in D or in C."""
    from scipy.spatial import ConvexHull  # only this needs it

    rows = np.column_stack([axes.T, rate])
    far = 2.0 + 2.0 * float(np.abs(places).max())
    roof = np.array([[0.5, 0.5, float(rate.max()) + 1.0]])
    worse = np.array([[far, 0.0, 0.0]]), np.array([[0.0, far, 0.0]])
    hull = ConvexHull(np.vstack([rows, rows + worse[0], rows + worse[1], roof]))
    lower = hull.equations[hull.equations[:, 2] < -1e-9]
    planes = -(places @ lower[:, :2].T + lower[:, 3]) / lower[:, 2]
    return np.asarray(planes.max(axis=1))


def _support_directions(axes: FloatArray, encoder: IntArray) -> FloatArray:
    """Directions (directions, 2) normal to the lines through two rows of one encoder, and the two axes."""
    first, second = np.triu_indices(axes.shape[1], 1)
    step = axes[:, first] - axes[:, second]
    falling = (encoder[first] == encoder[second]) & (step[0] * step[1] < 0)
    normals = np.abs(step[::-1, falling]).T
    return np.vstack([np.eye(2), normals / normals.sum(axis=1, keepdims=True)])


def _supremum(rates: FloatArray, reasons: tuple[str, ...]) -> tuple[float, str]:
    """Greatest known rate; points below the sweep cannot be it, a point beyond the sweep makes it unknown."""
    beyond = [reason for reason in reasons if "beyond" in reason]
    if beyond or np.isnan(rates).all():
        return math.nan, (beyond or list(reasons))[0]
    return float(np.nanmax(rates)), ""


def _strictly_inside(sweep: RateSweep, points: FloatArray) -> BoolArray:
    """Whether the rows of the lowest rate do better than each point in both D and C."""
    axes, places = _scaled(sweep, points)
    lowest = sweep.rate == sweep.rate.min()
    bound = envelope_at(axes[1, lowest], axes[0, lowest], places[:, 1] - TOLERANCE)
    return np.asarray(bound < places[:, 0] - TOLERANCE)


def _scaled(sweep: RateSweep, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows (2, rows) and points (points, 2) on axes that run from 0 to 1 over the sweep, for equal tolerances."""
    axes = np.vstack([sweep.reached.distortion, sweep.reached.constraint])
    low, span = axes.min(axis=1), np.ptp(axes, axis=1)
    span[span == 0] = 1.0
    return (axes - low[:, None]) / span[:, None], (points - low) / span


def _drawn(theta: TradeoffRows, universal: RateSweep, end_to_end: RateSweep) -> FloatArray:
    """A(Theta) of every draw (draws,), NaN where a draw leaves the sweep."""
    parts = (theta, universal.reached, end_to_end.reached)
    lengths = {len(part.draws[0]) for part in parts if part.draws is not None}
    if len(lengths) > 1:
        raise ValueError(f"draws of different numbers {sorted(lengths)}; theta and both sweeps share their draws")
    values = np.empty(lengths.pop())
    for draw in range(len(values)):
        target = _one_draw(theta, draw)
        points = np.column_stack([target.distortion, target.constraint])
        rates, reasons = least_rates(_one_sweep(end_to_end, draw), points)
        needed, _ = serving_rate(_one_sweep(universal, draw), points)
        values[draw] = needed - _supremum(rates, reasons)[0]
    return values


def _one_draw(rows: TradeoffRows, draw: int) -> TradeoffRows:
    return rows if rows.draws is None else TradeoffRows(rows.draws[0][draw], rows.draws[1][draw])


def _one_sweep(sweep: RateSweep, draw: int) -> RateSweep:
    rate = sweep.rate if sweep.rate_draws is None else sweep.rate_draws[draw]
    return RateSweep(rate, _one_draw(sweep.reached, draw), sweep.encoder)

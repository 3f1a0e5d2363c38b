"""Rate penalty A(Theta) in bits: what freezing the encoder costs in rate, from a sweep over rates."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rdcbench.stats._arrays import FloatArray, IntArray, checked_level, finite, same_length
from rdcbench.stats.fronts import envelope_at
from rdcbench.stats.gap import TradeoffRows
from rdcbench.stats.intervals import Interval, draws_interval, refused

TOLERANCE = 1e-9
"""Share of an axis by which a point may miss an envelope that it lies on: rounding, not extrapolation."""


class RateSweep:
    """Rows of one system over several rates: bits, and what they reach, each (rows,).

    `encoder` (rows,) says which rows share a frozen encoder (default: those of equal rate). ValueError when lengths
    differ, a rate is not finite, or the rows of one encoder have several rates.
    """

    def __init__(self, rate: ArrayLike, reached: TradeoffRows, encoder: ArrayLike | None = None) -> None:
        self.rate, self.reached = finite(rate, "rate", 1), reached
        same_length([self.rate, reached.distortion], ["rate", "distortion"])
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
    Theta. With draws on both sweeps (and on theta unless it is fixed) an interval; about 20 ms a draw, so pass some
    hundred. Source: paper eq. 8; Zhang et al. 2021, section 3.
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
        bits = draws_interval(value, _drawn(theta, universal, end_to_end), level, "percentile")
    return RatePenalty(bits, needed, highest, tuple(rates.tolist()), reasons)


def least_rates(sweep: RateSweep, points: ArrayLike) -> tuple[FloatArray, tuple[str, ...]]:
    """Least mean rate of a mixture of rows that reaches each point (points, 2) of (D, C), and why it is NaN.

    A linear programme: rates, D and C all mix linearly. NaN beyond the best rows of the sweep, and strictly inside
    what its lowest rate already reaches: both would be extrapolation.
    """
    wanted = finite(points, "points (D, C)", 2)
    found = [_least_rate(sweep, point) for point in wanted]
    return np.array([rate for rate, _ in found]), tuple(reason for _, reason in found)


def serving_rate(sweep: RateSweep, points: ArrayLike) -> tuple[float, str]:
    """Least mean rate of one mixture of encoders of which decoders reach every point (points, 2), or NaN and why.

    The encoders' shares are common to all points; each point has its own mixture of every encoder's decoders.
    """
    wanted = finite(points, "points (D, C)", 2)
    if all(_strictly_inside(sweep, point) for point in wanted):
        return (
            math.nan,
            f"the lowest universal rate, {sweep.rate.min():g} bits, reaches all of Theta with room to spare",
        )
    rows, encoders, count = len(sweep.rate), len(sweep.encoder_rates), len(wanted)
    member = (sweep.encoder[None, :] == np.arange(encoders)[:, None]).astype(np.float64)
    columns, bounds = _scaled(sweep, wanted)
    shares = np.hstack([np.kron(np.eye(count), member), -np.kron(np.ones((count, 1)), np.eye(encoders))])
    total = np.concatenate([np.zeros(count * rows), np.ones(encoders)])
    rate = _minimise(
        cost=np.concatenate([np.zeros(count * rows), sweep.encoder_rates]),
        below=np.hstack([np.kron(np.eye(count), columns), np.zeros((2 * count, encoders))]),
        bounds=bounds.ravel(),
        equal=np.vstack([shares, total]),
        to=np.concatenate([np.zeros(count * encoders), [1.0]]),
    )
    return rate, "" if math.isfinite(rate) else "no universal encoder of the sweep, nor a mixture, reaches all of Theta"


def _least_rate(sweep: RateSweep, point: FloatArray) -> tuple[float, str]:
    told = f"D = {point[0]:g}, C = {point[1]:g}"
    if _strictly_inside(sweep, point):
        return math.nan, f"{told} is inside what the lowest rate of the sweep reaches"
    columns, bounds = _scaled(sweep, point[None])
    ones = np.ones((1, len(sweep.rate)))
    rate = _minimise(sweep.rate, columns, bounds.ravel(), ones, np.ones(1))
    return rate, "" if math.isfinite(rate) else f"{told} is beyond what any row of the sweep reaches"


def _supremum(rates: FloatArray, reasons: tuple[str, ...]) -> tuple[float, str]:
    """Greatest known rate; points below the sweep cannot be it, a point beyond the sweep makes it unknown."""
    beyond = [reason for reason in reasons if "beyond" in reason]
    if beyond or np.isnan(rates).all():
        return math.nan, (beyond or list(reasons))[0]
    return float(np.nanmax(rates)), ""


def _strictly_inside(sweep: RateSweep, point: FloatArray) -> bool:
    """Whether the rows of the lowest rate do better than the point in both D and C."""
    lowest = sweep.rate == sweep.rate.min()
    distortion, constraint = sweep.reached.distortion, sweep.reached.constraint
    slack = TOLERANCE * max(float(np.ptp(constraint)), 1e-300)
    bound = envelope_at(constraint[lowest], distortion[lowest], np.array([point[1] - slack]))[0]
    return bool(bound < point[0] - TOLERANCE * float(np.ptp(distortion)))


def _scaled(sweep: RateSweep, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Axes (2, rows) from 0 to 1 over the sweep and the points on them, as the solver's tolerance is absolute."""
    axes = np.vstack([sweep.reached.distortion, sweep.reached.constraint])
    low, span = axes.min(axis=1), np.maximum(np.ptp(axes, axis=1), 1e-300)
    return (axes - low[:, None]) / span[:, None], np.minimum((points - low) / span + TOLERANCE, 2.0)


def _minimise(cost: FloatArray, below: FloatArray, bounds: FloatArray, equal: FloatArray, to: FloatArray) -> float:
    """Least cost of non-negative shares, NaN when the programme is infeasible."""
    from scipy.optimize import linprog

    found = linprog(cost, A_ub=below, b_ub=bounds, A_eq=equal, b_eq=to, method="highs")
    if found.status not in (0, 2):
        raise RuntimeError(f"the linear programme of the rate penalty failed: {found.message}")
    return float(found.fun) if found.status == 0 else math.nan


def _drawn(theta: TradeoffRows, universal: RateSweep, end_to_end: RateSweep) -> FloatArray:
    """A(Theta) of every draw (draws,), NaN where a draw leaves the sweep."""
    parts = (theta, universal.reached, end_to_end.reached)
    lengths = {len(part.draws[0]) for part in parts if part.draws is not None}
    if len(lengths) > 1:
        raise ValueError(f"draws of different numbers {sorted(lengths)}; theta and both sweeps share their draws")
    values = np.empty(lengths.pop())
    for draw in range(len(values)):
        target, frozen, free = (_one_draw(part, draw) for part in parts)
        points = np.column_stack([target.distortion, target.constraint])
        rates, reasons = least_rates(RateSweep(end_to_end.rate, free, end_to_end.encoder), points)
        needed, _ = serving_rate(RateSweep(universal.rate, frozen, universal.encoder), points)
        values[draw] = needed - _supremum(rates, reasons)[0]
    return values


def _one_draw(rows: TradeoffRows, draw: int) -> TradeoffRows:
    return rows if rows.draws is None else TradeoffRows(rows.draws[0][draw], rows.draws[1][draw])

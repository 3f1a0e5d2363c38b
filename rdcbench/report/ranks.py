"""Ranks that intervals support: who is better beyond them, shared places, and Borda counts over several judges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rdcbench.report.columns import Column
from rdcbench.results import Row
from rdcbench.stats import Interval, joined

Floats = npt.NDArray[np.float64]

DRAWS = 25
"""Draws for the interval of a Borda count: its half-width is good to a seventh."""
NORMAL_95 = 1.959963984540054
AT_ONCE = 256
"""Rows compared with all others in one go: temporaries stay in the processor's cache."""


@dataclass(frozen=True)
class Costs:
    """One number a row, less is better: values and half-widths towards the better and the worse end, shape (rows,).

    Values are NaN where a row has none; half-widths are 0 where a number has no interval.
    """

    values: Floats
    better: Floats
    worse: Floats


def interval_of(row: Row, field: str) -> Interval:
    """A field with its interval over images and seeds together; NaN where the row lacks it, no width where it has none.

    A field that is no estimate over images (a coded rate) has its interval over seeds alone.
    """
    value = row.values.get(field)
    if value is None or not math.isfinite(value.value):
        return Interval(math.nan)
    images, seeds = (value.image_lo, value.image_hi), (value.seed_lo, value.seed_hi)
    if not all(map(math.isfinite, images)):
        images = (value.value, value.value)
    return joined(value.value, images, seeds)


def costs_of(rows: Sequence[Row], column: Column) -> Costs:
    """The values of a column so that less is better."""
    found = [interval_of(row, column.name) for row in rows]
    table = np.array([[one.value, one.value - one.lo, one.hi - one.value] for one in found]).reshape(-1, 3)
    values, below, above = table.T
    return Costs(-values, above, below) if column.direction == "higher" else Costs(values, below, above)


def shared_ranks(costs: Costs) -> tuple[int | None, ...]:
    """1 + how many others are better beyond the interval of the difference; None where there is no value.

    The half-width of a difference is the root of the sum of squares, as for independent numbers: rows that share their
    test images differ more surely than that, so a place is shared too often rather than too seldom. Source: the rule
    of Chiang et al. 2024 (Chatbot Arena), with the interval of the difference instead of two that must not touch.
    """
    values, ranks = costs.values, np.ones(len(costs.values), dtype=np.int64)
    better, worse = costs.better**2, costs.worse**2
    for start in range(0, len(values), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        lead = values[part, None] - values[None, :]  # positive: the other one costs less
        certain = (lead > 0) & (lead * lead > better[part, None] + worse[None, :])
        ranks[part] += certain.sum(axis=1)
    return tuple(int(rank) if math.isfinite(value) else None for rank, value in zip(ranks, values, strict=True))


def borda(ballots: Sequence[Sequence[Costs]], seed: int = 0) -> tuple[Interval, ...]:
    """Borda count of each row: the share of other rows that it beats, averaged over ballots; 1 beats all in all.

    ballots: for each aspect the fields that judge it. Fields count equally within their aspect and aspects among each
    other, so four judges of one aspect do not outvote one of another. A tie is half a win. A row that lacks a field is
    not counted and beats nobody. The interval is the spread of the count when every number is drawn anew from its own
    interval, each by itself. Source: de Borda 1781.
    """
    fields = [costs for ballot in ballots for costs in ballot]
    whole = np.array([costs.values for costs in fields])
    there = np.isfinite(whole).all(axis=0) if fields else np.zeros(0, dtype=np.bool_)
    count = int(there.sum())
    if count < 2:
        length = whole.shape[1] if fields else 0
        return tuple(Interval(math.nan, reason="fewer than two rows have all fields") for _ in range(length))
    generator = np.random.default_rng(seed)
    total, drawn = np.zeros(count), np.zeros((DRAWS, count))
    for ballot in ballots:
        for costs in ballot:
            weight = 1.0 / len(ballot) / len(ballots)
            total += weight * _beaten(costs.values[None, there])[0]
            drawn += weight * _beaten(_draws(costs, there, generator))
    half = NORMAL_95 * np.sqrt(np.mean((drawn - total) ** 2, axis=0))
    ends = np.clip([total - half, total + half], 0.0, 1.0)
    counted = iter(zip(total.tolist(), *ends.tolist(), strict=True))
    return tuple(Interval(*next(counted)) if one else Interval(math.nan) for one in there)


def as_costs(intervals: Sequence[Interval]) -> Costs:
    """Numbers of which more is better, as costs."""
    table = np.array([[-one.value, one.hi - one.value, one.value - one.lo] for one in intervals]).reshape(-1, 3)
    return Costs(table[:, 0], table[:, 1], table[:, 2])


def _draws(costs: Costs, there: npt.NDArray[np.bool_], generator: np.random.Generator) -> Floats:
    """Values drawn from their intervals, (draws, rows)."""
    spread = (costs.better + costs.worse)[there] / 2 / NORMAL_95
    return costs.values[there] + spread * generator.standard_normal((DRAWS, int(there.sum())))


def _beaten(values: Floats) -> Floats:
    """Share of the other rows that each one beats, (draws, rows); a tie is half a win."""
    shares = np.empty_like(values)
    for share, line in zip(shares, values, strict=True):
        ordered = np.sort(line)
        first, last = np.searchsorted(ordered, line), np.searchsorted(ordered, line, side="right")
        share[:] = (len(line) - last) + (last - first - 1) / 2
    return shares / (values.shape[1] - 1)

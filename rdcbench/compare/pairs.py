"""Rows of both sides that are of one point: paired differences of their numbers, and which of them are real."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rdcbench import stats
from rdcbench.compare.sides import Side
from rdcbench.report.columns import OWN_SCALE, Column, columns
from rdcbench.results import Row
from rdcbench.stats import Interval
from rdcbench.verify.samples import difference

BLOCK_DEGREES = 19
"""Degrees of freedom of draws by the jackknife's 20 blocks."""

Verdict = Literal["A better", "B better", "differs", "not told apart", "no interval", "equal", "not compared"]


@dataclass(frozen=True)
class Difference:
    """One field of one pair of rows: B minus A over the test images that both share.

    p: of "no difference", NaN where that cannot be told. reason: why there is no interval, or no number at all.
    """

    study: str
    point: str
    field: str
    a: float
    b: float
    interval: Interval
    p: float
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Pairs:
    """All differences, and the rows of each side that have no partner."""

    columns: tuple[Column, ...]
    differences: tuple[Difference, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def make_pairs(a: Side, b: Side) -> Pairs:
    """Pair the rows of two sides and judge their differences, all of them together by Holm's procedure."""
    partners = {b.key(row): row for row in b.rows}
    paired = [(row, partners[a.key(row)]) for row in a.rows if a.key(row) in partners]
    shown = tuple(column for column in columns([*a.rows, *b.rows]) if column.name not in OWN_SCALE)
    found = [
        _difference(a, b, first, second, column)
        for first, second in paired
        for column in shown
        if column.name in first.values and column.name in second.values
    ]
    taken = {first.name for first, _ in paired}, {second.name for _, second in paired}
    return Pairs(
        shown,
        tuple(_judged(found, {column.name: column for column in shown})),
        tuple(row.name for row in a.rows if row.name not in taken[0]),
        tuple(row.name for row in b.rows if row.name not in taken[1]),
    )


def _difference(a: Side, b: Side, first: Row, second: Row, column: Column) -> Difference:
    name = column.name
    study = first.study if first.study == second.study else f"{first.study} | {second.study}"
    interval, degrees = _interval(a, b, first, second, name)
    return Difference(
        study, first.point, name, first.value(name), second.value(name), interval,
        stats.p_value(interval, degrees), "not compared", interval.reason,
    )  # fmt: skip


def _interval(a: Side, b: Side, first: Row, second: Row, name: str) -> tuple[Interval, float]:
    """Second minus first with its interval, and the degrees of freedom behind that."""
    if reason := a.sound(first, name) or b.sound(second, name):
        return stats.refused(reason), math.inf
    if a.instrument(first, name) != b.instrument(second, name):
        return stats.refused(f"{name} was judged by networks of different trainings"), math.inf
    seeds = [seed for seed in first.seeds if seed in second.seeds]
    if not seeds:
        return stats.refused("no training seed in common"), math.inf
    by_blocks = a.by_blocks([first], name) or b.by_blocks([second], name)
    drawn = [(b.draw(second, seed, name, by_blocks), a.draw(first, seed, name, by_blocks)) for seed in seeds]
    intervals = [difference(mine, other) for mine, other in drawn if mine is not None and other is not None]
    if len(intervals) < len(seeds):
        return _facts(first, second, name, seeds), len(seeds) - 1
    degrees = len(seeds) - 1.0 if len(seeds) > 1 else BLOCK_DEGREES if by_blocks else math.inf
    return stats.over_seeds(intervals), degrees


def _facts(first: Row, second: Row, name: str, seeds: Sequence[int]) -> Interval:
    """Numbers that are no means over images, such as the bytes of a file: over seeds, or as they stand."""
    values = np.array([_of_seed(second, name, seed) - _of_seed(first, name, seed) for seed in seeds])
    if not np.isfinite(values).all():
        equal = first.value(name) == second.value(name)
        return Interval(0.0, reason="both are infinite") if equal else stats.refused("one is infinite")
    if len(seeds) > 1 and np.ptp(values) > 0:
        return stats.seed_interval(values)
    return stats.refused("no estimate over images: as measured", float(values[0]))


def _of_seed(row: Row, name: str, seed: int) -> float:
    return row.values[name].seed_values[row.seeds.index(seed)]


def _judged(found: Sequence[Difference], columns: dict[str, Column]) -> list[Difference]:
    """The same with verdicts."""
    known = [place for place, one in enumerate(found) if math.isfinite(one.p)]
    real = stats.holm([found[place].p for place in known]) if known else np.zeros(0, dtype=np.bool_)
    certain = {place for place, one in zip(known, real, strict=True) if one}
    return [replace(one, verdict=_verdict(one, place in certain, columns)) for place, one in enumerate(found)]


def _verdict(one: Difference, real: bool, columns: dict[str, Column]) -> Verdict:
    value = one.interval.value
    if math.isnan(value):
        return "not compared"
    if value == 0 and (one.interval.lo == one.interval.hi or not one.interval.defined):
        return "equal"
    if math.isnan(one.p):
        return "no interval"
    if not real:
        return "not told apart"
    direction = columns[one.field].direction
    if direction == "none":
        return "differs"
    return "B better" if (value < 0) == (direction == "lower") else "A better"

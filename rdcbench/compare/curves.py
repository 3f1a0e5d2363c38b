"""Studies of both sides as curves: Bjontegaard deltas, and the gap above the other side's envelope."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from rdcbench import stats
from rdcbench.compare.sides import Side
from rdcbench.report.columns import speaker
from rdcbench.report.selection import rate_bound
from rdcbench.results import Row
from rdcbench.stats import BjontegaardDelta, Interval
from rdcbench.stats.bjontegaard import Method

DISTORTION, RATE = "mse", "rate_coded"
CONSTRAINTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"perception": ("perception",), "classification": ("ce_judge", "accuracy_judge")}
)
"""Aspect -> the fields along which distortions are compared; else the one that speaks for the aspect."""
DRAWS = 200
"""Draws of a Bjontegaard delta: its half-width is good to a twentieth."""
RATES_DIFFER = 0.1
"""Bits an image from which on different model rates are said."""


@dataclass(frozen=True)
class Curve:
    """Two studies along one field.

    along: the constraint at one rate, or the rate. delta: of B from A, in distortion at equal constraint or in percent
    of rate at equal distortion, NaN with its reason; interval: the same with its interval. akima: by the other
    interpolant. gap: B's distortion above the envelope of A at the loosest level, its mean and its maximum over the
    common range; it is the universality gap where A is end to end and B universal. note: on rates.
    """

    study_a: str
    study_b: str
    along: str
    delta: BjontegaardDelta
    interval: Interval
    akima: BjontegaardDelta
    loosest: Interval
    mean: Interval
    maximum: Interval
    universality: bool
    note: str = ""

    @property
    def unit(self) -> str:
        """Of the delta: percent of the rate, or that of the distortion."""
        return self.delta.unit or DISTORTION


def make_curves(a: Side, b: Side) -> tuple[Curve, ...]:
    """Compare every two studies of one name; where each side names a study, those two."""
    others = b.studies()
    found = [(rows, others[name]) for name, rows in a.studies().items() if name in others]
    return tuple(curve for first, second in found for curve in _curves(a, b, first, second))


def _curves(a: Side, b: Side, first: Sequence[Row], second: Sequence[Row]) -> Iterator[Curve]:
    """Distortion along what is judged at one rate bound; without a bound, rate along distortion."""
    bounds = {f"{rate_bound(row):.6g}" for row in (*first, *second)}
    if bounds == {"inf"}:
        yield _rate_curve(first, second)
        return
    for name in _constraints((*first, *second)):
        reason = _obstacle(a, b, first, second, (name, DISTORTION))
        if len(bounds) > 1:
            told = " and ".join(f"{bound} bit" for bound in sorted(bounds))
            reason = reason or f"rate bounds of {told}: distortions compare at equal rate only"
        yield _refused(first, second, name, reason) if reason else _fixed_rate(a, b, first, second, name)


def _constraints(rows: Sequence[Row]) -> list[str]:
    """The judged fields of what the studies sweep; of all aspects where they sweep something else, such as a dial."""
    present = {name for row in rows for name in row.values}
    swept = {term for row in rows for term in row.tradeoff} & set(CONSTRAINTS) or set(CONSTRAINTS)
    found = []
    for aspect, fields in CONSTRAINTS.items():
        if aspect in swept:
            leader = speaker(aspect, present)
            found += [name for name in fields if name in present] or ([leader] if leader else [])
    return found


def _obstacle(a: Side, b: Side, first: Sequence[Row], second: Sequence[Row], names: Sequence[str]) -> str:
    """Why two studies cannot be compared in some fields, empty if they can."""
    for name in names:
        faults = [told for side, rows in ((a, first), (b, second)) for row in rows if (told := side.sound(row, name))]
        if faults:
            return faults[0]
        measured = {side.instrument(row, name) for side, rows in ((a, first), (b, second)) for row in rows}
        if len(measured) > 1:
            return f"{name} was judged by networks of different trainings"
    return ""


def _fixed_rate(a: Side, b: Side, first: Sequence[Row], second: Sequence[Row], name: str) -> Curve:
    """Distortion at equal constraint, seed by seed, then joined over the seeds that all rows have."""
    seeds = [seed for seed in first[0].seeds if all(seed in row.seeds for row in (*first, *second))]
    if not seeds:
        return _refused(first, second, name, "no training seed that all rows have")
    pairs = [(a.tradeoff(first, (name, DISTORTION), s), b.tradeoff(second, (name, DISTORTION), s)) for s in seeds]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if len(known) < len(pairs):
        return _refused(first, second, name, f"a row kept no values of {name} or {DISTORTION} by image")
    deltas = [_delta(one, other) for one, other in known]
    gaps = [stats.universality_gap(other, one) for one, other in known]
    akima = replace(deltas[0][0], method="akima", value=float(np.mean([_bd(*pair, "akima").value for pair in known])))
    return Curve(
        first[0].study,
        second[0].study,
        name,
        deltas[0][0],
        stats.over_seeds([interval for _, interval in deltas]),
        akima,
        loosest=stats.over_seeds([gap.loosest for gap in gaps]),
        mean=stats.over_seeds([gap.mean for gap in gaps]),
        maximum=stats.over_seeds([gap.maximum for gap in gaps]),
        universality=(first[0].protocol, second[0].protocol) == ("end-to-end", "universal"),
        note=_rates(first, second),
    )


def _bd(one: stats.TradeoffRows, other: stats.TradeoffRows, method: Method = "pchip") -> BjontegaardDelta:
    """Difference in distortion at equal constraint, on linear axes: both at one rate."""
    return stats.bd(
        one.constraint, one.distortion, other.constraint, other.distortion,
        "value", method=method, log=False, better=("min", "min"),
    )  # fmt: skip


def _delta(one: stats.TradeoffRows, other: stats.TradeoffRows) -> tuple[BjontegaardDelta, Interval]:
    """The delta of one seed, and its interval from the draws that both sides share."""
    found = _bd(one, other)
    if math.isnan(found.value):
        return found, stats.refused(found.reason)
    drawn = [_bd(_one_draw(one, draw), _one_draw(other, draw)).value for draw in range(DRAWS)]
    return found, stats.draws_interval(found.value, drawn)


def _one_draw(rows: stats.TradeoffRows, draw: int) -> stats.TradeoffRows:
    assert rows.draws is not None, "sides give their rows with draws"
    return stats.TradeoffRows(rows.draws[0][draw], rows.draws[1][draw])


def _rate_curve(first: Sequence[Row], second: Sequence[Row]) -> Curve:
    """Percent of rate at equal distortion, for codecs that set their rate; the bytes of a file have no interval."""
    curves = [
        np.array([[row.value(RATE), row.value(DISTORTION)] for row in rows]).reshape(-1, 2) for rows in (first, second)
    ]
    known = [curve[np.isfinite(curve).all(axis=1)] for curve in curves]
    if min(map(len, known)) == 0:
        return _refused(first, second, RATE, f"no row has {RATE} and {DISTORTION}")
    ends = known[0][:, 0], known[0][:, 1], known[1][:, 0], known[1][:, 1]
    deltas = [stats.bd(*ends, "rate", method=method, better=("min", "min")) for method in ("pchip", "akima")]
    none = stats.refused("rates are not fixed: a gap is read at one rate")
    value = stats.refused(deltas[0].reason or "bytes of a file: no estimate over images", deltas[0].value)
    return Curve(first[0].study, second[0].study, RATE, deltas[0], value, deltas[1], none, none, none, False)


def _refused(first: Sequence[Row], second: Sequence[Row], name: str, reason: str) -> Curve:
    counts = len(first), len(second)
    nothing = BjontegaardDelta(
        math.nan, "", "value", "pchip", math.nan, (math.nan, math.nan), counts, (0, 0), (False, False), reason=reason
    )
    none = stats.refused(reason)
    akima = replace(nothing, method="akima")
    return Curve(first[0].study, second[0].study, name, nothing, none, akima, none, none, none, False)


def _rates(first: Sequence[Row], second: Sequence[Row]) -> str:
    """A sentence on the model rates, where the two sides spend differently at their equal bound."""
    sides = [[row.value("rate_model") for row in rows] for rows in (first, second)]
    every = [rate for side in sides for rate in side]
    if not max(every) - min(every) > RATES_DIFFER:
        return ""
    texts = [f"{min(side):.2f} to {max(side):.2f}" for side in sides]
    return f"model rates differ: A {texts[0]} bit, B {texts[1]}"

"""What freezing the encoder costs: the gap in distortion at equal constraint, and a field that stays the encoder's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.verify.claim import Claim, Names
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.samples import Sample, each, percentiles
from rdcbench.verify.verdicts import Answer, Undecided, compare, listed, shown, unless_contradicted

DISTORTION = "mse"
RATES_DIFFER = 0.1
"""Bits an image from which on different model rates are said."""


class Gap(Claim):
    """G(C) = min{D: universal, C} - D_e2e(C), along a field, at its loosest level or the largest in the common range.

    It is computed with each seed, with draws that all rows share, and then joined over seeds (`stats.over_seeds`). A
    field of which more is better counts as what is missing to its upper bound: accuracy as 1 - accuracy. `judges` are
    fields of others along which the same limits must not be broken.
    """

    kind: Literal["gap"]
    universal: Names
    end_to_end: Names
    along: str
    range: Literal["common", "loosest"]
    at_most: float | None = None
    at_least: float | None = None
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """The gap along the claim's own field, unless another judge contradicts it."""
        return unless_contradicted(self._along(scope, self.along), self.judges, lambda n: self._along(scope.aside(), n))

    def _along(self, scope: Scope, along: str) -> Answer:
        universal = scope.rows(self.universal, along, DISTORTION)
        end_to_end = scope.rows(self.end_to_end, along, DISTORTION)
        _same_rate([*universal, *end_to_end])
        if len({row.keys[0] for row in end_to_end}) < 2:
            raise Undecided(f"{end_to_end[0].name} is the only end-to-end row; a front needs two")
        gaps = _gaps(scope, universal, end_to_end, along)
        chosen = self._chosen(gaps)
        texts = [f"{'largest' if self.range == 'common' else 'loosest'} {shown(chosen)}"]
        if len(self.universal) > 1:
            texts.append(self._each_study(scope, universal, end_to_end, along))
        texts += [_curve(gaps, along), *_model_rates(universal, end_to_end)]
        return compare(chosen, self.at_most, self.at_least), "; ".join(texts)

    def _chosen(self, gaps: Sequence[stats.UniversalityGap]) -> stats.Interval:
        if reasons := [gap.reason for gap in gaps if gap.reason]:
            raise Undecided(reasons[0])
        return stats.over_seeds([gap.maximum if self.range == "common" else gap.loosest for gap in gaps])

    def _each_study(self, scope: Scope, universal: Sequence[Row], end_to_end: Sequence[Row], along: str) -> str:
        """The gap of each universal study by itself, where several are asked for their best."""
        told = []
        for study in self.universal:
            rows = [row for row in universal if row.study == study]
            if rows:
                told.append(f"{study} {self._chosen(_gaps(scope, rows, end_to_end, along)).value:.5f}")
        return ", ".join(told)


def _gaps(scope: Scope, universal: Sequence[Row], end_to_end: Sequence[Row], along: str) -> list[stats.UniversalityGap]:
    """The gap with each seed that all rows have."""
    every = [*universal, *end_to_end]
    return [
        stats.universality_gap(tradeoff(scope, universal, along, seed), tradeoff(scope, end_to_end, along, seed))
        for seed in common_seeds(every)
    ]


def tradeoff(scope: Scope, rows: Sequence[Row], along: str, seed: int) -> stats.TradeoffRows:
    """Constraint and distortion of rows with one seed, with draws that they share."""
    by_blocks = scope.by_blocks(rows, along)
    limits, limit_draws = each(cost(row, along, scope.draw(row, seed, along, by_blocks)) for row in rows)
    values, value_draws = each(scope.draw(row, seed, DISTORTION, by_blocks) for row in rows)
    return stats.TradeoffRows(limits, values, limit_draws, value_draws)


def cost(row: Row, name: str, sample: Sample) -> Sample:
    """A field so that less is better: of a share, what is missing to the whole."""
    info = row.fields.get(name)
    if info is None or info.direction != "higher":
        return sample
    whole = info.upper if math.isfinite(info.upper) else 0.0
    return whole - sample[0], whole - sample[1]


def _same_rate(rows: Sequence[Row]) -> None:
    """Undecided unless all rows have one rate bound: at unequal rate a gap says nothing."""
    rates: dict[str, list[str]] = {}
    for row in rows:
        rates.setdefault(f"{row.value('rate_bound'):.3f}", []).append(row.name)
    if len(rates) > 1:
        told = " against ".join(f"{rate} bits ({listed(names, 2)})" for rate, names in rates.items())
        raise Undecided(f"rows of different rate_bound do not compare: {told}")


def _curve(gaps: Sequence[stats.UniversalityGap], along: str) -> str:
    """Mean, range and reach of the curve, in words."""
    low, high = max(gap.common[0] for gap in gaps), min(gap.common[1] for gap in gaps)
    reach = [float(np.mean([getattr(gap, f"span_{side}") for gap in gaps])) for side in ("universal", "end_to_end")]
    mean = stats.over_seeds([gap.mean for gap in gaps])
    below = " (below 0: the end-to-end rows are not the best that can be trained)" if mean.hi < 0 else ""
    return (
        f"mean {shown(mean)}{below} over {along} {low:.4g} to {high:.4g}; "
        f"distortion spanned: {reach[0]:.4f} universal, {reach[1]:.4f} end to end"
    )


def _model_rates(universal: Sequence[Row], end_to_end: Sequence[Row]) -> list[str]:
    """A sentence on the model rates, where the two sides spend differently at their equal bound."""
    rates = [[row.value("rate_model") for row in rows] for rows in (universal, end_to_end)]
    every = [rate for side in rates for rate in side]
    if not max(every) - min(every) > RATES_DIFFER:
        return []
    first, second = (f"{min(side):.2f} to {max(side):.2f}" for side in rates)
    return [f"model rates differ: {first} bits universal, {second} end to end"]


class Stays(Claim):
    """A field of universal rows stays that of the row whose encoder they share, whatever their decoders ask for.

    The largest rise over the base row is at most a share of the rise that end-to-end rows allow themselves: of the
    loosest of them over the same base row.
    """

    kind: Literal["stays"]
    universal: Names
    end_to_end: Names
    base_study: str
    base_point: str
    field: str
    at_most: float
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """The share in the claim's own field, unless another judge contradicts it."""
        return unless_contradicted(self._share(scope, self.field), self.judges, lambda n: self._share(scope.aside(), n))

    def _share(self, scope: Scope, name: str) -> Answer:
        base = scope.row(self.base_study, self.base_point, name)
        universal = max(scope.rows(self.universal, name), key=lambda row: cost(row, name, _value(row, name))[0])
        loosest = max(scope.rows(self.end_to_end, name), key=lambda row: cost(row, name, _value(row, name))[0])
        shares = []
        for seed in common_seeds([base, universal, loosest]):
            start, moved, free = (cost(row, name, scope.draw(row, seed, name)) for row in (base, universal, loosest))
            if free[0] <= start[0]:
                raise Undecided(f"{loosest.name} does not loosen {name} against {base.name}: nothing to compare with")
            shares.append(percentiles((moved[0] - start[0]) / (free[0] - start[0]), _ratio(moved, free, start)))
        share = stats.over_seeds(shares)
        numbers = f"{name} {base.value(name):.4g} rises to {universal.value(name):.4g} ({universal.point}), end to end "
        return compare(share, self.at_most), f"{numbers}to {loosest.value(name):.4g}: share {shown(share)}"


def _value(row: Row, name: str) -> Sample:
    return row.value(name), np.empty(0)


def _ratio(moved: Sample, free: Sample, start: Sample) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    whole = free[1] - start[1]
    return np.divide(moved[1] - start[1], whole, out=np.full(len(whole), math.nan), where=whole > 0)

"""What one encoder for all costs in bits, and what it saves in training and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.stats import Cost, Interval
from rdcbench.verify.claim import Claim, Names
from rdcbench.verify.evidence import Scope, common_seeds, key_of
from rdcbench.verify.gaps import DISTORTION, tradeoff
from rdcbench.verify.verdicts import Answer, Undecided, compare, listed, shown, unless_contradicted, worst

DRAWS = 100
"""Draws of the rate penalty's interval: each one solves a linear programme, and a root mean square needs no more."""


TERMS = "universal_rate", "end_to_end_rate"


class Penalty(Claim):
    """Rate penalty A(Theta) = R(Theta) - sup R(D, C) over Theta, in bits an image, from sweeps over rates.

    Theta: the front of the study `theta`, what is wanted of one encoder. `universal`: rows of decoders on frozen
    encoders of several rates; `frozen`: the studies that have these encoders, with decoders of their own, at `point`.
    `end_to_end`: the sweep of R(D, C). `rates`: the fields that count the bits; by each of them A must be within the
    limits. Source: arXiv 2504.13191, equation 8; `rdcbench.stats.rate_penalty`.
    """

    kind: Literal["penalty"]
    theta: str
    universal: Names
    frozen: Names
    point: str
    end_to_end: Names
    along: str
    rates: Names = Field(min_length=1)
    at_least: float | None = None
    at_most: float | None = None
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """The penalty along the claim's own field, in bits of each kind, unless another judge contradicts it."""
        return unless_contradicted(self._along(scope, self.along), self.judges, lambda n: self._along(scope.aside(), n))

    def _along(self, scope: Scope, along: str) -> Answer:
        wanted = scope.rows([self.theta], along, DISTORTION, *self.rates)
        end_to_end = scope.rows(self.end_to_end, along, DISTORTION, *self.rates)
        frozen = scope.rows(self.frozen, along, DISTORTION, *self.rates, points=[self.point])
        universal = [*frozen, *scope.rows(self.universal, along, DISTORTION, *self.rates)]
        found = [self._in_bits(scope, wanted, universal, end_to_end, along, rate) for rate in self.rates]
        verdicts = [compare(bits, self.at_most, self.at_least) for bits, _ in found]
        verdict = verdicts[0] if len(set(verdicts)) == 1 else "UNDECIDED"
        return verdict, "; ".join(told for _, told in found)

    def _in_bits(
        self, scope: Scope, wanted: Sequence[Row], universal: Sequence[Row], free: Sequence[Row], along: str, rate: str
    ) -> tuple[Interval, str]:
        """A(Theta) joined over seeds, and its terms in words."""
        found = []
        for seed in common_seeds([*wanted, *universal, *free]):
            penalty = stats.rate_penalty(
                _front(_few(tradeoff(scope, wanted, along, seed))),
                _sweep(scope, universal, along, rate, seed),
                _sweep(scope, free, along, rate, seed),
            )
            if not math.isfinite(penalty.bits.value):
                raise Undecided(f"A(Theta) along {along} is not known: {penalty.bits.reason}")
            found.append(penalty)
        whole = stats.over_seeds([penalty.bits for penalty in found])
        needed, highest = (float(np.mean([getattr(one, term) for one in found])) for term in TERMS)
        terms = f"{needed:.3f} for one universal encoder - {highest:.3f} end to end"
        return whole, f"A(Theta) along {along} = {shown(whole)} bits of {rate} ({terms})"


class Amortised(Claim):
    """One encoder with N decoders saves at least so much of the seconds and of the parameters of N codecs (shares).

    Points are those that `universal` and `end_to_end` both have, and that of the frozen encoder, whose own decoder
    comes with it. Seconds are wall time of training; over several seeds they have an interval, with one they are a fact
    of that run. Source: `rdcbench.stats.amortisation`.
    """

    kind: Literal["amortised"]
    universal: str
    end_to_end: Names
    base_study: str
    base_point: str
    seconds_saved: float
    parameters_saved: float

    def check(self, scope: Scope) -> Answer:
        """The shares saved, with the totals behind them."""
        base = scope.row(self.base_study, self.base_point)
        codecs = {row.point: row for row in scope.rows(self.end_to_end) if row.point != base.point}
        decoders = {row.point: row for row in scope.rows([self.universal]) if row.point in codecs}
        if not decoders:
            raise Undecided(f"{self.universal} and {', '.join(self.end_to_end)} have no point in common")
        separate = [base, *(codecs[point] for point in decoders)]
        saved = [
            self._of_seed(scope, base, separate, list(decoders.values()), seed)
            for seed in common_seeds([*separate, *decoders.values()])
        ]
        seconds = _over_trainings([one.seconds_saved for one in saved])
        parameters = _fact(saved[0].parameters_saved)
        checks = (seconds, self.seconds_saved), (parameters, self.parameters_saved)
        return worst(compare(share, at_least=least) for share, least in checks), _told(saved, seconds)

    def _of_seed(
        self, scope: Scope, base: Row, separate: Sequence[Row], decoders: Sequence[Row], seed: int
    ) -> stats.Amortisation:
        encoder, own = _cost(scope, base, seed, "encoder"), _cost(scope, base, seed, "decoder")
        return stats.amortisation(
            [_cost(scope, row, seed, "encoder", "decoder") for row in separate],
            encoder,
            [Cost(0.0, own.parameters), *(_cost(scope, row, seed, "decoder") for row in decoders)],
        )


def _front(rows: stats.TradeoffRows) -> stats.TradeoffRows:
    """The rows that no other one beats in both, with their draws."""
    kept = stats.pareto_front(np.column_stack([rows.constraint, rows.distortion]), ("min", "min"))
    assert rows.draws is not None, "tradeoff gives draws"
    limits, values = (draws[:, kept] for draws in rows.draws)
    return stats.TradeoffRows(rows.constraint[kept], rows.distortion[kept], limits, values)


def _few(rows: stats.TradeoffRows) -> stats.TradeoffRows:
    """The first draws only; those of all rows stay paired."""
    assert rows.draws is not None, "tradeoff gives draws"
    return stats.TradeoffRows(rows.constraint, rows.distortion, *(draws[:DRAWS] for draws in rows.draws))


def _sweep(scope: Scope, rows: Sequence[Row], along: str, rate: str, seed: int) -> stats.RateSweep:
    """Rows over several rates; bits that were measured image by image are drawn with the images, a bound is a fact.

    Rows of one encoder sent the same symbols, so they have the draws of the first of them.
    """
    bits = [row.values[rate].seed_values[row.seeds.index(seed)] for row in rows]
    reached = _few(tradeoff(scope, rows, along, seed))
    if not all(scope.evidence.samples.images(key_of(row, seed), rate) for row in rows):
        return stats.RateSweep(bits, reached)
    by_blocks = scope.by_blocks(rows, along)
    drawn = np.column_stack([scope.draw(rows[bits.index(one)], seed, rate, by_blocks)[1] for one in bits])
    return stats.RateSweep(bits, reached, rate_draws=drawn[:DRAWS])


def _cost(scope: Scope, row: Row, seed: int, *sides: str) -> Cost:
    """Seconds of a row's training, and parameters of its encoder, its decoder or both."""
    costs = scope.evidence.cell(row, seed).costs
    names = ["train_seconds", *(f"{side}_parameters" for side in sides)]
    if lacking := [name for name in names if name not in costs]:
        raise Undecided(f"{row.name} kept no {listed(lacking)}")
    return Cost(costs[names[0]], int(sum(costs[name] for name in names[1:])))


def _over_trainings(shares: Sequence[float]) -> Interval:
    """Student's t over seeds; one training is a fact without an interval."""
    return stats.seed_interval(shares) if len(shares) > 1 else _fact(shares[0])


def _fact(number: float) -> Interval:
    return Interval(number, number, number)


def _told(saved: Sequence[stats.Amortisation], seconds: Interval) -> str:
    """Totals of the first seed, shares of all."""
    one = saved[0]
    share = shown(seconds) if len(saved) > 1 else f"{seconds.value:.3f} (wall time of one run)"
    totals = [f"{side.seconds:.0f} s, {side.parameters} parameters" for side in (one.end_to_end, one.universal)]
    return (
        f"{one.points} points: {totals[0]} end to end against {totals[1]} with one encoder; "
        f"share of seconds saved {share}, of parameters {one.parameters_saved:.3f}"
    )

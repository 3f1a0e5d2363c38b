"""Who lies below whom: one row below many in every field, and one dial's curve below every point of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.stats import Interval
from rdcbench.verify.claim import Claim, Names
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.gaps import DISTORTION, cost, tradeoff
from rdcbench.verify.samples import Floats, difference
from rdcbench.verify.verdicts import (
    Answer,
    Verdict,
    best,
    compare,
    counted,
    listed,
    shown,
    unless_contradicted,
    worst,
)

RATE = "rate_model"
BOUND = "rate_bound"


class Below(Claim):
    """One row of `winner` is at most each row of `losers` in every one of `fields`, in paired differences.

    Of a field of which more is better it is at least that. Name `rate_model` among the fields for a comparison at equal
    rate; rate bounds are printed beside it. With `each`, every loser may have a winner of its own.
    """

    kind: Literal["below"]
    winner: Names
    losers: Names
    fields: Names = Field(min_length=1)
    each: bool = False

    def check(self, scope: Scope) -> Answer:
        """The best winner speaks, of all losers or of each one; of its losers and fields the worst."""
        losers = scope.rows(self.losers, *self.fields)
        winners = scope.rows(self.winner, *self.fields)
        if not self.each:
            return self._best(scope, winners, losers)
        answers = [self._best(scope, winners, [loser]) for loser in losers]
        verdict = worst(found for found, _ in answers)
        left = [told for found, told in answers if found != "PASS"]
        below = f"{len(answers) - len(left)} of {counted(len(losers), 'row')} below one of"
        return verdict, "; ".join([f"{below} {listed([row.name for row in winners])}", *left])

    def _best(self, scope: Scope, winners: Sequence[Row], losers: Sequence[Row]) -> Answer:
        answers = [self._against(scope, winner, losers) for winner in winners]
        found = best(verdict for verdict, _ in answers)
        return next(answer for answer in answers if answer[0] == found)

    def _against(self, scope: Scope, winner: Row, losers: Sequence[Row]) -> Answer:
        verdicts: list[Verdict] = []
        texts = []
        for name in self.fields:
            excess = [_excess(scope, winner, loser, name) for loser in losers]
            verdicts += [compare(found, at_most=0.0) for found in excess]
            nearest = max(range(len(losers)), key=lambda place: excess[place].value)
            texts.append(f"{name} exceeds {losers[nearest].name}'s by {shown(excess[nearest])}")
        told = f"{winner.name} against {counted(len(losers), 'row')}, at worst: {', '.join(texts)}"
        return worst(verdicts), f"{told}; {_bounds([winner], losers)}"


class Dominates(Claim):
    """The curve of `winner` has at most the distortion of each row of `losers` at that row's level of `along`.

    The curve is the lower convex envelope of the winner's rows: shared randomness may mix two of them. Its dearest row
    may cost no more bits of rate_model than the loser. A loser beyond the curve's tightest row is not dominated.
    """

    kind: Literal["dominates"]
    winner: Names
    losers: Names
    along: str
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """The curve along the claim's own field, unless another judge contradicts it."""
        return unless_contradicted(self._along(scope, self.along), self.judges, lambda n: self._along(scope.aside(), n))

    def _along(self, scope: Scope, along: str) -> Answer:
        losers = scope.rows(self.losers, along, DISTORTION, RATE)
        winners = scope.rows(self.winner, along, DISTORTION, RATE)
        dearest = max(winners, key=lambda row: row.value(RATE))
        bits = [_excess(scope, dearest, loser, RATE) for loser in losers]
        found = [_over_curve(scope, winners, loser, along) for loser in losers]
        verdicts = [worst([_verdict(one), compare(rate, 0.0)]) for one, rate in zip(found, bits, strict=True)]
        highest = max(range(len(losers)), key=lambda place: (not found[place].defined, found[place].value))
        told = [f"along {along} at worst {shown(found[highest])} in mse, at {losers[highest].name}"]
        told.append(f"model rate at worst {shown(max(bits, key=lambda rate: rate.value))} bits over a loser's")
        above = [row.name for row, verdict in zip(losers, verdicts, strict=True) if verdict != "PASS"]
        told += [f"not dominated: {listed(above)} of {counted(len(losers), 'row')}"] if above else []
        return worst(verdicts), "; ".join([*told, _bounds(winners, losers)])


def _excess(scope: Scope, winner: Row, loser: Row, name: str) -> Interval:
    """How much more a winner costs than a loser in a field, with each seed that both have, joined over seeds."""
    by_blocks = scope.by_blocks([winner, loser], name)
    pairs = (
        [cost(row, name, scope.draw(row, seed, name, by_blocks)) for row in (winner, loser)]
        for seed in common_seeds([winner, loser])
    )
    return stats.over_seeds([difference(first, second) for first, second in pairs])


def _over_curve(scope: Scope, winners: Sequence[Row], loser: Row, along: str) -> Interval:
    """How far a curve lies above a row; undefined where the curve does not reach that row's level."""
    found = []
    for seed in common_seeds([*winners, loser]):
        rows = tradeoff(scope, [*winners, loser], along, seed)
        assert rows.draws is not None, "tradeoff gives draws"
        value = _height(rows.constraint, rows.distortion)
        draws = _height(*rows.draws)
        found.append(stats.draws_interval(float(value[0]), draws[:, 0]))
    return stats.over_seeds(found)


def _height(limits: Floats, values: Floats) -> Floats:
    """Envelope of all rows but the last, less the last one, (..., 1); NaN where none meets the last one's level."""
    return np.asarray(stats.envelope_at(limits[..., :-1], values[..., :-1], limits[..., -1:]) - values[..., -1:])


def _verdict(found: Interval) -> Verdict:
    """A row whose level the curve does not reach is not dominated."""
    return "FAIL" if math.isnan(found.value) else compare(found, at_most=0.0)


def _bounds(winners: Sequence[Row], losers: Sequence[Row]) -> str:
    """Both sides' rates that fixed-length codes would need, as the paper counts."""
    sides = [sorted({f"{row.value(BOUND):.3f}" for row in side}) for side in (winners, losers)]
    return f"rate_bound {listed(sides[0])} against {listed(sides[1])} bits"

"""Claims on ratios: one row's field to another's, and one universal encoder's gap to that of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.stats import Interval
from rdcbench.verify.claim import Claim, Names
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.gaps import DISTORTION, tradeoff
from rdcbench.verify.samples import Floats, Sample
from rdcbench.verify.verdicts import Answer, Undecided, compare, listed, shown, unless_contradicted


class Ratio(Claim):
    """`field` of `study` at `point` is at_least to at_most times what it is at the point `to` of that study."""

    kind: Literal["ratio"]
    field: str
    study: str
    point: str
    to: str
    at_least: float | None = None
    at_most: float | None = None

    def check(self, scope: Scope) -> Answer:
        """Both over the same images, with each seed that both have."""
        row, base = (scope.row(self.study, point, self.field) for point in (self.point, self.to))
        found = stats.over_seeds([self._of_seed(scope, row, base, seed) for seed in common_seeds([row, base])])
        told = f"{self.field} {row.value(self.field):.5g} ({row.point}) to {base.value(self.field):.5g} ({base.point})"
        return compare(found, self.at_most, self.at_least), f"{told}: {shown(found)}"

    def _of_seed(self, scope: Scope, row: Row, base: Row, seed: int) -> Interval:
        by_blocks = scope.by_blocks([row, base], self.field)
        first, second = (scope.draw(one, seed, self.field, by_blocks) for one in (row, base))
        if not second[0] > 0:
            raise Undecided(f"{base.name} has a {self.field} of {second[0]:.4g}: a ratio needs one above 0")
        return _quotient(first, second)


class GapShare(Claim):
    """At the loosest level of `along` the gap of `universal` is at most a share of that of the rows `than`.

    Gaps are those of the kind `gap`, against the same end-to-end rows. An encoder that forgets the constraint has no
    gap there: the tightest level that each side reaches is printed, and a claim of its own must hold it.
    """

    kind: Literal["gap-share"]
    universal: Names
    than: Names
    end_to_end: Names
    along: str
    at_most: float = Field(gt=0)
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """The share along the claim's own field, unless another judge contradicts it."""
        return unless_contradicted(self._along(scope, self.along), self.judges, lambda n: self._along(scope.aside(), n))

    def _along(self, scope: Scope, along: str) -> Answer:
        sides = [scope.rows(names, along, DISTORTION) for names in (self.universal, self.than, self.end_to_end)]
        every = [row for side in sides for row in side]
        if len(rates := sorted({f"{row.value('rate_bound'):.3f}" for row in every})) > 1:
            raise Undecided(f"rows of different rate_bound do not compare: {listed(rates)} bits")
        seeds = common_seeds(every)
        gaps = [_gaps(scope, sides, along, seed) for seed in seeds]
        if any(not than[0] > 0 for _, than in gaps):
            raise Undecided(f"{listed(self.than)} has no gap above 0 along {along}: nothing to be a share of")
        share = stats.over_seeds([_quotient(*pair) for pair in gaps])
        told = [f"{float(np.mean([pair[side][0] for pair in gaps])):.5f}" for side in (0, 1)]
        tightest = [min(tradeoff(scope, side, along, seeds[0]).constraint) for side in sides[:2]]
        return compare(share, self.at_most), (
            f"loosest gap along {along} {told[0]} against {told[1]}: share {shown(share)}; "
            f"tightest level reached {tightest[0]:.4g} against {tightest[1]:.4g}"
        )


def _gaps(scope: Scope, sides: Sequence[Sequence[Row]], along: str, seed: int) -> tuple[Sample, Sample]:
    """Least distortion of both universal sides less that of end-to-end rows, at the loosest row of their front."""
    curves = [tradeoff(scope, rows, along, seed) for rows in sides]
    loosest = np.array([curves[2].front[-1, 0]])
    reached = []
    for curve in curves:
        assert curve.draws is not None, "tradeoff gives draws"
        value = stats.envelope_at(curve.constraint, curve.distortion, loosest)
        reached.append((float(value[0]), stats.envelope_at(*curve.draws, loosest)[:, 0]))
    first, second, free = reached
    return (first[0] - free[0], first[1] - free[1]), (second[0] - free[0], second[1] - free[1])


def _quotient(first: Sample, second: Sample) -> Interval:
    """first / second with its interval; draws in which the second is not above 0 are undefined."""
    nothing: Floats = np.full(len(second[1]), np.nan)
    ratios = np.divide(first[1], second[1], out=nothing, where=second[1] > 0)
    return stats.draws_interval(first[0] / second[0], ratios)

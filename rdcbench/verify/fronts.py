"""The shape of tradeoff curves: falling and convex, within intervals and a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.verify.claim import Claim, Names
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.gaps import DISTORTION, tradeoff
from rdcbench.verify.verdicts import Answer, Undecided, compare, counted, shown, unless_contradicted, worst

ROWS_NEEDED = 3

Shape = Literal["monotone", "convex"]
SHAPES: tuple[Shape, ...] = ("monotone", "convex")


class Front(Claim):
    """No row of a curve lies above the other rows of that curve by more than `at_most`, in distortion.

    Above their staircase the curve would not be monotone, above their mixtures not convex. `curves` are the studies
    that make one curve each. Each row's excess has its own 95 % interval, from draws that all rows share.
    """

    kind: Literal["front"]
    curves: Annotated[tuple[Names, ...], Field(min_length=1)]
    along: str
    at_most: float
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """The curves along the claim's own field, unless another judge contradicts it."""
        return unless_contradicted(self._along(scope, self.along), self.judges, lambda n: self._along(scope.aside(), n))

    def _along(self, scope: Scope, along: str) -> Answer:
        verdicts, texts = [], []
        for curve in self.curves:
            rows = scope.rows(curve, along, DISTORTION)
            if len({row.keys[0] for row in rows}) < ROWS_NEEDED:
                there = f"{', '.join(curve)}: {counted(len(rows), 'row')}"
                raise Undecided(f"{there}; the shape of a curve needs {ROWS_NEEDED}")
            told = []
            for shape in SHAPES:
                excess = _excess(scope, rows, along, shape)
                verdicts += [compare(interval, self.at_most) for interval in excess]
                told.append(_told(rows, excess, shape))
            texts.append(f"{', '.join(curve)}: {', '.join(told)}")
        return worst(verdicts), "; ".join(texts)


def _excess(scope: Scope, rows: Sequence[Row], along: str, shape: Shape) -> list[stats.Interval]:
    """How far each row lies above the others, joined over seeds."""
    by_seed = []
    for seed in common_seeds(rows):
        curve = tradeoff(scope, rows, along, seed)
        assert curve.draws is not None, "tradeoff gives draws"
        values = stats.front_excess(curve.constraint, curve.distortion, shape)
        draws = stats.front_excess(*curve.draws, shape)
        by_seed.append([stats.draws_interval(float(value), draws[:, row]) for row, value in enumerate(values)])
    return [stats.over_seeds(intervals) for intervals in zip(*by_seed, strict=True)]


def _told(rows: Sequence[Row], excess: Sequence[stats.Interval], shape: Shape) -> str:
    """The row that breaks a shape most, or might."""
    undefined = [interval for interval in excess if not interval.defined]
    if undefined:
        return f"{shape}: {undefined[0].reason}"
    highest = max(range(len(rows)), key=lambda place: excess[place].hi)
    if excess[highest].hi == 0:
        return shape
    return f"{shape} but for {shown(excess[highest])} at {rows[highest].point}"

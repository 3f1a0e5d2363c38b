"""A field that falls or rises from row to row, in paired differences over the images that all rows share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.verify.claim import Claim, Names
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.samples import difference
from rdcbench.verify.verdicts import Answer, Verdict, shown, unless_contradicted, worst


class Ordered(Claim):
    """`field` falls (or rises) strictly from study to study at each of the points, or from point to point of each."""

    kind: Literal["ordered"]
    field: str
    studies: Names
    points: Names
    along: Literal["studies", "points"] = "studies"
    direction: Literal["falls", "rises"] = "falls"
    judges: Names = ()

    def check(self, scope: Scope) -> Answer:
        """Every step must be outside its interval, and no other judge may see one that goes the other way."""
        return unless_contradicted(self._steps(scope, self.field), self.judges, lambda n: self._steps(scope.aside(), n))

    def _steps(self, scope: Scope, name: str) -> Answer:
        verdicts, texts = [], []
        for chain in self._chains(scope, name):
            pairs = pairwise(chain if self.direction == "falls" else chain[::-1])
            steps = [fall(scope, first, second, name) for first, second in pairs]
            verdicts += [is_above_zero(step) for step in steps]
            where = chain[0].point if self.along == "studies" else chain[0].study
            values = ", ".join(f"{row.value(name):.4g}" for row in chain)
            least = min(steps, key=lambda step: step.lo)
            texts.append(f"{where} {values} (least step {shown(least)})")
        names = ", ".join(self.studies if self.along == "studies" else self.points)
        return worst(verdicts), f"{name} of {names}: {'; '.join(texts)}"

    def _chains(self, scope: Scope, name: str) -> Iterator[Sequence[Row]]:
        """The rows to compare one after another."""
        if self.along == "studies":
            for point in self.points:
                yield [scope.row(study, point, name) for study in self.studies]
        else:
            for study in self.studies:
                yield [scope.row(study, point, name) for point in self.points]


def fall(scope: Scope, first: Row, second: Row, name: str) -> stats.Interval:
    """Interval of first - second, with each seed that both have over the same images, joined over seeds."""
    by_blocks = scope.by_blocks([first, second], name)
    return stats.over_seeds(
        [
            difference(scope.draw(first, seed, name, by_blocks), scope.draw(second, seed, name, by_blocks))
            for seed in common_seeds([first, second])
        ]
    )


def is_above_zero(found: stats.Interval) -> Verdict:
    """PASS when all of an interval is above 0, FAIL when none of it is."""
    if not found.defined:
        return "UNDECIDED"
    return "PASS" if found.lo > 0 else "FAIL" if found.hi <= 0 else "UNDECIDED"

"""Convergence: what twice the steps of training would change, from a stored study that has them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.verify.claim import Claim
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.samples import percentiles
from rdcbench.verify.verdicts import Answer, Undecided, Verdict, worst


class Converged(Claim):
    """Twice the steps change each of `fields` by at most its share (.02: 2 %), at every point that both studies have.

    Trainings against a critic spread by more than their interval over images tells. So with few seeds a change beyond
    the limit decides nothing for them; from `decided_from` seeds on an interval that is not within the limit is a FAIL,
    since it is the baseline's burden to be converged.
    """

    kind: Literal["converged"]
    study: str
    twice: str
    fields: dict[str, float] = Field(min_length=1)
    decided_from: int = 3
    how: str = ""

    def check(self, scope: Scope) -> Answer:
        """Every point that both studies have."""
        names = list(self.fields)
        once = scope.rows([self.study], *names)
        try:
            twice = {row.point: row for row in scope.rows([self.twice], *names)}
        except Undecided as why:
            raise Undecided(f"{why}{f'; {self.how}' if self.how else ''}") from None
        pairs = [(row, twice[row.point]) for row in once if row.point in twice]
        if not pairs:
            points = ", ".join(twice)
            raise Undecided(f"{self.study} and {self.twice} have no point in common ({self.twice} has {points})")
        verdicts, texts = zip(*(self._changes(scope, row, longer) for row, longer in pairs), strict=True)
        return worst(verdicts), "; ".join(texts)

    def _changes(self, scope: Scope, once: Row, twice: Row) -> Answer:
        _must_be_twice(scope, once, twice)
        verdicts: list[Verdict] = []
        told = []
        seeds = common_seeds([once, twice])
        for name, limit in self.fields.items():
            change = stats.over_seeds([_change(scope, once, twice, name, seed) for seed in seeds])
            adversarial = "critic" in once.parts
            verdicts.append(_judged(change, limit, len(seeds) >= self.decided_from if adversarial else None))
            low, value, high = (100 * end for end in (change.lo, change.value, change.hi))
            told.append(f"{name} {value:+.1f} [{low:+.1f}, {high:+.1f}] %")
        return worst(verdicts), f"{once.point}: {', '.join(told)}"


def _judged(change: stats.Interval, limit: float, burden: bool | None) -> Verdict:
    """The verdict on a change, up or down; burden: beside a critic, whether what is not shown has failed."""
    if not change.defined:
        return "UNDECIDED"
    if -limit <= change.lo and change.hi <= limit:
        return "PASS"
    if burden is not None:
        return "FAIL" if burden else "UNDECIDED"
    return "FAIL" if change.lo > limit or change.hi < -limit else "UNDECIDED"


def _change(scope: Scope, once: Row, twice: Row, name: str, seed: int) -> stats.Interval:
    """Relative change with one seed, over the same images."""
    by_blocks = scope.by_blocks([once, twice], name)
    before, after = (scope.draw(row, seed, name, by_blocks) for row in (once, twice))
    if before[0] <= 0:
        raise Undecided(f"{once.name} has a {name} of {before[0]:.4g}: no share of it can be told")
    return percentiles(after[0] / before[0] - 1, after[1] / before[1] - 1)


def _must_be_twice(scope: Scope, once: Row, twice: Row) -> None:
    """Undecided unless the second row was trained for twice the first one's steps."""
    steps = [_steps(scope, row) for row in (once, twice)]
    if steps[1] != 2 * steps[0]:
        raise Undecided(f"{twice.name} was trained for {steps[1]} steps and {once.name} for {steps[0]}: not twice")


def _steps(scope: Scope, row: Row) -> int:
    training = scope.evidence.cell(row, row.seeds[0]).job.training
    return training.steps if training else 0

"""Claims on judges: what real images measure, whether they are unbiased, see a known order, and agree."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.verify.claim import Claim, Law, Names
from rdcbench.verify.evidence import Scope, common_seeds
from rdcbench.verify.orders import fall, is_above_zero
from rdcbench.verify.samples import difference
from rdcbench.verify.verdicts import Answer, Undecided, Verdict, compare, counted, listed, shown, worst


class Real(Law):
    """Real images against real ones measure, by each judge, within [low, high]: 0 or the floor of finite samples.

    within: field -> [low, high]. The limits are the interval: that of many pairs of samples of real images.
    """

    kind: Literal["real"]
    within: dict[str, tuple[float, float]] = Field(min_length=1)

    @field_validator("within")
    @classmethod
    def _in_order(cls, limits: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        if wrong := [name for name, (low, high) in limits.items() if not low < high]:
            raise ValueError(f"the limits of {wrong[0]} are not in order")
        return limits

    def check(self, scope: Scope) -> Answer:
        """Each judge once, as all rows of a run have the same judges; fields without such a value are undecided."""
        verdicts: list[Verdict] = []
        texts = []
        for name, (low, high) in self.within.items():
            having = [row for row in scope.evidence.rows if name in row.values]
            found = {value for row in having if (value := row.values[name].reference) is not None}
            inside = all(low <= value <= high for value in found)
            verdicts.append("UNDECIDED" if not found else "PASS" if inside else "FAIL")
            values = ", ".join(f"{value:.4g}" for value in sorted(found)) or "not measured"
            texts.append(f"{name} {values} in [{low:g}, {high:g}]")
        return worst(verdicts), "; ".join(texts)


class Unbiased(Law):
    """Between two halves of the real test images each judge's 95 % interval contains `floor`, and is not too wide.

    floor: field -> what two samples of one distribution have, 0 for a corrected distance. half_width: field -> the
    half-width beyond which an interval that contains the floor says nothing.
    """

    kind: Literal["unbiased"]
    floor: dict[str, float] = Field(min_length=1)
    half_width: dict[str, float]

    @model_validator(mode="after")
    def _has_widths(self) -> Self:
        if lacking := sorted(set(self.floor) ^ set(self.half_width)):
            raise ValueError(f"{listed(lacking)}: 'floor' and 'half_width' must name the same fields")
        return self

    def check(self, scope: Scope) -> Answer:
        """Each judge once, as all rows of a run have the same judges."""
        verdicts: list[Verdict] = []
        texts = []
        for name, floor in self.floor.items():
            having = [row for row in scope.evidence.rows if name in row.values]
            found = {pair for row in having if (pair := row.values[name].real_pair) is not None}
            intervals = [stats.Interval(*pair) for pair in sorted(found)]
            verdicts.append(worst(self._judged(name, one) for one in intervals) if intervals else "UNDECIDED")
            texts.append(f"{name} {', '.join(map(shown, intervals)) or 'not measured'} (floor {floor:g})")
        return worst(verdicts), "; ".join(texts)

    def _judged(self, name: str, found: stats.Interval) -> Verdict:
        if not found.lo <= self.floor[name] <= found.hi:
            return "FAIL"
        return "PASS" if (found.hi - found.lo) / 2 <= self.half_width[name] else "UNDECIDED"


class Dial(Claim):
    """Every judge sees the order of the dial of a codebook, x^ = (1-a) centroid + a (training image of the same cell).

    Its W2 to the source is (1-a) sqrt(D*), so each of `fields` must fall from each of the points to the next outside
    the interval of their paired difference. A judge that does not is named blind.
    """

    kind: Literal["dial"]
    study: str
    points: Names
    fields: Names
    how: str = ""

    def check(self, scope: Scope) -> Answer:
        """Each judge by itself."""
        verdicts: list[Verdict] = []
        blind: list[str] = []
        seeing: list[str] = []
        for name in self.fields:
            try:
                chain = [scope.row(self.study, point, name) for point in self.points]
            except Undecided as why:
                raise Undecided(f"{why}{f'; {self.how}' if self.how else ''}") from None
            steps = [fall(scope, first, second, name) for first, second in pairwise(chain)]
            found = worst(is_above_zero(step) for step in steps)
            verdicts.append(found)
            least = min(steps, key=lambda step: step.lo)
            (seeing if found == "PASS" else blind).append(f"{name} (least step {shown(least)})")
        told = [f"blind: {', '.join(blind)}"] if blind else []
        return worst(verdicts), "; ".join([*told, f"see the order: {', '.join(seeing) or 'none'}"])


class Difference(Claim):
    """One field exceeds another by at most `at_most` in every row of some studies, both over the same images."""

    kind: Literal["difference"]
    field: str
    minus: str
    studies: Names
    at_most: float

    def check(self, scope: Scope) -> Answer:
        """Every row; the one with the largest difference is printed."""
        rows = scope.rows(self.studies, self.field, self.minus)
        found = [(self._difference(scope, row), row) for row in rows]
        largest, row = max(found, key=lambda pair: pair[0].value)
        verdicts = [compare(interval, self.at_most) for interval, _ in found]
        over = [row.name for (_, row), verdict in zip(found, verdicts, strict=True) if verdict == "FAIL"]
        told = f"{self.field} - {self.minus}: largest {shown(largest)} ({row.name}), of {counted(len(rows), 'row')}"
        return worst(verdicts), f"{told}; more than {self.at_most:g}: {listed(over)}" if over else told

    def _difference(self, scope: Scope, row: Row) -> stats.Interval:
        return stats.over_seeds(
            [
                difference(scope.draw(row, seed, self.field), scope.draw(row, seed, self.minus))
                for seed in common_seeds([row])
            ]
        )

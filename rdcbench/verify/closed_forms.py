"""Measured numbers against closed forms: benchmarks of sources about which theory knows everything."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rdcbench import oracles, stats
from rdcbench.errors import unknown
from rdcbench.results import Row
from rdcbench.stats import Interval
from rdcbench.verify.claim import Law, Names
from rdcbench.verify.evidence import Scope, common_seeds, interval_of
from rdcbench.verify.gaps import DISTORTION, tradeoff
from rdcbench.verify.verdicts import Answer, Undecided, Verdict, compare, listed, shown, worst

ROUNDING = 1e-9
"""Two rows that are one are apart by rounding, in units of the source."""


class Sides(BaseModel):
    """Whose universality gap in mse it is, along which field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    universal: Names
    end_to_end: Names
    along: str


class ClosedForm(Law):
    """A field of each row of `studies`, or the largest universality gap of two sides, is what an oracle says.

    oracle: a function of rdcbench.oracles; given: its arguments; dials: argument -> entry of the row's tradeoff.
    unit: what the measured number is divided by before they are compared, such as the variance of the source.
    The interval has to lie within relative * closed form + absolute of the closed form. Of a gap, which is compared
    with the noise of its own rows, it also has to contain the closed form: one that excludes it FAILs.
    """

    kind: Literal["law"]
    oracle: str
    given: dict[str, Any] = Field(default_factory=dict)
    dials: dict[str, str] = Field(default_factory=dict)
    studies: Names = ()
    points: Names = ()
    field: str = ""
    gap: Sides | None = None
    unit: float = Field(default=1.0, gt=0)
    relative: float = Field(default=0.0, ge=0)
    absolute: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        known = [name for name in oracles.__all__ if inspect.isfunction(getattr(oracles, name))]
        if self.oracle not in known:
            raise ValueError(unknown("oracle", self.oracle, known))
        if (self.gap is None) == (not self.field or not self.studies):
            raise ValueError("a law needs 'studies' and 'field', or else 'gap'")
        try:
            inspect.signature(self._function).bind(**self.given, **self.dials)
        except TypeError as error:
            raise ValueError(f"the oracle {self.oracle!r} cannot be asked with these arguments: {error}") from error
        return self

    @property
    def _function(self) -> Callable[..., float]:
        function: Callable[..., float] = getattr(oracles, self.oracle)
        return function

    def _expected(self, dials: Mapping[str, float]) -> float:
        try:
            return float(self._function(**self.given, **dials))
        except ValueError as error:
            raise Undecided(f"{self.oracle} has no value here: {error}") from error

    def check(self, scope: Scope) -> Answer:
        """Every row, or the gap."""
        return self._check_gap(scope, self.gap) if self.gap is not None else self._check_rows(scope)

    def _check_rows(self, scope: Scope) -> Answer:
        """The row that is farthest off, in shares of its tolerance, is printed."""
        verdicts: list[Verdict] = []
        told: list[tuple[float, str]] = []
        wrong = []
        for row in scope.rows(self.studies, self.field, points=self.points):
            expected = self._expected(self._dials_of(row))
            found, allowed = self._in_unit(interval_of(row, self.field)), self._allowed(expected)
            verdicts.append(compare(found, expected + allowed, expected - allowed))
            text = f"{row.name} {shown(found)}, closed form {expected:.6g}"
            told.append((abs(found.value - expected) / allowed if allowed else 0.0, text))
            wrong += [row.name] if verdicts[-1] != "PASS" else []
        texts = [f"{len(told)} rows; farthest {max(told)[1]}", *([f"not within: {listed(wrong)}"] if wrong else [])]
        return worst(verdicts), "; ".join(texts)

    def _check_gap(self, scope: Scope, sides: Sides) -> Answer:
        """The gap with each seed, joined over seeds."""
        along = sides.along
        universal, others = (scope.rows(names, along, DISTORTION) for names in (sides.universal, sides.end_to_end))
        gaps = [
            stats.universality_gap(tradeoff(scope, universal, along, seed), tradeoff(scope, others, along, seed))
            for seed in common_seeds([*universal, *others])
        ]
        expected = self._expected({})
        found = self._in_unit(stats.over_seeds([gap.maximum for gap in gaps]))
        mean = self._in_unit(stats.over_seeds([gap.mean for gap in gaps]))
        verdict = compare(found, expected + self._allowed(expected), expected - self._allowed(expected))
        if found.defined and not found.lo - ROUNDING <= expected <= found.hi + ROUNDING:
            verdict = "FAIL"
        low, high = max(gap.common[0] for gap in gaps), min(gap.common[1] for gap in gaps)
        where = f"over {along} {low / self.unit:.4g} to {high / self.unit:.4g}"
        return verdict, f"largest {shown(found)}, mean {shown(mean)} {where}; closed form {expected:.6g}"

    def _allowed(self, expected: float) -> float:
        return self.relative * abs(expected) + self.absolute

    def _in_unit(self, found: Interval) -> Interval:
        value, low, high = (number / self.unit for number in (found.value, found.lo, found.hi))
        return Interval(value, low, high, found.level, value, found.reason)

    def _dials_of(self, row: Row) -> dict[str, float]:
        """The oracle's arguments that are the row's own."""
        for dial in self.dials.values():
            if dial not in row.tradeoff:
                raise Undecided(f"{row.name} has no {dial!r} in its tradeoff")
        return {argument: row.tradeoff[dial] for argument, dial in self.dials.items()}

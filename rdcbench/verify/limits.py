"""Limits on the fields of one row."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rdcbench.results import Row
from rdcbench.verify.claim import Claim
from rdcbench.verify.evidence import Scope, interval_of
from rdcbench.verify.verdicts import Answer, Verdict, best, compare, shown, worst

ANY, EVERY = "any", "every"


class Bound(Claim):
    """at_most and at_least (field -> limit) hold together for the row of `study` at `point`, "any" or "every"."""

    kind: Literal["bound"]
    study: str
    point: str
    at_most: dict[str, float] = Field(default_factory=dict)
    at_least: dict[str, float] = Field(default_factory=dict)

    def check(self, scope: Scope) -> Answer:
        """Of any row the best speaks, of every row the worst; of several limits on it the worst."""
        fields = list(dict.fromkeys([*self.at_most, *self.at_least]))
        rows = scope.rows([self.study], *fields, points=[] if self.point in (ANY, EVERY) else [self.point])
        verdicts = [self._verdict(row, fields) for row in rows]
        found = (worst if self.point == EVERY else best)(verdicts)
        row = rows[verdicts.index(found)]
        return found, f"{row.point}: {', '.join(f'{name} {shown(interval_of(row, name))}' for name in fields)}"

    def verdict_without(self, verdict: Verdict) -> Verdict:
        """One good row is enough for "any", whatever others are missing."""
        return verdict if self.point == ANY and verdict == "PASS" else "UNDECIDED"

    def _verdict(self, row: Row, fields: list[str]) -> Verdict:
        limits = ((interval_of(row, name), self.at_most.get(name), self.at_least.get(name)) for name in fields)
        return worst(compare(*limit) for limit in limits)

"""What every kind of claim has: what it says, why its tolerance is what it is, and a check on the rows of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from rdcbench.verify.evidence import Scope
from rdcbench.verify.verdicts import Answer, Verdict

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One name, or several."""


class Claim(BaseModel, ABC):
    """One table of claims in expected.toml; each kind is a class of its own, and its fields are the table's keys.

    undone: the verdicts that rows which are missing would have had a say in, so that without them they are UNDECIDED.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    says: str
    reason: str

    undone: ClassVar[frozenset[Verdict]] = frozenset({"PASS", "FAIL"})

    @abstractmethod
    def check(self, scope: Scope) -> Answer:
        """Test the claim on the rows that it chooses from the scope; Undecided where they are not there."""

    def verdict_without(self, verdict: Verdict) -> Verdict:
        """The verdict when some rows that belong to the claim are missing."""
        return "UNDECIDED" if verdict in self.undone else verdict


class Law(Claim):
    """What must hold for each row by itself: one row that breaks it is enough, whatever others are missing."""

    undone: ClassVar[frozenset[Verdict]] = frozenset({"PASS"})

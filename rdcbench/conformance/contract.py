"""What a contract is, what a check of it finds, and how a check says that it is broken. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdcbench.conformance.case import Case


@dataclass(frozen=True)
class Contract:
    """One property that every part of a kind has: its name, what it says, and how a part that lacks it is mended."""

    name: str
    says: str
    mend: str


@dataclass(frozen=True)
class Finding:
    """How one part stood one contract: `happened` is what broke it, `skipped` why it could not be judged."""

    kind: str
    part: str
    contract: Contract
    happened: str = ""
    skipped: str = ""

    @property
    def holds(self) -> bool:
        """Whether the contract is not broken."""
        return not self.happened

    def __str__(self) -> str:
        """Name the contract, what happened and what to do."""
        where = f"{self.kind.replace('_', ' ')} {self.part!r}, {self.contract.name}"
        if self.skipped:
            return f"{where}: not judged: {self.skipped}"
        if self.holds:
            return f"{where}: holds"
        return f"{where}: {self.contract.says} What happened: {self.happened} To mend it: {self.contract.mend}"


class Broken(Exception):  # noqa: N818 - a verdict, not a fault of this program
    """A contract does not hold; the text is what happened, as a sentence."""


class NotJudged(Exception):  # noqa: N818
    """A contract cannot be judged here; the text says why."""


@dataclass(frozen=True)
class Check:
    """A contract with the function that tries it out on a part; the function raises Broken or NotJudged."""

    contract: Contract
    judge: Callable[[Case], None]

    def __call__(self, case: Case) -> None:
        """Try it out."""
        self.judge(case)


def contract(name: str, says: str, mend: str) -> Callable[[Callable[[Case], None]], Check]:
    """Make a check of a function."""
    return lambda judge: Check(Contract(name, says, mend), judge)


def expect(condition: object, happened: str) -> None:
    """Break the contract unless a condition holds."""
    if not condition:
        raise Broken(happened)

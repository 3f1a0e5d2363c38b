"""What a claim can turn out to be, the interval that decides it, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rdcbench.stats import Interval

Verdict = Literal["PASS", "FAIL", "UNDECIDED"]
Answer = tuple[Verdict, str]
"""A verdict, and the numbers behind it."""


@dataclass(frozen=True)
class Finding:
    """One claim with its verdict and the numbers behind it."""

    claim: str
    verdict: Verdict
    says: str
    numbers: str


class Undecided(Exception):  # noqa: N818 - the end of one check, not an error
    """The run has not what a claim is about; the text says what is missing, and why."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """What all of several checks come to."""
    seen = set(verdicts)
    return "FAIL" if "FAIL" in seen else "UNDECIDED" if "UNDECIDED" in seen else "PASS"


def best(verdicts: Iterable[Verdict]) -> Verdict:
    """What one of several checks is enough for."""
    seen = set(verdicts)
    return "PASS" if "PASS" in seen else "UNDECIDED" if "UNDECIDED" in seen else "FAIL"


def compare(found: Interval, at_most: float | None = None, at_least: float | None = None) -> Verdict:
    """Whether an interval lies on the right side of its limits; an undefined one decides nothing."""
    if not found.defined:
        return "UNDECIDED"
    verdicts: list[Verdict] = []
    if at_most is not None:
        verdicts.append("PASS" if found.hi <= at_most else "FAIL" if found.lo > at_most else "UNDECIDED")
    if at_least is not None:
        verdicts.append("PASS" if found.lo >= at_least else "FAIL" if found.hi < at_least else "UNDECIDED")
    return worst(verdicts)


def unless_contradicted(answer: Answer, judges: Sequence[str], ask: Callable[[str], Answer]) -> Answer:
    """A claim must hold in its own field, and no other judge may contradict it outside its interval.

    ask: the same check along the field of another judge. One that cannot tell, or did not measure, contradicts nothing.
    """
    verdict, numbers = answer
    against: list[str] = []
    beside: list[str] = []
    for judge in judges:
        try:
            found, told = ask(judge)
        except Undecided as why:
            beside.append(f"{judge} cannot tell ({why})")
            continue
        contradicts = found == "FAIL" and verdict != "FAIL"
        (against if contradicts else beside).append(f"{judge} {told.split(';')[0] if contradicts else found}")
    texts = [numbers, *(f"contradicted by {told}" for told in against)]
    texts += [f"other judges: {', '.join(beside)}"] if beside else []
    return "FAIL" if against else verdict, "; ".join(texts)


def shown(found: Interval) -> str:
    """A number with its interval: to two digits of the half-width, but no more than five of the number."""
    if not found.defined:
        return f"{found.value:.4g} (no interval: {found.reason or 'undefined'})"
    half, size = (found.hi - found.lo) / 2, max(abs(found.lo), abs(found.hi))
    finest = 4 - _magnitude(size) if size > 0 else 5
    decimals = max(0, min(1 - _magnitude(half), finest) if half > 0 else finest)
    return f"{found.value:.{decimals}f} [{found.lo:.{decimals}f}, {found.hi:.{decimals}f}]"


def _magnitude(number: float) -> int:
    """The power of ten of a number's leading digit."""
    return math.floor(math.log10(number))


def listed(names: Iterable[str], most: int = 3) -> str:
    """A few names in words; how many more there are."""
    every = list(dict.fromkeys(names))
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

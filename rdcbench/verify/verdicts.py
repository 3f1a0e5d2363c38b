"""What a claim can turn out to be, and the interval that decides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Verdict = Literal["PASS", "FAIL", "UNDECIDED"]


@dataclass(frozen=True)
class Finding:
    """One claim with its verdict and the numbers behind it."""

    claim: str
    verdict: Verdict
    says: str
    numbers: str


class Missing(Exception):  # noqa: N818 - the end of one check, not an error
    """The run has not the rows that a claim is about."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """What all of several checks come to."""
    seen = set(verdicts)
    return "FAIL" if "FAIL" in seen else "UNDECIDED" if "UNDECIDED" in seen else "PASS"


def best(verdicts: Iterable[Verdict]) -> Verdict:
    """What one of several checks is enough for."""
    seen = set(verdicts)
    return "PASS" if "PASS" in seen else "UNDECIDED" if "UNDECIDED" in seen else "FAIL"


def compare(low: float, high: float, at_most: float | None, at_least: float | None) -> Verdict:
    """Whether an interval lies on the right side of its limits; NaN ends decide nothing."""
    if not np.isfinite([low, high]).all():
        return "UNDECIDED"
    verdicts: list[Verdict] = []
    if at_most is not None:
        verdicts.append("PASS" if high <= at_most else "FAIL" if low > at_most else "UNDECIDED")
    if at_least is not None:
        verdicts.append("PASS" if low >= at_least else "FAIL" if high < at_least else "UNDECIDED")
    return worst(verdicts)

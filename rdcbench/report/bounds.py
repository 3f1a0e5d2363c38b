"""Codebooks of MNIST at equal rate bound, as lines and points to compare with (SCIENCE.md section 5)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from rdcbench.oracles import CODEBOOK_27, CODEBOOK_MSE, LABEL_PURE_27


class BoundLine(NamedTuple):
    """Distortion of a k-means codebook with 2^rate_bound codewords."""

    codewords: int
    mse: float


class BoundPoint(NamedTuple):
    """A code with 27 codewords on one panel."""

    x: float
    y: float
    text: str


def bound_lines(rates: Iterable[float]) -> list[BoundLine]:
    """One line for each rate bound in bits at which a codebook was measured."""
    counts = sorted({round(2**rate) for rate in rates if math.isfinite(rate) and rate < 20 and _is_whole(2**rate)})
    return [BoundLine(count, CODEBOOK_MSE[count].mse) for count in counts if count in CODEBOOK_MSE]


def bound_points(rates: Iterable[float], field: str) -> list[BoundPoint]:
    """Codes with 27 codewords against cross-entropy or accuracy; none if no rate bound is log2 27, or elsewhere."""
    if all(line.codewords != 27 for line in bound_lines(rates)):
        return []
    codes = ((CODEBOOK_27, "27-means"), (LABEL_PURE_27, "27 label-pure"))
    if field == "accuracy":
        return [BoundPoint(code.accuracy, code.mse, name) for code, name in codes]
    if field == "ce":
        (plain, first), (pure, second) = codes
        return [BoundPoint(plain.entropy, plain.mse, f"{first}, H(S|Z)"), BoundPoint(pure.entropy, pure.mse, second)]
    return []


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6 * number

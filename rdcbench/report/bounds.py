"""Codebooks of MNIST at equal rate bound, as lines and points to compare with."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from rdcbench.oracles import CODEBOOK_27, CODEBOOK_MSE, LABEL_PURE_27


class BoundLine(NamedTuple):
    """Distortion of a k-means codebook with 2^rate_bound codewords."""

    codewords: int
    mse: float

    @property
    def rate(self) -> float:
        """Bits per image."""
        return math.log2(self.codewords)

    @property
    def text(self) -> str:
        """What is written at the line."""
        return f"{self.codewords}-means codebook, {self.rate:.3g} bit"


class BoundPoint(NamedTuple):
    """A code with 27 codewords on one panel."""

    x: float
    y: float
    text: str
    rate: float = math.log2(27)


def bound_lines(rates: Iterable[float]) -> list[BoundLine]:
    """One line for each rate bound in bits at which a codebook was measured."""
    counts = sorted({round(2**rate) for rate in rates if math.isfinite(rate) and rate < 20 and _is_whole(2**rate)})
    return [BoundLine(count, CODEBOOK_MSE[count].mse) for count in counts if count in CODEBOOK_MSE]


def bound_points(rates: Iterable[float], field: str) -> list[BoundPoint]:
    """Codes with 27 codewords against cross-entropy or accuracy; none if no rate bound is log2 27, or elsewhere."""
    if all(line.codewords != 27 for line in bound_lines(rates)):
        return []
    plain, pure = CODEBOOK_27, LABEL_PURE_27
    if field == "accuracy":
        return [
            BoundPoint(plain.accuracy, plain.mse, "27-means codebook"),
            BoundPoint(pure.accuracy, pure.mse, "27 label-pure codewords"),
        ]
    if field == "ce":
        return [
            BoundPoint(plain.entropy, plain.mse, "27-means codebook at H(S|Z)"),
            BoundPoint(pure.entropy, pure.mse, "27 label-pure codewords"),
        ]
    return []


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6 * number

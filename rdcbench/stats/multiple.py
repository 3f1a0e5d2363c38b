"""Many comparisons at once: which of them stay, when the chance of one false alarm among all is bounded."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr

from rdcbench.stats._arrays import BoolArray, checked_level, finite
from rdcbench.stats.intervals import Interval, normal_or_t


def p_value(interval: Interval, degrees: float = math.inf) -> float:
    """Two-sided p-value of "the number is 0", read off its interval; NaN where that is undefined.

    The half-width towards 0 is taken as the critical value times a standard error: of Student's t with that many
    degrees of freedom, of the normal distribution by default. An interval of no width is certain: 0, or 1 at 0.
    """
    if not interval.defined:
        return math.nan
    half = interval.value - interval.lo if interval.value > 0 else interval.hi - interval.value
    if half <= 0:
        return float(interval.value == 0)
    score = abs(interval.value) / half * normal_or_t(interval.level, degrees)
    return 2.0 * float(ndtr(-score) if math.isinf(degrees) else stdtr(degrees, -score))


def holm(p_values: ArrayLike, level: float = 0.95) -> BoolArray:
    """Which of some comparisons are real, (comparisons,): the chance that any of them is not is at most 1 - level.

    Holm's step-down procedure; it holds whatever the comparisons have in common. ValueError on NaN or no comparison.
    Source: Holm 1979.
    """
    found = finite(p_values, "p-values", 1)
    order = np.argsort(found)
    steps = (1.0 - checked_level(level)) / (len(found) - np.arange(len(found)))
    kept = np.logical_and.accumulate(found[order] <= steps)
    mask = np.zeros(len(found), dtype=np.bool_)
    mask[order] = kept
    return mask

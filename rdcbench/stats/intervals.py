"""An interval, how to refuse one, and the two simplest makers: over seeds and over draws of a summary."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from rdcbench.stats._arrays import checked_level, finite

MAX_UNDEFINED_DRAWS = 0.05
"""Share of draws in which a summary may be undefined before its interval is refused."""


@dataclass(frozen=True)
class Interval:
    """A number and its interval in the number's own unit; what is NaN has its reason.

    `plug_in` is the number as computed, before a bias correction (equal to `value` where there is none).
    """

    value: float
    lo: float = math.nan
    hi: float = math.nan
    level: float = 0.95
    plug_in: float = math.nan
    reason: str = ""

    @property
    def defined(self) -> bool:
        """Whether both ends are numbers."""
        return math.isfinite(self.lo) and math.isfinite(self.hi)

    def contains(self, number: float) -> bool:
        """Whether number lies in the closed interval; an undefined interval contains nothing."""
        return self.lo <= number <= self.hi


def refused(reason: str, value: float = math.nan, level: float = 0.95) -> Interval:
    """Return an interval of NaN that says why; the value is kept when it is known."""
    return Interval(value, level=level, plug_in=value, reason=reason)


def student_t(level: float, degrees: float) -> float:
    """Two-sided critical value of Student's t with that many degrees of freedom."""
    return float(stdtrit(degrees, (1.0 + checked_level(level)) / 2.0))


def normal_or_t(level: float, degrees: float) -> float:
    """Two-sided critical value: of Student's t, of the normal distribution for endless degrees of freedom."""
    return student_t(level, degrees) if math.isfinite(degrees) else float(ndtri((1.0 + checked_level(level)) / 2.0))


def seed_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student t interval of the mean over training seeds, one value a seed.

    From two seeds on; one seed gives its value with NaN ends and the reason. Raises ValueError on NaN or no values.
    Source: Gosset 1908; a bootstrap of 3 seeds covers 70 % instead of 95 %.
    """
    seeds = finite(values, "values over seeds", 1)
    mean = float(seeds.mean())
    if len(seeds) == 1:
        return refused("one seed: the spread over seeds is unknown; run two or more", mean, checked_level(level))
    half = student_t(level, len(seeds) - 1) * float(seeds.std(ddof=1)) / math.sqrt(len(seeds))
    return Interval(mean, mean - half, mean + half, level, mean)


def joined(
    value: float, images: tuple[float, float], seeds: tuple[float, float] = (math.nan, math.nan), level: float = 0.95
) -> Interval:
    """One interval from that over test images and that over training seeds, both (lo, hi) about the value.

    Both parts vary on their own, so their half-widths add like a triangle's short sides. Where one part is nothing the
    other one is left, and in between it covers 95-98 % with 3 seeds, up to 99 % with 2 (measured; Welch and
    Satterthwaite's degrees of freedom would cover 87-95 % with 2). NaN ends over seeds (one seed): the
    part over images alone. Undefined when the part over images is.
    """
    widths = [(value - images[0], images[1] - value)]
    widths += [(value - seeds[0], seeds[1] - value)] if all(map(math.isfinite, seeds)) else []
    below, above = (math.hypot(*sides) for sides in zip(*widths, strict=True))
    return Interval(value, value - below, value + above, level, value)


def over_seeds(intervals: Sequence[Interval]) -> Interval:
    """Join the intervals over images that a summary has with each training seed into one over images and seeds.

    The summary is computed seed by seed, with draws of the images that its rows share; this is the mean over seeds. Its
    part over images is the mean of the half-widths (all seeds see the same images, so it does not shrink with their
    number), its part over seeds is Student's t of the values; `joined` adds them. One seed: its own interval. Refused
    with its reason when the summary is undefined with one of the seeds. ValueError when there are none.
    """
    values = [interval.value for interval in intervals]
    undefined = [interval for interval in intervals if not interval.defined]
    if undefined:
        value = sum(values) / len(values)
        return refused(undefined[0].reason or "undefined with one of the seeds", value, undefined[0].level)
    spread = seed_interval(values, intervals[0].level)
    below = sum(interval.value - interval.lo for interval in intervals) / len(values)
    above = sum(interval.hi - interval.value for interval in intervals) / len(values)
    images = spread.value - below, spread.value + above
    return joined(spread.value, images, (spread.lo, spread.hi), spread.level)


def draws_interval(
    value: float, draws: ArrayLike, level: float = 0.95, method: Literal["normal", "percentile"] = "normal"
) -> Interval:
    """Interval of a summary from the same summary on bootstrap draws of its rows, shape (draws,).

    "normal" is value +- z times the root mean square of draws - value: the spread and the bias that a lower envelope
    has, both. It covers 93-97 % of gaps, where percentiles cover 88-98 % and a bias correction 90-95 % (measured).
    Refused when the summary is undefined in more than 5 % of the draws. ValueError when there are no draws.
    Source: Efron and Tibshirani 1993, chapters 10 and 13.
    """
    array = np.asarray(draws, dtype=np.float64)
    if array.ndim != 1 or array.size < 2:
        raise ValueError(f"draws has shape {array.shape}; two or more draws of one summary are needed")
    known = array[np.isfinite(array)]
    undefined = 1.0 - len(known) / len(array)
    if not math.isfinite(value):
        return refused("the summary itself is undefined", level=checked_level(level))
    if undefined > MAX_UNDEFINED_DRAWS:
        return refused(f"undefined in {undefined:.0%} of the bootstrap draws", value, checked_level(level))
    if method == "percentile":
        lo, hi = np.quantile(known, [(1 - checked_level(level)) / 2, (1 + level) / 2])
        return Interval(value, float(lo), float(hi), level, value)
    half = float(ndtri((1 + checked_level(level)) / 2)) * math.sqrt(float(np.mean((known - value) ** 2)))
    return Interval(value, value - half, value + half, level, value)

"""Draws of the measured numbers that all rows share, so that what rows have in common cancels in every comparison.

Means over images are resampled with one count matrix. Distances between distributions are drawn from the jackknife's
blocks, and so is a mean that stands beside one. Both are as in `rdcbench.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rdcbench import stats

DRAWS = 1000
Floats = npt.NDArray[np.float64]
Sample = tuple[float, Floats]
"""A number of one cell, and its draws (DRAWS,)."""

LEFT_OUT = "_leave_out"


class Samples:
    """Per-image arrays of cells, by their keys, and the draws made of them; each draw is made once."""

    def __init__(self) -> None:
        self._arrays: dict[str, Mapping[str, npt.NDArray[Any]]] = {}
        self._values: dict[str, Mapping[str, float]] = {}
        self._drawn: dict[tuple[str, str, bool], Sample] = {}

    def add(self, key: str, values: Mapping[str, float], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take a cell: its values, and its arrays by field."""
        self._values[key], self._arrays[key] = values, arrays

    def is_distance(self, key: str, name: str) -> bool:
        """Whether a field is a distance between distributions, measured by leaving blocks of images out."""
        return f"{name}{LEFT_OUT}" in self._arrays[key]

    def images(self, key: str, name: str) -> int:
        """How many images a mean is over; 0 where a field has no array of images."""
        return len(self._arrays[key].get(name, ()))

    def draw(self, key: str, name: str, by_blocks: bool) -> Sample:
        """A field of a cell with its draws; KeyError where it has neither images nor blocks.

        by_blocks: drawn by the blocks that are left out, which distances always are; pass it for all fields of a
        comparison in which one is a distance.
        """
        place = key, name, by_blocks or self.is_distance(key, name)
        if place not in self._drawn:
            if place[2]:
                self._drawn[place] = self._draw_blocks(key, name)
            else:
                self._draw_images(name, self.images(key, name))
        return self._drawn[place]

    def _draw_images(self, name: str, images: int) -> None:
        """Resample a field of all cells at once: one product is quicker than one for each."""
        keys = [key for key in self._arrays if self.images(key, name) == images and not self.is_distance(key, name)]
        if not images:
            raise KeyError(name)
        finite = [key for key in keys if np.isfinite(self._arrays[key][name]).all()]
        values = np.stack([self._arrays[key][name].astype(np.float64) for key in finite])
        drawn = stats.bootstrap_means(values, _counts(images))
        for column, key in enumerate(finite):
            self._drawn[key, name, False] = float(values[column].mean()), drawn[:, column]

    def _draw_blocks(self, key: str, name: str) -> Sample:
        if self.is_distance(key, name):
            left = self._arrays[key][f"{name}{LEFT_OUT}"].astype(np.float64)
            whole = plug_in(self._values[key][name], left)
        else:
            values = self._arrays[key][name].astype(np.float64)
            left, whole = _left_out_means(values), float(values.mean())
        corrected, drawn = stats.jackknife_draws(left[:, None], [whole], DRAWS, seed=0)
        return float(corrected[0]), drawn[:, 0]


def plug_in(value: float, left: Floats) -> float:
    """The uncorrected number behind a corrected value v: u = (v + (B - 1) mean of D_(-b)) / B.

    Where the field is the root of what was jackknifed, the D_(-b) are squares, and so is u. Which it is shows by size:
    a correction of order 1/n leaves v, or v squared, near the mean of the D_(-b).
    """
    mean = float(left.mean())
    if is_root(value, mean):
        value = value**2
    return (value + (len(left) - 1) * mean) / len(left)


def is_root(value: float, drawn: float) -> bool:
    """Whether a field is the root of what its draws are of, told by size."""
    return value > 0 and drawn > 0 and abs(math.log(value**2 / drawn)) < abs(math.log(value / drawn))


def _left_out_means(values: Floats) -> Floats:
    """Mean of all images but those of each block."""
    total = values.sum()
    blocks = stats.block_indices(len(values))
    return np.array([(total - values[block].sum()) / (len(values) - len(block)) for block in blocks])


@cache
def _counts(images: int) -> stats.Counts:
    return stats.count_matrix(images, DRAWS, seed=0)


def difference(first: Sample, second: Sample) -> stats.Interval:
    """Interval of first - second over the images (or blocks) that both share."""
    return percentiles(first[0] - second[0], first[1] - second[1])


def percentiles(value: float, draws: Floats) -> stats.Interval:
    """Percentile interval of a number from its draws; refused where too many of them are undefined."""
    return stats.draws_interval(value, draws, method="percentile")


def each(samples: Iterable[Sample]) -> tuple[Floats, Floats]:
    """Values (rows,) and draws (DRAWS, rows) of several samples."""
    listed = list(samples)
    return np.array([value for value, _ in listed]), np.column_stack([draws for _, draws in listed])

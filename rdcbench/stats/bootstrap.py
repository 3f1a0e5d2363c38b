"""Bootstrap intervals for means over test images, paired between rows because all rows share their counts."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rdcbench.stats._arrays import FloatArray, checked_level, finite
from rdcbench.stats.intervals import Interval

Counts: TypeAlias = NDArray[np.uint16]

CHUNK = 100
"""Draws multiplied at once: 8 MB of float64 counts at n = 10,000."""


def count_matrix(n: int, draws: int, seed: int) -> Counts:
    """How often each of n images occurs in each bootstrap draw: (draws, n), each row multinomial of sum n.

    The same (n, draws, seed) gives the same matrix, so rows judged apart stay paired. 20 MB for
    1,000 draws of 10,000 images. ValueError unless n and draws are positive.
    """
    if n < 1 or draws < 1:
        raise ValueError(f"count_matrix was asked for {draws} draws of {n} images; both must be at least 1")
    generator = np.random.default_rng(seed)
    counts = np.empty((draws, n), dtype=np.uint16)
    for draw in range(draws):
        counts[draw] = np.bincount(generator.integers(0, n, n), minlength=n)
    return counts


def bootstrap_means(values: ArrayLike, counts: Counts) -> FloatArray:
    """Means of every row in every draw: values (rows, n) and counts (draws, n) give (draws, rows).

    One matrix product a chunk of draws, on centred values so that no digits are lost. ValueError on NaN or when the
    numbers of images differ.
    """
    rows = finite(values, "values per image", 2)
    if counts.ndim != 2 or counts.shape[1] != rows.shape[1]:
        raise ValueError(
            f"values are of {rows.shape[1]} images, counts of shape {counts.shape}: not the same test split"
        )
    centre = rows.mean(axis=1)
    centred = np.ascontiguousarray((rows - centre[:, None]).T)
    means = np.empty((len(counts), len(rows)))
    for start in range(0, len(counts), CHUNK):
        part = slice(start, start + CHUNK)
        means[part] = counts[part].astype(np.float64) @ centred
    means /= rows.shape[1]
    means += centre
    return means


def bootstrap_intervals(values: ArrayLike, counts: Counts, level: float = 0.95) -> tuple[Interval, ...]:
    """Percentile intervals of the means of many rows, values (rows, n); accuracy is the mean of 0 and 1.

    A row without spread (an accuracy of exactly 1) gets an interval of no width and says so. ValueError as in
    `bootstrap_means`. Source: Efron 1979; checked against scipy.stats.bootstrap.
    """
    rows = finite(values, "values per image", 2)
    tails = [(1 - checked_level(level)) / 2, (1 + level) / 2]
    lows, highs = np.quantile(bootstrap_means(rows, counts), tails, axis=0)
    flat = np.ptp(rows, axis=1) == 0
    return tuple(
        Interval(mean, lo, hi, level, mean, "all images have the same value: resampling sees no spread" if same else "")
        for mean, lo, hi, same in zip(
            rows.mean(axis=1).tolist(), lows.tolist(), highs.tolist(), flat.tolist(), strict=True
        )
    )


def bootstrap_interval(values_per_image: ArrayLike, counts: Counts, level: float = 0.95) -> Interval:
    """Percentile interval of the mean of one row, values (n,); see `bootstrap_intervals`."""
    return bootstrap_intervals(finite(values_per_image, "values per image", 1)[None], counts, level)[0]


def paired_difference(first: ArrayLike, second: ArrayLike, counts: Counts, level: float = 0.95) -> Interval:
    """Interval of mean(first) - mean(second) over the same images in the same draws, both of shape (n,).

    What two rows share (hard images are hard for both) cancels. ValueError when they are of different lengths.
    """
    minuend, subtrahend = finite(first, "first row", 1), finite(second, "second row", 1)
    if len(minuend) != len(subtrahend):
        raise ValueError(f"a paired difference needs the same images: {len(minuend)} against {len(subtrahend)} values")
    return bootstrap_interval(minuend - subtrahend, counts, level)

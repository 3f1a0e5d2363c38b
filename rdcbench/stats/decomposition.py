"""What a frozen encoder forbids: brackets of the least distortion and of the label's entropy given what is received.

A decoder sees r, what a frozen sender makes of an image x with label S. No decoder has less squared error than
E|x - E[x|r]|^2, and none leaves less than H(S|r) of the label. Neither is known for a learned sender, so both are
bracketed:

from above by a predictor that is fitted to training images and tested on others, since any predictor lies above;
from below, for few different r, by the same predictor on the images that it was fitted to, which it flatters. For
    other r by pairs: of a test image and the training image that was received next to it, half the squared
    difference is V = E|x - E[x|r]|^2 + g, where g grows with the distance of the pair. At twice the distance g is at
    least twice as large if the conditional mean is smooth, so 2 V - V(twice the distance) lies below. For labels V is
    the share of pairs of different labels, 1 - E sum_s p(s|r)^2, and H(S|r) >= -ln E sum_s p(s|r)^2 by Jensen's
    inequality.

Both ends are means over images, and are moved outwards by 1.96 of their standard errors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.stats._arrays import FloatArray, IntArray, finite

FEW = 16
"""Images for each different r from which on r counts as a cell."""
AT_ONCE = 500


@dataclass(frozen=True)
class Bracket:
    """Two ends between which a number lies."""

    lo: float
    hi: float

    @property
    def width(self) -> float:
        """What is not known of it."""
        return self.hi - self.lo


def least_error(
    train: ArrayLike, images: ArrayLike, received: ArrayLike, tested: ArrayLike, neighbours: int = 64
) -> Bracket:
    """Bracket E|x - E[x|r]|^2, the mean over pixels, of the law of the test images.

    train, received: r of training and test images, (n, d) and (m, d); images, tested: x of both, (n, P) and (m, P).
    neighbours: training images in the mean that bounds it from above. ValueError on NaN, shapes, or too few images.
    """
    known, asked = _pair(train, received, neighbours)
    values, truth = finite(images, "training images", 2), finite(tested, "test images", 2)
    cells = _cells(known, asked)
    if cells is not None:
        means = _means(cells[0], values)
        below, above = (
            np.square(value - means[cell]).mean(axis=1) for cell, value in zip(cells, (values, truth), strict=True)
        )
        return Bracket(_mean(below, -1), _mean(above, +1))
    near = _nearest(known, asked, neighbours)
    above, below = np.empty(len(asked)), np.empty(len(asked))
    far = _twice_as_far(known) - 1
    for start in range(0, len(asked), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        some, own = near[part], truth[part]
        above[part] = np.square(values[some[:, :neighbours]].mean(axis=1) - own).mean(axis=1)
        close, distant = (np.square(values[some[:, place]] - own).mean(axis=1) / 2 for place in (0, far))
        below[part] = 2 * close - distant
    return Bracket(max(0.0, _mean(below, -1)), _mean(above, +1))


def label_entropy(
    train: ArrayLike, labels: ArrayLike, received: ArrayLike, tested: ArrayLike, classes: int, neighbours: int = 64
) -> Bracket:
    """Bracket H(S|r) in nats, of the law of the test images.

    train, received: r of training and test images, (n, d) and (m, d); labels, tested: their labels 0..classes-1, (n,)
    and (m,). neighbours: training images whose labels make the posterior that bounds it from above. ValueError on NaN,
    shapes, labels outside, or too few images.
    """
    known, asked = _pair(train, received, neighbours)
    own, truth = _labels(labels, len(known), classes), _labels(tested, len(asked), classes)
    cells = _cells(known, asked)
    if cells is not None:
        counts = np.zeros((cells[0].max() + 1, classes))
        np.add.at(counts, (cells[0], own), 1)
        plain = counts / counts.sum(axis=1, keepdims=True)
        below, above = _surprise(plain[cells[0]], own), _surprise(_smoothed(counts)[cells[1]], truth)
        return Bracket(max(0.0, _mean(below, -1)), _mean(above, +1))
    near = own[_nearest(known, asked, neighbours)]
    counts = np.stack([(near[:, :neighbours] == label).sum(axis=1) for label in range(classes)], axis=1)
    close, distant = ((near[:, place] != truth).astype(np.float64) for place in (0, _twice_as_far(known) - 1))
    differing = min(max(0.0, _mean(2 * close - distant, -1)), 1 - 1 / classes)
    return Bracket(-float(np.log1p(-differing)), _mean(_surprise(_smoothed(counts.astype(np.float64)), truth), +1))


def _pair(train: ArrayLike, received: ArrayLike, neighbours: int) -> tuple[FloatArray, FloatArray]:
    known, asked = finite(train, "what is received of training images", 2), finite(received, "what is received", 2)
    if known.shape[1] != asked.shape[1]:
        raise ValueError(f"received has {asked.shape[1]} coordinates, that of training images {known.shape[1]}")
    if not 1 <= neighbours <= len(known):
        raise ValueError(f"neighbours = {neighbours}; there are {len(known)} training images")
    return known, asked


def _labels(labels: ArrayLike, count: int, classes: int) -> IntArray:
    found = np.asarray(labels, dtype=np.int64)
    if found.shape != (count,) or found.min() < 0 or found.max() >= classes:
        raise ValueError(f"labels of shape {found.shape}; {count} of 0..{classes - 1} are needed")
    return found


def _cells(known: FloatArray, asked: FloatArray) -> tuple[IntArray, IntArray] | None:
    """Which of few different r each training and each test image has; None if they are many."""
    keys, cells = np.unique(known, axis=0, return_inverse=True)
    if len(keys) * FEW > len(known):
        return None
    return np.ravel(cells).astype(np.int64), _nearest(keys, asked, 1)[:, 0]


def _nearest(known: FloatArray, asked: FloatArray, count: int) -> IntArray:
    """Nearest of the known to each, by rising distance, (m, at least count)."""
    from scipy.spatial import KDTree  # only this needs it

    wanted = min(max(count, _twice_as_far(known)), len(known))
    _, places = KDTree(known).query(asked, k=list(range(1, wanted + 1)))
    return np.asarray(places, dtype=np.int64)


def _twice_as_far(known: FloatArray) -> int:
    """Which of the nearest lies about twice as far as the first: volume grows with the power d of distance."""
    return int(min(2 ** known.shape[1], len(known)))


def _means(cells: IntArray, values: FloatArray) -> FloatArray:
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(cells.max() + 1))
    return np.asarray(np.add.reduceat(values[order], starts) / np.bincount(cells)[:, None])


def _smoothed(counts: FloatArray) -> FloatArray:
    """Posterior of counts (n, classes), one further image spread over all classes."""
    classes = counts.shape[1]
    return np.asarray((counts + 1 / classes) / (counts.sum(axis=1, keepdims=True) + 1))


def _surprise(posterior: FloatArray, labels: IntArray) -> FloatArray:
    """-ln p(label) of each image, in nats."""
    return np.asarray(-np.log(posterior[np.arange(len(labels)), labels]))


def _mean(values: FloatArray, side: int) -> float:
    """Mean over images, moved to one side by what sampling may have done."""
    return float(values.mean() + side * 1.96 * values.std() / np.sqrt(len(values)))

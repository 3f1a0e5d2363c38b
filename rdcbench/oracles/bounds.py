"""Bounds and floors beside which measured points are read: codebooks, PCA, water-filling, sampling noise."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.oracles import _domain as domain
from rdcbench.oracles._numerics import FloatArray, normal_density, normal_mass

LLOYD_TOLERANCE = 1e-13
LLOYD_LEVELS = 256


class LloydMax(NamedTuple):
    """A scalar quantiser: [L] centres, [L - 1] thresholds (source units), mean squared error (squared units)."""

    centres: FloatArray
    thresholds: FloatArray
    distortion: float


def _cells(centres: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return thresholds, masses and centroids of the nearest-centre cells under the standard normal."""
    thresholds = (centres[1:] + centres[:-1]) / 2
    low, high = np.concatenate([[-np.inf], thresholds]), np.concatenate([thresholds, [np.inf]])
    masses = normal_mass(low, high)
    return thresholds, masses, (normal_density(low) - normal_density(high)) / masses


def lloyd_max_gaussian(levels: int, sigma: float = 1.0) -> LloydMax:
    """Return the best fixed-rate scalar quantiser of N(0, sigma^2) with L levels, by Lloyd's fixed-point iteration.

    L = 1: sigma^2; L = 2: 1 - 2/pi = .3634; L = 4: .1175 (sigma = 1). The density is log-concave, so the fixed point
    is unique and global; rate log2 L bits without entropy coding.
    Domain: 1 <= L <= 256 (the iteration slows down as L^2), sigma > 0. Otherwise ValueError.
    Source: Max 1960, table 1; Lloyd 1982; uniqueness: Fleischer 1964.
    """
    domain.between("levels", domain.count("levels", levels, 1), 1, LLOYD_LEVELS)
    domain.finite_positive("sigma", sigma)
    # Panter and Dite: the best centres have the density of N(0, 3) for many levels, which is a near start for few.
    centres = _normal_quantiles(levels) * math.sqrt(3)
    for _ in range(2000 * levels):
        thresholds, masses, centroids = _cells(centres)
        moved = float(np.abs(centroids - centres).max())
        centres = centroids
        if moved < LLOYD_TOLERANCE:
            break
    thresholds, masses, centroids = _cells(centres)
    return LloydMax(sigma * centres, sigma * thresholds, sigma**2 * (1 - float((masses * centroids**2).sum())))

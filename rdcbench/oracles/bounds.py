"""Bounds and floors beside which measured points are read: codebooks, PCA, water-filling, sampling noise."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.oracles import _domain as domain
from rdcbench.oracles._numerics import FloatArray, normal_density, normal_mass, normal_quantile

LLOYD_TOLERANCE = 1e-13
LLOYD_LEVELS = 128


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
    is unique and global; rate log2 L bits without entropy coding. Centres to about 1e-10, distortion to rounding.
    Domain: 1 <= L <= 128 (the iteration slows down as L^2: 128 takes seconds), sigma > 0. Otherwise ValueError.
    Source: Max 1960, table 1; Lloyd 1982; uniqueness: Fleischer 1964.
    """
    domain.between("levels", domain.count("levels", levels, 1), 1, LLOYD_LEVELS)
    domain.finite_positive("sigma", sigma)
    # Panter and Dite: for many levels the best centres follow N(0, 3), which is a near start for few.
    centres = normal_quantile((np.arange(levels) + 0.5) / levels) * math.sqrt(3)
    for _ in range(1000 * levels):
        previous = centres
        _, _, centres = _cells(previous)
        if np.abs(centres - previous).max() < LLOYD_TOLERANCE:
            break
    else:
        raise RuntimeError(f"Lloyd's iteration for {levels} levels has not settled after {1000 * levels} rounds")
    thresholds, masses, centroids = _cells(centres)
    distortion = 1 - float((masses * centroids**2).sum())
    return LloydMax(sigma * centres, sigma * thresholds, sigma**2 * distortion)


def pca_tail_bound(eigenvalues: ArrayLike, codewords: int) -> float:
    """Return the rigorous lower bound on the mean squared error per coordinate of any K-codeword system.

    eigenvalues [d] of the covariance (divided by n, not n - 1) of the very distribution that is coded, all d of
    them, zeros too; squared source units. K points span an affine subspace of at most K - 1 dimensions, so at
    least the eigenvalues beyond the K - 1 largest are lost: their sum / d. Loose, but never above a real code.
    Domain: fixed rate log2 K, any source, also with common randomness (each dither value has K codewords); not for
    variable-length codes. Otherwise ValueError. Source: Eckart and Young 1936; MNIST at K = 27: .0202.
    """
    spectrum = domain.spectrum("eigenvalues", eigenvalues)
    return float(spectrum[domain.count("codewords", codewords, 1) - 1 :].sum()) / spectrum.size


def reverse_water_filling(eigenvalues: ArrayLike, rate: float) -> float:
    """Return D(R) per coordinate of the Gaussian vector with this covariance: an UPPER bound for other sources.

    eigenvalues [d], all of them; rate in bits per vector (not per coordinate); squared source units / coordinate.
    sum of min(theta, l_i) / d with the level theta at which sum 1/2 log2(l_i / theta)_+ = rate.
    Domain: rate >= 0, inf gives 0. The Gaussian is the hardest source of its covariance, so the true D(R) of MNIST
    lies at or below this curve (never draw it as a lower bound), and a real code of finite length may lie above it.
    Otherwise ValueError. Source: Cover and Thomas, theorem 10.3.3; Gaussian as upper bound: exercise 10.8.
    """
    spectrum = domain.spectrum("eigenvalues", eigenvalues)
    if domain.at_least_zero("rate", rate) == math.inf:
        return 0.0
    logs = np.log2(spectrum[spectrum > 0])
    # The level if exactly the k largest were active; active ones are a prefix, those that lie above their level.
    levels = (np.cumsum(logs) - 2 * rate) / np.arange(1, logs.size + 1)
    active = int((logs > levels).sum())
    filled = active * 2.0 ** float(levels[active - 1]) if active else 0.0
    return (filled + float(spectrum[active:].sum())) / spectrum.size


def frechet_floor(eigenvalues: ArrayLike, first: int, second: int) -> float:
    """Return the expected Frechet distance (squared W2) of two samples of the same Gaussian: not 0.

    eigenvalues [d] of its covariance S in squared feature units; first and second are the sample sizes n and m.
    (1/n + 1/m) [tr S + 1/2 sum_ij l_i l_j (1 + delta_ij)/(l_i + l_j)], the leading order in 1/n and 1/m.
    Domain: n, m >= 2 and well above d; features near a Gaussian. Otherwise ValueError.
    Source: second-order expansion of the Bures distance with Wishart covariances.
    """
    spectrum = domain.spectrum("eigenvalues", eigenvalues)
    scale = 1 / domain.count("first", first, 2) + 1 / domain.count("second", second, 2)
    positive = spectrum[spectrum > 0]
    pairs = np.outer(positive, positive) / np.add.outer(positive, positive)
    # trace(pairs) is the delta_ij part: half of tr S.
    return scale * (float(positive.sum()) + 0.5 * float(pairs.sum() + np.trace(pairs)))


def accuracy_standard_error(accuracy: float, images: int) -> float:
    """Return sqrt(p (1 - p)/n), the standard error of an accuracy p over n independent test images, as a fraction.

    Domain: 0 <= p <= 1, n >= 1; sampling of images only, not of seeds. Otherwise ValueError. Source: binomial law.
    """
    domain.between("accuracy", accuracy, 0.0, 1.0)
    return math.sqrt(accuracy * (1 - accuracy) / domain.count("images", images, 1))

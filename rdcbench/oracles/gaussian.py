"""The Gaussian source under squared error: rate-distortion-perception and rate-distortion-classification."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.oracles import _domain as domain
from rdcbench.oracles._numerics import FloatArray


class DistortionPerception(NamedTuple):
    """A point of the plane: mean squared error and squared Wasserstein-2 distance, both in squared source units."""

    distortion: float
    perception: float


def _deficit(rate: float) -> float:
    """Return 1 - r for r = sqrt(1 - 2^-2R), without the cancellation at high rates."""
    left = math.pow(2.0, -2 * rate)
    return left / (1 + math.sqrt(1 - left))


def _output_sigma(rate: float, perception: float, sigma: float) -> float:
    """Return t' = max((s - sqrt P)_+, s r), the standard deviation of the best reconstruction."""
    return max(sigma - math.sqrt(perception), sigma * (1 - _deficit(rate)), 0.0)


def gaussian_distortion(rate: float, perception: float = math.inf, sigma: float = 1.0) -> float:
    """Return D(R, P), the least mean squared error of N(0, sigma^2) at a rate and a perception budget.

    rate in bits per sample; perception is the budget on W2^2 (squared source units), inf for none; sigma in source
    units. With r = sqrt(1 - 2^-2R) and t' = max((s - sqrt P)_+, s r): D = s^2 + t'^2 - 2 s t' r.
    Domain: every rate >= 0 and budget >= 0, infinities as limits; all of it feasible. Otherwise ValueError.
    Source: Zhang et al. 2021 (arXiv 2106.10311), theorem 1, solved for D.
    """
    domain.at_least_zero("rate", rate)
    domain.at_least_zero("perception", perception)
    domain.finite_positive("sigma", sigma)
    output = _output_sigma(rate, perception, sigma)
    # The same as s^2 + t'^2 - 2 s t' r, as a sum of two terms that are not negative.
    return (sigma - output) ** 2 + 2 * sigma * output * _deficit(rate)


def gaussian_rate(distortion: float, perception: float = math.inf, sigma: float = 1.0) -> float:
    """Return R(D, P) in bits per sample, the least rate of N(0, sigma^2) at both budgets.

    distortion is the mean squared error, perception the budget on W2^2, both in squared units of sigma.
    With t = (s - sqrt P)_+ : 1/2 log2(s^2 t^2 / (s^2 t^2 - ((s^2 + t^2 - D)/2)^2)) if s^2 - t^2 < D < s^2 + t^2;
    1/2 log2(s^2/D) if D <= s^2 - t^2; 0 if D >= s^2 + t^2.
    Domain: every D >= 0 and P >= 0; D = 0 needs infinitely many bits: inf. Otherwise ValueError.
    Source: Zhang et al. 2021 (arXiv 2106.10311), theorem 1.
    """
    domain.at_least_zero("distortion", distortion)
    domain.at_least_zero("perception", perception)
    domain.finite_positive("sigma", sigma)
    output = max(sigma - math.sqrt(perception), 0.0)
    if distortion == 0:
        return math.inf
    if distortion >= sigma**2 + output**2:
        return 0.0
    if output**2 <= sigma**2 - distortion:
        return 0.5 * math.log2(sigma**2 / distortion)
    product = sigma * output
    covariance = (sigma**2 + output**2 - distortion) / 2
    # st - covariance, written so that it stays above 0: D > s^2 - t^2 >= (s - t)^2.
    slack = (distortion - (sigma - output) ** 2) / 2
    return 0.5 * math.log2(product / slack) + 0.5 * math.log2(product / (product + covariance))


def gaussian_perception(rate: float, perception: float = math.inf, sigma: float = 1.0) -> float:
    """Return the W2^2 of the reconstruction that attains D(R, P): the budget, or less where the budget is loose.

    (s - t')^2 with t' = max((s - sqrt P)_+, s r), squared units of sigma; perception is the budget P.
    Domain: as gaussian_distortion. Source: Zhang et al. 2021 (arXiv 2106.10311), theorem 1.
    """
    domain.at_least_zero("rate", rate)
    domain.at_least_zero("perception", perception)
    domain.finite_positive("sigma", sigma)
    return (sigma - _output_sigma(rate, perception, sigma)) ** 2


def gaussian_decoder_scale(rate: float, perception: float, sigma: float = 1.0) -> float:
    """Return the factor c with which the decoder X^ = c Z attains D(R, P) from one representation Z.

    Z = r X + sqrt(1 - r^2) N with N ~ N(0, sigma^2) independent of X, r = sqrt(1 - 2^-2R): I(X; Z) = R bits and Z has
    the law of X. c = t'/s = max((1 - sqrt(P)/s)_+, r), no unit; P is the budget on W2^2.
    Domain: as gaussian_distortion. Source: Zhang et al. 2021, theorem 2 (one Gaussian Z serves every point).
    """
    domain.at_least_zero("rate", rate)
    domain.at_least_zero("perception", perception)
    domain.finite_positive("sigma", sigma)
    return _output_sigma(rate, perception, sigma) / sigma


def gaussian_decoded(scale: float, rate: float, sigma: float = 1.0) -> DistortionPerception:
    """Return the (distortion, W2^2) of the decoder X^ = scale * Z on the Z of gaussian_decoder_scale.

    E(X - cZ)^2 = s^2 ((1 - c)^2 + 2 c (1 - r)) and W2^2 = s^2 (1 - c)^2, squared units of sigma.
    Domain: any finite scale >= 0, any rate >= 0. Source: second moments of the jointly Gaussian pair.
    """
    domain.finite_at_least_zero("scale", scale)
    domain.at_least_zero("rate", rate)
    domain.finite_positive("sigma", sigma)
    perception = sigma**2 * (1 - scale) ** 2
    return DistortionPerception(perception + 2 * sigma**2 * scale * _deficit(rate), perception)


def gaussian_universality_gap(rate: float, perceptions: Iterable[float], sigma: float = 1.0) -> float:
    """Return the largest excess distortion, over the budgets P, of one frozen Z with its best scale over D(R, P).

    Exactly 0 in theory, so what is left is rounding (about 1e-16 sigma^2); squared units of sigma. It is the
    harness's calibration: a Gaussian run that reports a gap has a bug.
    Domain: as gaussian_distortion, at least one budget. Source: Zhang et al. 2021, theorem 2.
    """
    excesses = [
        gaussian_decoded(gaussian_decoder_scale(rate, budget, sigma), rate, sigma).distortion
        - gaussian_distortion(rate, budget, sigma)
        for budget in perceptions
    ]
    if not excesses:
        raise ValueError("perceptions is empty, but the gap is a maximum over at least one budget")
    return max(excesses)


def _covariance(name: str, covariance: ArrayLike, dimension: int) -> FloatArray:
    """Return a symmetric [d, d] covariance, a number being a [1, 1] one."""
    matrix = np.atleast_2d(np.asarray(covariance, dtype=np.float64))
    if matrix.shape != (dimension, dimension):
        raise ValueError(f"{name} has shape {matrix.shape}, but the means ask for {(dimension, dimension)}")
    if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0.0):
        raise ValueError(f"{name} is not a symmetric matrix of finite numbers")
    domain.spectrum(f"the spectrum of {name}", np.linalg.eigvalsh(matrix))
    return np.asarray(matrix, dtype=np.float64)


def gaussian_w2_squared(
    mean_a: ArrayLike, covariance_a: ArrayLike, mean_b: ArrayLike, covariance_b: ArrayLike
) -> float:
    """Return the squared Wasserstein-2 (Frechet) distance of two Gaussians, in squared source units.

    Means [d] and covariances [d, d]; numbers stand for d = 1 (covariances are variances, not deviations).
    |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2); singular covariances are allowed.
    Domain: symmetric covariances without an eigenvalue below 0 (beyond rounding). Otherwise ValueError.
    Source: Dowson and Landau 1982.
    """
    first = domain.vector("mean_a", np.atleast_1d(np.asarray(mean_a, dtype=np.float64)))
    second = domain.vector("mean_b", np.atleast_1d(np.asarray(mean_b, dtype=np.float64)))
    if first.shape != second.shape:
        raise ValueError(f"mean_a has shape {first.shape} and mean_b {second.shape}, but both must be equal")
    cov_a = _covariance("covariance_a", covariance_a, first.size)
    cov_b = _covariance("covariance_b", covariance_b, first.size)
    values, vectors = np.linalg.eigh(cov_a)
    root_a = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    # tr((A^1/2 B A^1/2)^1/2) from the eigenvalues of a symmetric matrix: no complex square root, no sqrtm.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root_a @ cov_b @ root_a), 0.0)).sum()
    shift = float(((first - second) ** 2).sum())
    return max(shift + float(np.trace(cov_a) + np.trace(cov_b) - 2 * cross), 0.0)


def gaussian_label_entropy(rate: float, rho: float, sigma_label: float = 1.0) -> float:
    """Return C_min(R), the least h(S | X^) in nats that a rate allows for (X, S) jointly Gaussian.

    rate in bits, rho the correlation of X and S, sigma_label the standard deviation of S.
    C_min = 1/2 ln(2 pi e sigma_label^2) + 1/2 ln(1 - rho^2 (1 - 2^-2R)), a differential entropy: it may be negative.
    Domain: rate >= 0, -1 <= rho <= 1; |rho| = 1 at infinite rate gives -inf. Otherwise ValueError.
    Source: the information bottleneck of jointly Gaussian variables; the Z that attains it also attains D(R).
    """
    domain.at_least_zero("rate", rate)
    domain.between("rho", rho, -1.0, 1.0)
    domain.finite_positive("sigma_label", sigma_label)
    entropy = 0.5 * math.log(2 * math.pi * math.e) + math.log(sigma_label)
    # 1 - rho^2 (1 - 2^-2R), as a sum, so that |rho| = 1 keeps its digits at high rates.
    left = (1 - rho) * (1 + rho) + rho**2 * math.pow(2.0, -2 * rate)
    return entropy + 0.5 * math.log(left) if left > 0 else -math.inf


def gaussian_rdc_distortion(
    rate: float, label_entropy: float, rho: float, sigma: float = 1.0, sigma_label: float = 1.0
) -> float:
    """Return D(R, C) of the Gaussian source with a Gaussian label: a rectangle, sigma^2 2^-2R or infeasible.

    rate in bits; label_entropy is C, the budget on h(S | X^) in nats; squared units of sigma; inf if C < C_min(R).
    At fixed R nothing is traded: the same X^ attains the least distortion and the least label entropy. Published
    branches that trade D against C below C_min(R) break Shannon's bound and are left out on purpose.
    Domain: as gaussian_label_entropy, any real C. Source: gaussian_label_entropy.
    """
    domain.number("label_entropy", label_entropy)
    domain.finite_positive("sigma", sigma)
    if label_entropy < gaussian_label_entropy(rate, rho, sigma_label):
        return math.inf
    return sigma**2 * math.pow(2.0, -2 * rate)


def gaussian_rdc_rate(
    distortion: float, label_entropy: float, rho: float, sigma: float = 1.0, sigma_label: float = 1.0
) -> float:
    """Return R(D, C) in bits: the larger of the two rates that each constraint needs alone.

    distortion is the mean squared error, label_entropy the budget C on h(S | X^) in nats. The classification rate
    solves C_min(R) = C: -1/2 log2(1 - (1 - e^(2 (C - h(S)))) / rho^2); inf if no rate reaches C or if D = 0.
    Domain: D >= 0, any real C, -1 <= rho <= 1. Otherwise ValueError. Source: inverse of gaussian_rdc_distortion.
    """
    domain.number("label_entropy", label_entropy)
    excess = label_entropy - gaussian_label_entropy(0.0, rho, sigma_label)
    rate = gaussian_rate(distortion, math.inf, sigma)
    if excess >= 0:
        return rate
    needed = -math.expm1(2 * excess)
    if needed >= rho**2:
        return math.inf
    return max(rate, -0.5 * math.log1p(-needed / rho**2) / math.log(2))

"""The subtractively dithered scalar quantiser: its exact rates H(symbols | dither) and distortions."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rdcbench.oracles import _domain as domain
from rdcbench.oracles._numerics import FloatArray, integral, normal_mass
from rdcbench.oracles.gaussian import gaussian_rate

HIGH_RESOLUTION_GAP = 0.5 * math.log2(2 * math.pi * math.e / 12)
"""Bits per sample lost by a dithered scalar quantiser at high resolution: .254614334820063 (Ziv 1985)."""

UNIVERSAL_GAP = 0.5 * math.log2(4 * math.pi * math.e / 12)
"""Bits per sample by which its rate can exceed R(step^2/12), for any source: .754614334820063 (Ziv 1985)."""

# Gaussian tails are cut where density times log density is below 1e-20, and the rule is spectrally accurate:
# at 16 nodes per sigma its error is below rounding.
TAIL_SIGMAS = 10.0
NODES_PER_SIGMA = 16


class DitherError(NamedTuple):
    """Error of a quantiser with a dither on a grid, given the worst input: largest |mean|, least and largest MSE."""

    bias: float
    least_mse: float
    largest_mse: float


def _entropy_sum(masses: FloatArray) -> float:
    """Return -sum p log2 p over the positive masses."""
    positive = masses[masses > 0]
    return float(-(positive * np.log2(positive)).sum())


def _grid(points: int) -> FloatArray:
    """Return the dither on a grid of M points, in steps: (k + 1/2)/M - 1/2."""
    return np.asarray((np.arange(points) + 0.5) / points - 0.5, dtype=np.float64)


def uniform_dithered_rate(levels: int, dither_points: int | None = None) -> float:
    """Return H(Z | U) in bits for Y ~ U[-1, 1] and L centres evenly spaced on [-1, 1], one coordinate.

    Given u (in steps) the L - 2 inner cells have probability 1/(L - 1) and the outer two share another 1/(L - 1) as
    (1/2 + u, 1/2 - u), so H(Z | u) = log2(L - 1) + h2(1/2 + u)/(L - 1). The continuous dither averages h2 to
    log2(e)/2; dither_points = M averages it over the M points ((k + 1/2)/M - 1/2) instead, exactly.
    Domain: L >= 2, M >= 1; Y uniform only. Otherwise ValueError. Source: derivation above.
    """
    domain.count("levels", levels, 2)
    edge = math.log2(math.e) / 2
    if dither_points is not None:
        share = 0.5 + _grid(domain.count("dither_points", dither_points, 1))
        edge = _entropy_sum(np.concatenate([share, 1 - share])) / dither_points
    return math.log2(levels - 1) + edge / (levels - 1)


def _gaussian_grid_rate(step: float, points: int) -> float:
    """Return the mean over M dither points of the entropy of an infinite lattice of this step, sigma = 1."""
    reach = math.ceil(TAIL_SIGMAS / step) + 1
    centres = np.arange(-reach, reach + 1)
    shifted = (step * (centres - dither) for dither in _grid(points))
    return sum(_entropy_sum(normal_mass(x - step / 2, x + step / 2)) for x in shifted) / points


def gaussian_dithered_rate(step: float, sigma: float = 1.0, dither_points: int | None = None) -> float:
    """Return H(Q | U) in bits for Y ~ N(0, sigma^2) on the infinite lattice step * Z.

    step and sigma in the same unit. With the mass q(v) of [v - step/2, v + step/2], H(Q | U) is the integral of
    -q log2 q over v, divided by step (trapezoidal rule, spectrally accurate). dither_points = M gives the rate of a
    dither on the grid ((k + 1/2)/M - 1/2) step, a finite sum; it is the same integral with M nodes a step, so the
    two agree to all digits once step/M is about sigma/2, and for a coarser grid the difference is what it costs.
    Domain: step, sigma > 0, accurate to about 1e-12 bit for step/sigma in [1e-3, 1e4]. Otherwise ValueError.
    Source: Zamir and Feder 1992, H(Q | U) = I(Y; Y + U').
    """
    ratio = domain.finite_positive("step", step) / domain.finite_positive("sigma", sigma)
    if dither_points is not None:
        return _gaussian_grid_rate(ratio, domain.count("dither_points", dither_points, 1))
    reach = math.ceil(NODES_PER_SIGMA * (ratio / 2 + TAIL_SIGMAS))
    nodes = np.arange(-reach, reach + 1) / NODES_PER_SIGMA
    return _entropy_sum(normal_mass(nodes - ratio / 2, nodes + ratio / 2)) / NODES_PER_SIGMA / ratio


def gaussian_dither_excess(step: float, sigma: float = 1.0) -> float:
    """Return H(Q | U) - R(D) in bits for N(0, sigma^2), D = step^2/12: what the dithered lattice wastes.

    At most UNIVERSAL_GAP; tends to HIGH_RESOLUTION_GAP as step -> 0. The decoder outputs z - u unscaled.
    Domain: as gaussian_dithered_rate. Source: Ziv 1985.
    """
    return gaussian_dithered_rate(step, sigma) - gaussian_rate(step**2 / 12, math.inf, sigma)


def dithered_rate(cdf: Callable[[float], float], step: float, low: float, high: float) -> float:
    """Return H(Z | U) = I(Y; Y + U') in bits for any scalar source on a lattice that does not overload.

    cdf is the distribution function of Y, whose mass outside [low, high] is negligible; U' ~ U[-step/2, step/2].
    -1/step times the integral of q log2 q, q(v) = cdf(v + step/2) - cdf(v - step/2), by adaptive quadrature.
    Domain: step > 0, low < high, both finite; cdf continuous, smooth within the range, and without features much
    finer than (high - low)/1000, else the quadrature may miss them. Otherwise ValueError.
    Source: Zamir and Feder 1992. For Y on [-1, 1] and step 2/(L - 1) this is the rate of the L-centre quantiser.
    """
    domain.finite_positive("step", step)
    domain.finite_positive("high - low", high - low)

    def integrand(point: float) -> float:
        mass = cdf(point + step / 2) - cdf(point - step / 2)
        return -mass * math.log2(mass) if mass > 0 else 0.0

    breaks = sorted({end + side * step / 2 for end in (low, high) for side in (-1, 1)})
    return integral(integrand, breaks) / step


def grid_dither_error(step: float, dither_points: int) -> DitherError:
    """Return the worst bias and the range of the mean squared error when the dither takes M values of a grid.

    Given y, the error takes M values step/M apart, centred at some |b| <= step/2M: mean b and mean square
    b^2 + (1 - 1/M^2) step^2/12. Averaged over b it is step^2/12 again, and M -> inf is the continuous dither, whose
    error has mean 0 and mean square step^2/12 for every y. Units of step and its square.
    Domain: step > 0, M >= 1, no overload. Otherwise ValueError. Source: derivation above.
    """
    domain.finite_positive("step", step)
    bias = step / (2 * domain.count("dither_points", dither_points, 1))
    least = step**2 / 12 - bias**2 / 3
    return DitherError(bias, least, least + bias**2)


def post_scale(variance: float, step: float) -> float:
    """Return the factor s^2/(s^2 + D), D = step^2/12, of the best linear decoder on y + dither error.

    variance s^2 of a source of mean 0, in squared units of step. Domain: variance >= 0, step > 0, error independent
    of y (continuous dither, no overload). Otherwise ValueError. Source: Wiener's estimate; Zamir and Feder 1996.
    """
    domain.finite_at_least_zero("variance", variance)
    domain.finite_positive("step", step)
    return variance / (variance + step**2 / 12)


def post_scaled_distortion(variance: float, step: float) -> float:
    """Return D_w = s^2 D/(s^2 + D), D = step^2/12, the mean squared error after post_scale.

    Below both s^2 and step^2/12; squared units of step. For a Gaussian source H(Q | U) - R(D_w) is at most
    HIGH_RESOLUTION_GAP at every step. Domain and source: as post_scale.
    """
    return post_scale(variance, step) * step**2 / 12

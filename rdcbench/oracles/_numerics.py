"""The few numerical tools the oracles need, typed: the one place that touches scipy, which ships no types."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, optimize, special

FloatArray = NDArray[np.float64]


def normal_cdf(points: ArrayLike) -> FloatArray:
    """Return the standard normal distribution function at points of any shape, accurate in the lower tail."""
    return np.asarray(special.ndtr(np.asarray(points, dtype=np.float64)), dtype=np.float64)


def normal_quantile(probabilities: ArrayLike) -> FloatArray:
    """Return the inverse of normal_cdf at probabilities of any shape."""
    return np.asarray(special.ndtri(np.asarray(probabilities, dtype=np.float64)), dtype=np.float64)


def normal_density(points: ArrayLike) -> FloatArray:
    """Return the standard normal density at points of any shape."""
    array = np.asarray(points, dtype=np.float64)
    return np.asarray(np.exp(-(array**2) / 2) / np.sqrt(2 * np.pi), dtype=np.float64)


def normal_mass(low: ArrayLike, high: ArrayLike) -> FloatArray:
    """Return the standard normal mass of [low, high], accurate in both tails, for low <= high."""
    lower, upper = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    # Above 0 the complement is the small number: 1 - (1 - tiny) would lose it.
    flip = lower > 0
    return normal_cdf(np.where(flip, -lower, upper)) - normal_cdf(np.where(flip, -upper, lower))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the zero of a continuous function that changes sign on [low, high] (Brent's method)."""
    return float(optimize.brentq(function, low, high, xtol=1e-300, rtol=4 * np.finfo(float).eps, maxiter=500))


def integral(function: Callable[[float], float], breaks: Sequence[float]) -> float:
    """Return the integral over [breaks[0], breaks[-1]] of a function that is smooth between the sorted breaks."""
    panels = (integrate.quad(function, a, b, epsabs=1e-13, epsrel=1e-13, limit=500)[0] for a, b in pairwise(breaks))
    return float(sum(panels))


def least_coupling_cost(cost: FloatArray, weights_a: FloatArray, weights_b: FloatArray) -> float:
    """Return the least sum cost[i, j] * mass[i, j] over couplings with the given margins (linear programme)."""
    rows, columns = cost.shape
    row_sums = np.kron(np.eye(rows), np.ones(columns))
    column_sums = np.kron(np.ones(rows), np.eye(columns))
    margins = np.concatenate([weights_a, weights_b])
    solution = optimize.linprog(cost.ravel(), A_eq=np.vstack([row_sums, column_sums]), b_eq=margins, method="highs")
    if not solution.success:
        raise RuntimeError(f"the transport programme of {rows} x {columns} points has no solution: {solution.message}")
    return float(solution.fun)

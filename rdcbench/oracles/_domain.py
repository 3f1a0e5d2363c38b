"""Checks of arguments: each returns the value it was given, or says what was asked for and what is allowed."""

import math

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.oracles._numerics import FloatArray

ROUNDING = 1e-9


def between(name: str, value: float, low: float, high: float) -> float:
    """Return a number of [low, high], ends included; anything else, NaN too, raises ValueError."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, but must lie in [{low:g}, {high:g}]")
    return float(value)


def at_least_zero(name: str, value: float) -> float:
    """Return a number of [0, inf], inf included: an infinite rate or budget is a limit, not an error."""
    if not value >= 0:
        raise ValueError(f"{name} is {value!r}, but must be at least 0 (inf is allowed)")
    return float(value)


def finite_at_least_zero(name: str, value: float) -> float:
    """Return a number of [0, inf)."""
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value!r}, but must be finite and at least 0")
    return float(value)


def finite_positive(name: str, value: float) -> float:
    """Return a number of (0, inf)."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}, but must be finite and above 0")
    return float(value)


def number(name: str, value: float) -> float:
    """Return any number, infinities included, but not NaN: differential entropies may have either sign."""
    if math.isnan(value):
        raise ValueError(f"{name} is NaN, but must be a number (-inf and inf are allowed)")
    return float(value)


def count(name: str, value: int, least: int) -> int:
    """Return a whole number that is not below the least one allowed."""
    if not value >= least or value != math.floor(min(value, 2**53)):
        raise ValueError(f"{name} is {value!r}, but must be a whole number and at least {least}")
    return int(value)


def vector(name: str, values: ArrayLike) -> FloatArray:
    """Return a non-empty [n] array of finite numbers."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, but must be one row of at least one number")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or an infinity, but all its numbers must be finite")
    return array


def distribution(name: str, weights: ArrayLike) -> FloatArray:
    """Return [n] probabilities that sum to 1 within 1e-9, rescaled to sum to exactly 1."""
    array = vector(name, weights)
    total = float(array.sum())
    if (array < 0).any() or abs(total - 1) > ROUNDING:
        raise ValueError(
            f"{name} has least weight {array.min():g} and sum {total!r}, but must be probabilities of sum 1"
        )
    return np.asarray(array / total, dtype=np.float64)


def spectrum(name: str, eigenvalues: ArrayLike) -> FloatArray:
    """Return [n] eigenvalues of a covariance in falling order, rounding errors below 0 set to 0."""
    array = np.sort(vector(name, eigenvalues))[::-1]
    if array[-1] < -ROUNDING * max(array[0], 0.0):
        raise ValueError(f"{name} holds {array[-1]!r}, but a covariance has no eigenvalue below 0")
    return np.asarray(np.maximum(array, 0.0), dtype=np.float64)

"""Distortion-perception of a frozen encoder under squared error and Wasserstein-2, any source (Freirich et al.)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rdcbench.oracles import _domain as domain
from rdcbench.oracles._numerics import FloatArray, least_coupling_cost


class FrozenEncoder(NamedTuple):
    """The two numbers that fix the whole D-P curve of an encoder: D* (squared units) and W* (source units)."""

    mmse: float
    wasserstein: float


class DialPoint(NamedTuple):
    """A decoder of the dial: its mean squared error (squared units) and its W2 to the source (not squared)."""

    distortion: float
    wasserstein: float


def frontier_distortion(mmse: float, mmse_wasserstein: float, wasserstein: float) -> float:
    """Return D(W) = D* + ((W* - W)_+)^2, the least distortion of a frozen encoder at a budget W on W2.

    mmse D* in squared source units; mmse_wasserstein W* = W2(p_X, p of the MMSE output) and wasserstein W in source
    units, not squared. D(0) = D* + W*^2 <= 2 D*.
    Domain: any source with second moments, any encoder, deterministic or not, decoders with private randomness;
    W* <= sqrt(D*) always, so more raises ValueError, as do negative arguments.
    Source: Freirich, Michaeli and Meir, NeurIPS 2021, theorem 1.
    """
    _check_encoder(mmse, mmse_wasserstein)
    domain.at_least_zero("wasserstein", wasserstein)
    return mmse + max(mmse_wasserstein - wasserstein, 0.0) ** 2


def codebook_distortion(mmse: float, wasserstein: float) -> float:
    """Return D(W) = D* + ((sqrt(D*) - W)_+)^2 of a nearest-codeword codebook whose codewords are the centroids.

    There W*^2 = D* exactly: no coupling beats sending every point to its own nearest codeword. Units and errors as
    frontier_distortion. Domain: centroid condition and nearest-codeword cells hold on the measured distribution.
    Source: Freirich et al. 2021, theorem 1, with this W*.
    """
    return frontier_distortion(mmse, math.sqrt(domain.finite_at_least_zero("mmse", mmse)), wasserstein)


def dial_point(mmse: float, mmse_wasserstein: float, dial: float) -> DialPoint:
    """Return the point of the decoder (1 - a) * MMSE + a * perfect-perception, a = dial: on the frontier for every a.

    D = D* + a^2 W*^2 and W = (1 - a) W*; for a codebook W* = sqrt(D*) and posterior samples are the perfect decoder.
    Domain: 0 <= a <= 1 and as frontier_distortion; the perfect decoder must be the one of least distortion,
    D* + W*^2 (posterior sampling costs 2 D*, the least only where W*^2 = D*). Source: Freirich et al. 2021, section 3.
    """
    _check_encoder(mmse, mmse_wasserstein)
    domain.between("dial", dial, 0.0, 1.0)
    return DialPoint(mmse + (dial * mmse_wasserstein) ** 2, (1 - dial) * mmse_wasserstein)


def _check_encoder(mmse: float, mmse_wasserstein: float) -> None:
    """Raise ValueError unless 0 <= W*^2 <= D*, up to rounding."""
    domain.finite_at_least_zero("mmse", mmse)
    domain.finite_at_least_zero("mmse_wasserstein", mmse_wasserstein)
    if mmse_wasserstein**2 > mmse * (1 + domain.ROUNDING):
        raise ValueError(
            f"mmse_wasserstein is {mmse_wasserstein!r}, but cannot exceed the root of mmse, {math.sqrt(mmse)!r}: "
            "the MMSE output is itself a coupling of that cost (is it a squared distance?)"
        )


def _points(name: str, points: ArrayLike, weights: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return [n] points and their [n] probabilities."""
    values, masses = domain.vector(name, points), domain.distribution(f"the weights of {name}", weights)
    if values.shape != masses.shape:
        raise ValueError(f"{name} holds {values.size} points, but has {masses.size} weights")
    return values, masses


def discrete_w2_squared(points_a: ArrayLike, weights_a: ArrayLike, points_b: ArrayLike, weights_b: ArrayLike) -> float:
    """Return the exact W2^2 of two finite distributions on the line, by the quantile coupling.

    Points [n] and [m] in source units, in any order, repeats allowed; weights are probabilities; squared units.
    Domain: one dimension (in more, transport_cost). Otherwise ValueError. Source: Villani 2003, theorem 2.18.
    """
    values_a, masses_a = _points("points_a", points_a, weights_a)
    values_b, masses_b = _points("points_b", points_b, weights_b)
    order_a, order_b = np.argsort(values_a), np.argsort(values_b)
    ends_a, ends_b = np.cumsum(masses_a[order_a]), np.cumsum(masses_b[order_b])
    ends = np.sort(np.concatenate([ends_a, ends_b]))
    widths = np.diff(ends, prepend=0.0)
    middles = ends - widths / 2
    # Rounding can leave the last end of one side a hair below that of the other.
    quantile_a = values_a[order_a][np.minimum(np.searchsorted(ends_a, middles), values_a.size - 1)]
    quantile_b = values_b[order_b][np.minimum(np.searchsorted(ends_b, middles), values_b.size - 1)]
    return float((widths * (quantile_a - quantile_b) ** 2).sum())


def transport_cost(cost: ArrayLike, weights_a: ArrayLike, weights_b: ArrayLike) -> float:
    """Return the exact optimal transport cost between finite distributions, by linear programming.

    cost [n, m] of moving point i to point j, in any unit; weights [n] and [m] probabilities; the unit of cost.
    Domain: any finite costs; n * m up to some 10^4 in reasonable time. Otherwise ValueError.
    Source: Kantorovich's programme.
    """
    matrix = np.asarray(cost, dtype=np.float64)
    masses_a, masses_b = domain.distribution("weights_a", weights_a), domain.distribution("weights_b", weights_b)
    if matrix.shape != (masses_a.size, masses_b.size) or not np.isfinite(matrix).all():
        raise ValueError(f"cost has shape {matrix.shape}, but must be finite and {(masses_a.size, masses_b.size)}")
    return least_coupling_cost(matrix, masses_a, masses_b)


def discrete_encoder(points: ArrayLike, weights: ArrayLike, cells: Sequence[int]) -> FrozenEncoder:
    """Return D* and W* of a deterministic encoder on a finite source on the line.

    points [n] in source units, weights [n] probabilities, cells [n] the symbol Z of each point (any whole numbers).
    The MMSE output is the centroid of the cell; D* in squared units, W* = W2(p_X, p of the output) not squared.
    Domain: one dimension, deterministic encoder, finite source. Otherwise ValueError. Source: Freirich et al. 2021.
    """
    values, masses = _points("points", points, weights)
    if len(cells) != values.size:
        raise ValueError(f"cells holds {len(cells)} symbols, but there are {values.size} points")
    _, index = np.unique(np.asarray(cells), return_inverse=True)
    cell_mass = np.bincount(index, masses)
    # A cell without mass never occurs: its centroid is arbitrary.
    centroids = np.bincount(index, masses * values) / np.where(cell_mass > 0, cell_mass, 1.0)
    mmse = float((masses * (values - centroids[index]) ** 2).sum())
    squared = discrete_w2_squared(values, masses, centroids, cell_mass)
    return FrozenEncoder(mmse, math.sqrt(squared))

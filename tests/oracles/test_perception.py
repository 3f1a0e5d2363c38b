import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rdcbench.oracles import (
    codebook_distortion,
    dial_point,
    discrete_encoder,
    discrete_w2_squared,
    frontier_distortion,
    transport_cost,
)

laws = settings(max_examples=50, deadline=None, derandomize=True)
POINTS, WEIGHTS = np.array([0.0, 1.0, 3.0]), np.array([0.5, 0.3, 0.2])
seeds = st.integers(0, 2**32 - 1)


def random_source(seed, size):
    generator = np.random.default_rng(seed)
    return generator.normal(size=size).round(1), generator.dirichlet(np.ones(size)), generator


def cell_costs(points, weights, cells, outputs):
    """P(Z) [k] and E((X - output)^2 | Z) [k, m]."""
    symbols = np.unique(cells)
    masses = np.array([weights[cells == z].sum() for z in symbols])
    squares = (points[:, None] - outputs[None, :]) ** 2
    costs = [weights[cells == z] @ squares[cells == z] / weights[cells == z].sum() for z in symbols]
    return masses, np.array(costs)


def test_upper_cell_vector():
    encoder = discrete_encoder(POINTS, WEIGHTS, [0, 1, 1])
    assert encoder.mmse == pytest.approx(0.48, abs=1e-12)
    assert encoder.wasserstein**2 == pytest.approx(0.48, abs=1e-12)
    assert frontier_distortion(*encoder, 0.0) == pytest.approx(0.96, abs=1e-12)
    assert frontier_distortion(*encoder, 0.3) == pytest.approx(0.634307806183, abs=6e-13)
    assert codebook_distortion(encoder.mmse, 0.3) == pytest.approx(0.634307806183, abs=6e-13)


def test_middle_cell_vector():
    encoder = discrete_encoder(POINTS, WEIGHTS, [0, 1, 0])
    assert encoder.mmse == pytest.approx(1.285714285714, abs=6e-13)
    assert frontier_distortion(*encoder, 0.0) == pytest.approx(2.457142857143, abs=6e-13)
    assert frontier_distortion(*encoder, 0.0) < 2 * encoder.mmse


@pytest.mark.parametrize("cells", [[0, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]])
def test_perfect_perception_by_linear_programme(cells):
    # Independent: over all decoders p(x^ | z) whose output has the law of X, transport of p(z) onto p_X.
    masses, costs = cell_costs(POINTS, WEIGHTS, np.array(cells), POINTS)
    encoder = discrete_encoder(POINTS, WEIGHTS, cells)
    assert frontier_distortion(*encoder, 0.0) == pytest.approx(transport_cost(costs, masses, WEIGHTS), abs=1e-9)


@pytest.mark.parametrize("cells", [[0, 1, 1], [0, 1, 0]])
@pytest.mark.parametrize("budget", [0.0, 0.1, 0.3, 0.6, 2.0])
def test_frontier_by_linear_programme(cells, budget):
    # Independent: the least distortion over joint laws of (z, x^, x') with x' ~ p_X and E(x^ - x')^2 <= W^2, where
    # x^ lives on a fine grid. The grid can only cost, and little.
    grid = np.linspace(0.0, 3.0, 421)
    masses, costs = cell_costs(POINTS, WEIGHTS, np.array(cells), grid)
    shape = (masses.size, grid.size, POINTS.size)
    objective = np.broadcast_to(costs[:, :, None], shape).ravel()
    transport = np.broadcast_to((grid[None, :, None] - POINTS) ** 2, shape).reshape(1, -1)
    z, _, x = np.indices(shape)
    margins = np.array([(z == i).ravel() for i in range(masses.size)] + [(x == j).ravel() for j in range(POINTS.size)])
    solution = linprog(
        objective,
        A_ub=transport,
        b_ub=[budget**2],
        A_eq=margins.astype(float),
        b_eq=np.concatenate([masses, WEIGHTS]),
        method="highs",
    )
    exact = frontier_distortion(*discrete_encoder(POINTS, WEIGHTS, cells), budget)
    assert exact - 1e-9 <= solution.fun <= exact + 1e-4


@pytest.mark.parametrize("dial", [0.0, 0.25, 0.5, 1.0])
def test_dial_as_a_decoder(dial):
    # Z = 1{X >= 1}: centroids 0 and 1.8; posterior sampling is the perfect decoder, so mix with a fresh sample.
    encoder = discrete_encoder(POINTS, WEIGHTS, [0, 1, 1])
    samples, sample_weights = np.array([1.0, 3.0]), np.array([0.6, 0.4])
    outputs = (1 - dial) * 1.8 + dial * samples
    law = np.concatenate([[0.5], 0.5 * sample_weights])
    point = dial_point(*encoder, dial)
    distance = math.sqrt(discrete_w2_squared(POINTS, WEIGHTS, np.concatenate([[0.0], outputs]), law))
    error = 0.5 * sample_weights @ ((samples[:, None] - outputs[None, :]) ** 2) @ sample_weights
    assert point.wasserstein == pytest.approx(distance, abs=1e-12)
    assert point.distortion == pytest.approx(error, abs=1e-12)


@laws
@given(st.floats(0.01, 5.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_dial_lies_on_the_frontier(mmse, share, dial):
    transport = share * math.sqrt(mmse)
    point = dial_point(mmse, transport, dial)
    assert frontier_distortion(mmse, transport, point.wasserstein) == pytest.approx(point.distortion, rel=1e-12)


@laws
@given(st.floats(0.01, 5.0), st.floats(0.0, 1.0), st.tuples(st.floats(0, 3), st.floats(0, 3)))
def test_frontier_falls_is_convex_and_at_most_doubles(mmse, share, budgets):
    transport = share * math.sqrt(mmse)
    tight, middle, loose = (
        frontier_distortion(mmse, transport, w) for w in (min(budgets), sum(budgets) / 2, max(budgets))
    )
    assert mmse <= loose <= middle <= tight <= 2 * mmse * (1 + 1e-12)
    assert middle <= (tight + loose) / 2 + 1e-12
    assert tight <= codebook_distortion(mmse, min(budgets)) + 1e-12
    assert frontier_distortion(mmse, transport, transport) == mmse


@laws
@given(seeds, st.integers(1, 7), st.integers(1, 7))
def test_quantile_coupling_is_the_optimal_transport(seed, size_a, size_b):
    points_a, weights_a, generator = random_source(seed, size_a)
    points_b, weights_b = generator.normal(size=size_b), generator.dirichlet(np.ones(size_b))
    cost = (points_a[:, None] - points_b[None, :]) ** 2
    exact = discrete_w2_squared(points_a, weights_a, points_b, weights_b)
    assert exact == pytest.approx(transport_cost(cost, weights_a, weights_b), abs=1e-8)
    assert exact == pytest.approx(discrete_w2_squared(points_b, weights_b, points_a, weights_a), abs=1e-12)
    assert exact >= (weights_a @ points_a - weights_b @ points_b) ** 2 - 1e-12


def test_w2_by_hand():
    assert discrete_w2_squared([0.0], [1.0], [1.0, 3.0], [0.5, 0.5]) == pytest.approx(5.0)
    assert discrete_w2_squared([3.0, 1.0, 3.0], [0.2, 0.5, 0.3], [1.0, 3.0], [0.5, 0.5]) == pytest.approx(
        0.0, abs=1e-12
    )


@laws
@given(seeds, st.integers(3, 30), st.integers(1, 5))
def test_encoder_bounds_and_codebook_identity(seed, size, symbols):
    points, weights, generator = random_source(seed, size)
    encoder = discrete_encoder(points, weights, generator.integers(0, symbols, size))
    assert encoder.wasserstein**2 <= encoder.mmse + 1e-12
    centres = np.sort(generator.choice(points, min(symbols, size), replace=False))
    for _ in range(60):
        cells = np.abs(points[:, None] - centres[None, :]).argmin(axis=1)
        centres = np.array(
            [
                np.average(points[cells == k], weights=weights[cells == k]) if (cells == k).any() else c
                for k, c in enumerate(centres)
            ]
        )
    codebook = discrete_encoder(points, weights, cells)
    assert codebook.wasserstein**2 == pytest.approx(codebook.mmse, abs=1e-9)


def test_encoder_extremes():
    everything = discrete_encoder(POINTS, WEIGHTS, [0, 1, 2])
    assert everything == pytest.approx((0.0, 0.0), abs=1e-9)
    nothing = discrete_encoder(POINTS, WEIGHTS, [5, 5, 5])
    assert nothing.mmse == pytest.approx(1.29)
    assert nothing.wasserstein**2 == pytest.approx(1.29)
    with_empty = discrete_encoder([0.0, 1.0, 9.0], [0.5, 0.5, 0.0], [0, 0, 1])
    assert with_empty.mmse == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frontier_distortion(-1.0, 0.0, 0.0), "mmse is -1.0"),
        (lambda: frontier_distortion(1.0, -0.5, 0.0), "mmse_wasserstein is -0.5"),
        (lambda: frontier_distortion(0.04, 0.21, 0.0), "is it a squared distance"),
        (lambda: frontier_distortion(1.0, 0.5, -0.1), "wasserstein is -0.1"),
        (lambda: codebook_distortion(-1.0, 0.0), "mmse is -1.0"),
        (lambda: dial_point(1.0, 1.0, 1.5), r"dial is 1.5, but must lie in \[0, 1\]"),
        (lambda: discrete_w2_squared([0, 1], [0.5, 0.4], [0], [1]), "must be probabilities of sum 1"),
        (lambda: discrete_w2_squared([0, 1], [1.5, -0.5], [0], [1]), "least weight -0.5"),
        (lambda: discrete_w2_squared([0, 1], [1.0], [0], [1]), "holds 2 points, but has 1 weights"),
        (lambda: discrete_w2_squared([], [], [0], [1]), "must be one row of at least one number"),
        (lambda: discrete_w2_squared([math.nan], [1], [0], [1]), "holds NaN or an infinity"),
        (lambda: transport_cost([[1.0]], [0.5, 0.5], [1.0]), r"cost has shape \(1, 1\)"),
        (lambda: discrete_encoder([0, 1], [0.5, 0.5], [0]), "cells holds 1 symbols, but there are 2 points"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rdcbench.oracles import (
    HIGH_RESOLUTION_GAP,
    UNIVERSAL_GAP,
    dithered_rate,
    gaussian_dither_excess,
    gaussian_dithered_rate,
    gaussian_rate,
    grid_dither_error,
    post_scale,
    post_scaled_distortion,
    uniform_dithered_rate,
)

laws = settings(max_examples=50, deadline=None, derandomize=True)
steps = st.floats(0.01, 30.0)


def test_constants():
    assert pytest.approx(0.254614334820063, abs=6e-16) == HIGH_RESOLUTION_GAP
    assert pytest.approx(0.754614334820, abs=6e-13) == UNIVERSAL_GAP


@pytest.mark.parametrize(
    ("levels", "rate"), [(2, 0.7213475204), (3, 1.3606737602), (4, 1.8254116742), (5, 2.1803368801)]
)
def test_uniform_vectors(levels, rate):
    assert uniform_dithered_rate(levels) == pytest.approx(rate, abs=6e-11)


@pytest.mark.parametrize(
    ("step", "rate"), [(0.1, 5.369624552673), (1.0, 2.104832660398), (math.sqrt(12), 0.750786943467)]
)
def test_gaussian_vectors(step, rate):
    assert gaussian_dithered_rate(step) == pytest.approx(rate, abs=6e-13)


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 17])
def test_uniform_against_quadrature(levels):
    def cdf(point):
        return min(max((point + 1) / 2, 0.0), 1.0)

    assert dithered_rate(cdf, 2 / (levels - 1), -1.0, 1.0) == pytest.approx(uniform_dithered_rate(levels), abs=1e-11)


@pytest.mark.parametrize(("step", "sigma"), [(0.05, 1.0), (0.1, 1.0), (1.0, 1.0), (3.0, 0.4), (10.0, 2.0)])
def test_gaussian_against_adaptive_quadrature(step, sigma):
    def cdf(point):
        return 0.5 * math.erfc(-point / sigma / math.sqrt(2))

    rate = dithered_rate(cdf, step, -9 * sigma, 9 * sigma)
    assert gaussian_dithered_rate(step, sigma) == pytest.approx(rate, abs=1e-10)


@pytest.mark.parametrize("step", [0.3, 1.0, 2.0])
def test_generic_rate_against_sampled_mutual_information(step):
    # Independent: I(Y; Y + U') = E log2(p(w | y) / p(w)) on samples of a Laplace source.
    generator = np.random.default_rng(3)
    laplace = stats.laplace()
    sums = generator.laplace(size=200_000) + step * (generator.random(200_000) - 0.5)
    information = -np.log2(laplace.cdf(sums + step / 2) - laplace.cdf(sums - step / 2))
    standard_error = information.std() / math.sqrt(information.size)
    rate = dithered_rate(lambda point: float(laplace_cdf(point)), step, -40.0, 40.0)
    assert rate == pytest.approx(information.mean(), abs=5 * standard_error)


def laplace_cdf(point):
    return 0.5 * math.exp(point) if point < 0 else 1 - 0.5 * math.exp(-point)


def quantise(values, levels):
    """The dithered quantiser: index among the L centres on [-1, 1], clamped."""
    step = 2 / (levels - 1)
    return np.clip(np.round((values + 1) / step), 0, levels - 1).astype(int)


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
@pytest.mark.parametrize("points", [1, 2, 3, 8])
def test_uniform_grid_dither_on_the_real_quantiser(levels, points):
    # A fine deterministic sweep of y: no sampling noise, only the sweep's own resolution.
    source = (np.arange(240_000) + 0.5) / 120_000 - 1
    entropies = []
    for k in range(points):
        dither = ((k + 0.5) / points - 0.5) * 2 / (levels - 1)
        shares = np.bincount(quantise(source + dither, levels), minlength=levels) / source.size
        entropies.append(stats.entropy(shares, base=2))
    assert uniform_dithered_rate(levels, points) == pytest.approx(np.mean(entropies), abs=2e-4)


def test_undithered_entropy_is_another_number():
    assert uniform_dithered_rate(3, 1) == pytest.approx(1.5)
    assert uniform_dithered_rate(3, 1) - uniform_dithered_rate(3) > 0.13


@laws
@given(st.integers(2, 40), st.integers(1, 60))
def test_uniform_grid_costs_a_little_and_less_when_finer(levels, points):
    exact, grid = uniform_dithered_rate(levels), uniform_dithered_rate(levels, points)
    # h2 is concave, so the midpoint rule lies above its mean, and every cell split in three comes closer.
    assert exact < grid <= math.log2(levels) + 1e-12
    assert exact < uniform_dithered_rate(levels, 3 * points) < grid


@pytest.mark.parametrize("points", [1, 2, 5])
@pytest.mark.parametrize("step", [0.7, 2.0, 6.0])
def test_gaussian_grid_against_normal_table(step, points):
    # Independent: the probability of each lattice cell from scipy.stats, one dither value after the other.
    edges = step * (np.arange(-60, 61) - 0.5)
    dithers = [((k + 0.5) / points - 0.5) * step for k in range(points)]
    rates = [stats.entropy(np.diff(stats.norm.cdf(edges - dither)), base=2) for dither in dithers]
    assert gaussian_dithered_rate(step, 1.0, points) == pytest.approx(np.mean(rates), abs=1e-10)


def test_gaussian_grid_converges_exponentially():
    errors = [abs(gaussian_dithered_rate(6.0, 1.0, m) - gaussian_dithered_rate(6.0)) for m in (1, 2, 4, 8, 16)]
    assert errors[0] > 0.1
    assert all(later < earlier / 4 for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-12
    assert gaussian_dithered_rate(1.0, 1.0, 2) == pytest.approx(gaussian_dithered_rate(1.0), abs=1e-13)


@laws
@given(steps, st.floats(0.1, 10.0))
def test_gaussian_rate_depends_on_the_ratio_and_falls(step, sigma):
    rate = gaussian_dithered_rate(step, sigma)
    assert rate == pytest.approx(gaussian_dithered_rate(step / sigma), rel=1e-11)
    assert gaussian_dithered_rate(1.01 * step, sigma) < rate


@laws
@given(steps)
def test_excess_is_positive_and_below_the_universal_gap(step):
    assert 0 < gaussian_dither_excess(step) <= UNIVERSAL_GAP


@laws
@given(steps)
def test_post_scaling_brings_the_excess_below_the_high_resolution_gap(step):
    excess = gaussian_dithered_rate(step) - gaussian_rate(post_scaled_distortion(1.0, step))
    assert 0 < excess <= HIGH_RESOLUTION_GAP + 1e-12


def test_excess_tends_to_the_high_resolution_gap():
    errors = [gaussian_dither_excess(step) - HIGH_RESOLUTION_GAP for step in (0.4, 0.2, 0.1, 0.05)]
    # Of second order in the step: a quarter at each halving.
    ratios = [later / earlier for earlier, later in pairwise(errors)]
    assert ratios == pytest.approx([0.25] * 3, rel=0.03)
    assert gaussian_dither_excess(1e-3) == pytest.approx(HIGH_RESOLUTION_GAP, abs=1e-6)


@pytest.mark.parametrize("points", [1, 2, 3, 8])
def test_grid_dither_error_on_the_lattice(points):
    step = 0.8
    source = np.linspace(-2.0, 2.0, 40_001)[:, None]
    dither = ((np.arange(points) + 0.5) / points - 0.5) * step
    error = step * np.round((source + dither) / step) - dither - source
    known = grid_dither_error(step, points)
    assert np.abs(error.mean(axis=1)).max() == pytest.approx(known.bias, abs=2e-4)
    mse = (error**2).mean(axis=1)
    assert mse.min() == pytest.approx(known.least_mse, abs=2e-4)
    assert mse.max() == pytest.approx(known.largest_mse, abs=2e-4)
    assert mse.mean() == pytest.approx(step**2 / 12, abs=2e-4)


@pytest.mark.parametrize(("variance", "step"), [(1.0, 1.0), (0.2, 2.0), (4.0, math.sqrt(12))])
def test_post_scaled_distortion_on_samples(variance, step):
    generator = np.random.default_rng(5)
    source = math.sqrt(variance) * generator.standard_normal(300_000)
    dither = step * (generator.random(source.size) - 0.5)
    received = step * np.round((source + dither) / step) - dither
    error = (source - post_scale(variance, step) * received) ** 2
    assert error.mean() == pytest.approx(post_scaled_distortion(variance, step), abs=5 * error.std() / error.size**0.5)
    best = (source @ received) / (received @ received)
    assert post_scale(variance, step) == pytest.approx(best, abs=0.01)


def test_post_scaled_distortion_by_hand():
    assert post_scaled_distortion(1.0, math.sqrt(12)) == pytest.approx(0.5)
    assert post_scaled_distortion(0.0, 1.0) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform_dithered_rate(1), "levels is 1, but must be a whole number and at least 2"),
        (lambda: uniform_dithered_rate(2.5), "levels is 2.5"),
        (lambda: uniform_dithered_rate(3, 0), "dither_points is 0"),
        (lambda: gaussian_dithered_rate(0.0), "step is 0.0, but must be finite and above 0"),
        (lambda: gaussian_dithered_rate(-1.0), "step is -1.0"),
        (lambda: gaussian_dithered_rate(1.0, -1.0), "sigma is -1.0"),
        (lambda: gaussian_dithered_rate(1.0, 1.0, -1), "dither_points is -1"),
        (lambda: gaussian_dither_excess(math.nan), "step is nan"),
        (lambda: dithered_rate(laplace_cdf, 0.0, -1.0, 1.0), "step is 0.0"),
        (lambda: dithered_rate(laplace_cdf, 1.0, 1.0, -1.0), "high - low is -2.0"),
        (lambda: grid_dither_error(1.0, 0), "dither_points is 0"),
        (lambda: post_scale(-1.0, 1.0), "variance is -1.0"),
        (lambda: post_scaled_distortion(1.0, 0.0), "step is 0.0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

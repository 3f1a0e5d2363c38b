import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from rdcbench.oracles import (
    gaussian_decoded,
    gaussian_decoder_scale,
    gaussian_distortion,
    gaussian_label_entropy,
    gaussian_rate,
    gaussian_rdc_distortion,
    gaussian_rdc_rate,
    gaussian_universality_gap,
    gaussian_w2_squared,
)

laws = settings(max_examples=80, deadline=None, derandomize=True)
rates = st.floats(0.0, 8.0)
budgets = st.floats(0.0, 2.0)
sigmas = st.floats(0.1, 10.0)
correlations = st.floats(-1.0, 1.0)


@pytest.mark.parametrize(
    ("rate", "perception", "distortion"),
    [(0.5, 0, 0.585786437627), (1, 0, 0.267949192431), (1, 0.01, 0.251154273188), (0.25, 0.1, 0.727434735126)],
)
def test_distortion_vectors(rate, perception, distortion):
    assert gaussian_distortion(rate, perception) == pytest.approx(distortion, abs=6e-13)


@pytest.mark.parametrize(("distortion", "rate"), [(0.5, 0.596322538971), (1.5, 0.046554702196), (0.1, 1.679226985456)])
def test_rate_vectors(distortion, rate):
    assert gaussian_rate(distortion, 0.0) == pytest.approx(rate, abs=6e-13)


def test_limits_and_infeasible_points():
    assert gaussian_distortion(0.0, 0.0, 3.0) == pytest.approx(18.0)
    assert gaussian_distortion(0.0, math.inf, 3.0) == 9.0
    assert gaussian_distortion(math.inf, 0.0) == 0.0
    assert gaussian_rate(0.0, math.inf) == math.inf
    assert gaussian_rate(2.0, 0.0) == 0.0
    assert gaussian_rate(1.0, math.inf) == 0.0
    assert gaussian_rate(1.0, 1.0) == 0.0
    assert gaussian_rate(math.inf, 0.0) == 0.0


@laws
@given(rates, budgets, sigmas)
def test_distortion_is_the_printed_formula(rate, perception, sigma):
    r = math.sqrt(1 - 2 ** (-2 * rate))
    output = max(sigma - math.sqrt(perception), 0, sigma * r)
    expected = sigma**2 + output**2 - 2 * sigma * output * r
    assert gaussian_distortion(rate, perception, sigma) == pytest.approx(expected, abs=1e-12 * sigma**2)


@laws
@given(rates, budgets, sigmas)
def test_rate_inverts_distortion(rate, perception, sigma):
    distortion = gaussian_distortion(rate, perception, sigma)
    # At rate 0 a generous budget leaves the distortion above sigma^2 flat in the rate to first order.
    assert gaussian_rate(distortion, perception, sigma) == pytest.approx(rate, rel=1e-6, abs=1e-7)


@laws
@given(st.floats(0.01, 3.0), budgets, sigmas)
def test_distortion_inverts_rate(distortion, perception, sigma):
    rate = gaussian_rate(distortion, perception, sigma)
    most = gaussian_distortion(0.0, perception, sigma)
    assert gaussian_distortion(rate, perception, sigma) == pytest.approx(min(distortion, most), rel=1e-7)


@laws
@given(st.tuples(rates, rates), st.tuples(budgets, budgets), st.floats(0.0, 1.0))
def test_distortion_falls_and_is_jointly_convex_where_rate_is(ends, perceptions, weight):
    # R(D, P) is jointly convex (Blau and Michaeli 2019, theorem 1), hence so is its inverse D(R, P).
    mixed = [weight * a + (1 - weight) * b for a, b in (ends, perceptions)]
    values = [gaussian_distortion(r, p) for r, p in zip(ends, perceptions, strict=True)]
    assert gaussian_distortion(*mixed) <= weight * values[0] + (1 - weight) * values[1] + 1e-12
    assert gaussian_distortion(max(ends), max(perceptions)) <= gaussian_distortion(min(ends), min(perceptions)) + 1e-12


@laws
@given(rates, budgets)
def test_distortion_lies_between_shannon_and_twice_shannon(rate, perception):
    shannon = 2 ** (-2 * rate)
    assert shannon * (1 - 1e-12) <= gaussian_distortion(rate, perception) <= 2 * shannon * (1 + 1e-12)


@pytest.mark.parametrize("distortion", [0.2, 0.6, 0.9, 1.3])
@pytest.mark.parametrize("perception", [0.0, 0.04, 0.3])
def test_rate_is_the_least_over_gaussian_test_channels(distortion, perception):
    # Independent: scan the pairs (sigma of X^, correlation) of jointly Gaussian channels.
    output = np.linspace(0.0, 2.0, 1001)[:, None]
    correlation = np.linspace(0.0, 0.999, 2000)[None, :]
    error = 1 + output**2 - 2 * output * correlation
    allowed = (error <= distortion) & ((1 - output) ** 2 <= perception + 1e-12)
    rate = np.where(allowed, -0.5 * np.log2(1 - correlation**2), np.inf).min()
    exact = gaussian_rate(distortion, perception)
    assert exact <= rate + 1e-9
    assert rate == pytest.approx(exact, abs=4e-3)


@laws
@given(rates, st.lists(budgets, min_size=1), sigmas)
def test_universality_gap_is_zero_and_budgets_hold(rate, perceptions, sigma):
    assert abs(gaussian_universality_gap(rate, perceptions, sigma)) < 1e-12 * sigma**2
    for budget in perceptions:
        point = gaussian_decoded(gaussian_decoder_scale(rate, budget, sigma), rate, sigma)
        assert point.perception <= budget + 1e-12 * sigma**2


@laws
@given(rates, budgets, st.floats(0.0, 2.0))
def test_no_scale_beats_the_distortion_at_its_own_perception(rate, budget, scale):
    point = gaussian_decoded(scale, rate)
    if point.perception <= budget:
        assert point.distortion >= gaussian_distortion(rate, budget) - 1e-12


@pytest.mark.parametrize(("rate", "perception", "sigma"), [(0.5, 0.0, 1.0), (1.0, 0.01, 2.0), (0.25, 0.1, 0.5)])
def test_decoder_on_samples(rate, perception, sigma):
    generator = np.random.default_rng(7)
    source, noise = sigma * generator.standard_normal((2, 400_000))
    left = 2 ** (-2 * rate)
    output = gaussian_decoder_scale(rate, perception, sigma) * (math.sqrt(1 - left) * source + math.sqrt(left) * noise)
    squared_error = (source - output) ** 2
    standard_error = squared_error.std() / math.sqrt(squared_error.size)
    expected = gaussian_distortion(rate, perception, sigma)
    assert squared_error.mean() == pytest.approx(expected, abs=5 * standard_error)
    quantiles_apart = float(((np.sort(source) - np.sort(output)) ** 2).mean())
    decoded = gaussian_decoded(gaussian_decoder_scale(rate, perception, sigma), rate, sigma)
    assert quantiles_apart == pytest.approx(decoded.perception, abs=0.01 * sigma**2)


def test_w2_of_scalars_and_of_commuting_covariances():
    assert gaussian_w2_squared(1.0, 4.0, 3.0, 9.0) == pytest.approx(4 + 1)
    assert gaussian_w2_squared([0, 0], np.diag([4.0, 0.0]), [1, 0], np.diag([1.0, 9.0])) == pytest.approx(1 + 1 + 9)


@laws
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_w2_against_the_matrix_square_root(seed, dimension):
    generator = np.random.default_rng(seed)
    roots = generator.standard_normal((2, dimension, dimension + 2))
    first, second = roots @ roots.transpose(0, 2, 1)
    means = generator.standard_normal((2, dimension))
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    assert gaussian_w2_squared(means[0], first, means[1], second) == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert gaussian_w2_squared(means[1], second, means[0], first) == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert gaussian_w2_squared(means[0], first, means[0], first) == pytest.approx(0.0, abs=1e-9)


@laws
@given(rates, correlations, st.floats(0.1, 5.0))
def test_label_entropy_from_the_joint_covariance(rate, rho, sigma_label):
    # Independent: h(S | X^) by the Schur complement, S - X - Z Markov and jointly Gaussian.
    r = math.sqrt(1 - 2 ** (-2 * rate))
    covariance = np.array([[sigma_label**2, rho * sigma_label * r], [rho * sigma_label * r, 1.0]])
    left = np.linalg.det(covariance)
    if left > 1e-6 * sigma_label**2:
        expected = 0.5 * math.log(2 * math.pi * math.e * left)
        assert gaussian_label_entropy(rate, rho, sigma_label) == pytest.approx(expected, abs=1e-8)


def test_label_entropy_limits():
    whole = 0.5 * math.log(2 * math.pi * math.e)
    assert gaussian_label_entropy(0.0, 1.0) == pytest.approx(whole)
    assert gaussian_label_entropy(math.inf, 0.0) == pytest.approx(whole)
    assert gaussian_label_entropy(2.0, 1.0) == pytest.approx(whole - 2 * math.log(2))
    assert gaussian_label_entropy(math.inf, -1.0) == -math.inf


@laws
@given(rates, st.floats(-0.99, 0.99), sigmas, st.floats(1e-6, 3.0))
def test_rdc_region_is_a_rectangle(rate, rho, sigma, slack):
    least = gaussian_label_entropy(rate, rho)
    corner = gaussian_rdc_distortion(rate, least, rho, sigma)
    assert corner == pytest.approx(sigma**2 * 2 ** (-2 * rate))
    assert gaussian_rdc_distortion(rate, least + slack, rho, sigma) == corner
    assert gaussian_rdc_distortion(rate, least - slack, rho, sigma) == math.inf


@laws
@given(rates, st.floats(0.1, 0.999), sigmas, st.floats(0.3, 3.0))
def test_rdc_rate_is_the_larger_need(rate, rho, sigma, sigma_label):
    least = gaussian_label_entropy(rate, rho, sigma_label)
    corner = gaussian_rdc_distortion(rate, least, rho, sigma, sigma_label)
    # One budget binds at a time; at the corner both do, which is why one representation serves the rectangle.
    for distortion, label_entropy in ((corner, math.inf), (math.inf, least), (corner, least)):
        needed = gaussian_rdc_rate(distortion, label_entropy, rho, sigma, sigma_label)
        assert needed == pytest.approx(rate, rel=1e-6, abs=1e-6 + 1e-11 * 4**rate)
    floor = gaussian_label_entropy(math.inf, rho, sigma_label)
    assert gaussian_rdc_rate(corner, floor - 1e-6, rho, sigma, sigma_label) == math.inf


def test_rdc_rate_without_correlation():
    whole = gaussian_label_entropy(0.0, 0.0)
    assert gaussian_rdc_rate(0.25, whole, 0.0) == pytest.approx(1.0)
    assert gaussian_rdc_rate(0.25, whole - 1e-9, 0.0) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gaussian_distortion(-0.1), "rate is -0.1, but must be at least 0"),
        (lambda: gaussian_distortion(math.nan), "rate is nan"),
        (lambda: gaussian_distortion(1.0, -1.0), "perception is -1.0"),
        (lambda: gaussian_distortion(1.0, 0.0, 0.0), "sigma is 0.0, but must be finite and above 0"),
        (lambda: gaussian_rate(-1.0), "distortion is -1.0"),
        (lambda: gaussian_rate(1.0, 0.0, math.inf), "sigma is inf"),
        (lambda: gaussian_decoder_scale(1.0, -2.0), "perception is -2.0"),
        (lambda: gaussian_decoded(-1.0, 1.0), "scale is -1.0"),
        (lambda: gaussian_universality_gap(1.0, []), "perceptions is empty"),
        (lambda: gaussian_label_entropy(1.0, 1.5), r"rho is 1.5, but must lie in \[-1, 1\]"),
        (lambda: gaussian_label_entropy(1.0, 0.5, -1.0), "sigma_label is -1.0"),
        (lambda: gaussian_rdc_distortion(1.0, math.nan, 0.5), "label_entropy is NaN"),
        (lambda: gaussian_rdc_rate(-1.0, 1.0, 0.5), "distortion is -1.0"),
        (lambda: gaussian_w2_squared(0.0, -1.0, 0.0, 1.0), "no eigenvalue below 0"),
        (lambda: gaussian_w2_squared([0, 0], np.eye(2), [0], np.eye(1)), "both must be equal"),
        (lambda: gaussian_w2_squared([0, 0], np.eye(3), [0, 0], np.eye(2)), "covariance_a has shape"),
        (lambda: gaussian_w2_squared([0, 0], [[1, 1], [0, 1]], [0, 0], np.eye(2)), "not a symmetric matrix"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

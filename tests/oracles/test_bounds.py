import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from rdcbench.oracles import (
    accuracy_standard_error,
    frechet_floor,
    gaussian_distortion,
    gaussian_w2_squared,
    lloyd_max_gaussian,
    pca_tail_bound,
    reverse_water_filling,
)

laws = settings(max_examples=50, deadline=None, derandomize=True)
spectra = st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=12)
MAX_TABLE = {1: 1.0, 2: 0.3634, 3: 0.1902, 4: 0.1175, 8: 0.03454}


@pytest.mark.parametrize(("levels", "distortion"), MAX_TABLE.items())
def test_lloyd_max_table(levels, distortion):
    assert lloyd_max_gaussian(levels).distortion == pytest.approx(distortion, abs=6e-5)


def test_two_levels_by_hand():
    quantiser = lloyd_max_gaussian(2, sigma=3.0)
    assert quantiser.distortion == pytest.approx(9 * (1 - 2 / math.pi), rel=1e-12)
    assert quantiser.centres == pytest.approx(3 * math.sqrt(2 / math.pi) * np.array([-1, 1]), rel=1e-9)
    assert quantiser.thresholds == pytest.approx([0.0], abs=1e-9)


def squared_error(centres):
    """The error of the nearest-centre quantiser, cell by cell with scipy's adaptive quadrature."""
    edges = np.concatenate([[-12.0], (centres[1:] + centres[:-1]) / 2, [12.0]])
    return sum(
        integrate.quad(lambda y, c=c: (y - c) ** 2 * stats.norm._pdf(y), low, high, epsabs=1e-12)[0]
        for low, high, c in zip(edges[:-1], edges[1:], centres, strict=True)
    )


@pytest.mark.parametrize("levels", [3, 4, 7])
def test_lloyd_max_against_direct_minimisation(levels):
    known = lloyd_max_gaussian(levels)
    assert squared_error(known.centres) == pytest.approx(known.distortion, abs=1e-10)
    start = np.linspace(-1.5, 1.5, levels)
    found = optimize.minimize(squared_error, start, method="BFGS", options={"gtol": 1e-7})
    assert known.distortion == pytest.approx(found.fun, abs=1e-9)
    assert known.centres == pytest.approx(found.x, abs=1e-4)


def test_lloyd_max_beats_nothing_it_cannot():
    for levels in range(1, 17):
        distortion = lloyd_max_gaussian(levels).distortion
        shannon = gaussian_distortion(math.log2(levels))
        assert shannon * (1 - 1e-12) <= distortion < 2.73 * shannon
        assert lloyd_max_gaussian(levels + 1).distortion < distortion
    # Panter and Dite: sqrt(3) pi / 2 = 2.72 times Shannon for many levels.
    assert lloyd_max_gaussian(32).distortion * 32**2 == pytest.approx(math.sqrt(3) * math.pi / 2, rel=0.07)


@pytest.mark.parametrize("codewords", [1, 2, 4, 9])
@pytest.mark.parametrize("seed", [0, 1])
def test_pca_tail_lies_below_every_codebook(codewords, seed):
    generator = np.random.default_rng(seed)
    points = (
        generator.standard_normal((300, 6))
        * np.array([3.0, 2.0, 1.0, 0.5, 0.2, 0.1])
        @ np.linalg.qr(generator.standard_normal((6, 6)))[0]
    )
    bound = pca_tail_bound(np.linalg.eigvalsh(np.cov(points.T, bias=True)), codewords)
    centres = points[:codewords]
    for _ in range(30):
        cells = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([points[cells == k].mean(axis=0) for k in range(codewords)])
    error = ((points - centres[cells]) ** 2).mean()
    assert bound <= error + 1e-12
    if codewords == 1:
        assert bound == pytest.approx(error)


def test_pca_tail_is_tight_for_as_many_points_as_codewords():
    points = np.random.default_rng(0).standard_normal((4, 6))
    eigenvalues = np.linalg.eigvalsh(np.cov(points.T, bias=True))
    assert pca_tail_bound(eigenvalues, 4) == pytest.approx(0.0, abs=1e-12)
    assert pca_tail_bound(eigenvalues, 3) > 1e-3
    assert pca_tail_bound([1.0, 4.0, 2.0], 2) == pytest.approx(1.0)
    assert pca_tail_bound([1.0, 4.0, 2.0], 9) == 0.0


@laws
@given(spectra, st.floats(0.0, 20.0))
def test_water_filling_against_bisection(eigenvalues, rate):
    values = np.array(eigenvalues)

    def spent(level):
        return 0.5 * np.log2(np.maximum(values / level, 1.0)).sum() - rate

    level = optimize.brentq(spent, 1e-18, values.max() * (1 + 1e-9), xtol=1e-16) if rate > 0 else values.max()
    expected = np.minimum(values, level).mean()
    assert reverse_water_filling(eigenvalues, rate) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@laws
@given(spectra, st.tuples(st.floats(0.0, 15.0), st.floats(0.0, 15.0)))
def test_water_filling_falls_and_is_convex(eigenvalues, rates):
    early, middle, late = (reverse_water_filling(eigenvalues, r) for r in (min(rates), sum(rates) / 2, max(rates)))
    assert late <= middle * (1 + 1e-12) <= early * (1 + 1e-11)
    assert middle <= (early + late) / 2 + 1e-12
    assert reverse_water_filling(eigenvalues, 0.0) == pytest.approx(np.mean(eigenvalues))


def test_water_filling_by_hand():
    assert reverse_water_filling([2.0], 1.5) == pytest.approx(gaussian_distortion(1.5, sigma=math.sqrt(2)))
    assert reverse_water_filling([1.0, 4.0], 1.0) == pytest.approx(1.0)
    assert reverse_water_filling([1.0, 4.0, 0.0], 2.0) == pytest.approx(2 * 0.5 / 3)
    assert reverse_water_filling([1.0, 0.0], math.inf) == 0.0
    assert reverse_water_filling([0.0, 0.0], 1.0) == 0.0


def test_water_filling_is_an_upper_bound_for_a_discrete_source():
    # X = +-1 has the covariance of N(0, 1), but 1 bit makes it exact; R(D) = 1 - h(p) with D = 4 p (1 - p).
    for flip in (0.01, 0.1, 0.3):
        rate = 1 - stats.entropy([flip, 1 - flip], base=2)
        assert 4 * flip * (1 - flip) < reverse_water_filling([1.0], rate)


@pytest.mark.parametrize("eigenvalues", [[1.0], [3.0, 1.0, 0.2], [1.0, 1.0, 1.0, 1.0]])
def test_frechet_floor_against_sampling(eigenvalues):
    generator = np.random.default_rng(11)
    dimension, first, second = len(eigenvalues), 300, 500
    distances = []
    for _ in range(250):
        a = generator.standard_normal((first, dimension)) * np.sqrt(eigenvalues)
        b = generator.standard_normal((second, dimension)) * np.sqrt(eigenvalues)
        distances.append(gaussian_w2_squared(a.mean(axis=0), np.cov(a.T), b.mean(axis=0), np.cov(b.T)))
    standard_error = np.std(distances) / math.sqrt(len(distances))
    floor = frechet_floor(eigenvalues, first, second)
    assert np.mean(distances) == pytest.approx(floor, abs=4 * standard_error + 0.01 * floor)


@laws
@given(spectra, st.integers(2, 10_000), st.integers(2, 10_000))
def test_frechet_floor_by_the_printed_sum(eigenvalues, first, second):
    double = sum(a * b * (1 + (i == j)) / (a + b) for i, a in enumerate(eigenvalues) for j, b in enumerate(eigenvalues))
    expected = (1 / first + 1 / second) * (sum(eigenvalues) + double / 2)
    assert frechet_floor(eigenvalues, first, second) == pytest.approx(expected, rel=1e-12)
    assert frechet_floor([*eigenvalues, 0.0], second, first) == pytest.approx(expected, rel=1e-12)


def test_accuracy_standard_error():
    assert accuracy_standard_error(0.99, 10_000) == pytest.approx(0.000994987, abs=1e-9)
    hits = np.random.default_rng(2).binomial(500, 0.8, size=20_000) / 500
    assert accuracy_standard_error(0.8, 500) == pytest.approx(hits.std(), rel=0.03)
    assert accuracy_standard_error(1.0, 10) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lloyd_max_gaussian(0), "levels is 0, but must be a whole number and at least 1"),
        (lambda: lloyd_max_gaussian(129), r"levels is 129, but must lie in \[1, 128\]"),
        (lambda: lloyd_max_gaussian(2, 0.0), "sigma is 0.0"),
        (lambda: pca_tail_bound([1.0, -0.5], 2), "no eigenvalue below 0"),
        (lambda: pca_tail_bound([1.0], 0), "codewords is 0"),
        (lambda: pca_tail_bound(np.eye(2), 1), "must be one row"),
        (lambda: reverse_water_filling([1.0], -1.0), "rate is -1.0"),
        (lambda: reverse_water_filling([], 1.0), "at least one number"),
        (lambda: frechet_floor([1.0], 1, 10), "first is 1"),
        (lambda: frechet_floor([1.0], 10, math.inf), "second is inf"),
        (lambda: accuracy_standard_error(1.2, 10), r"accuracy is 1.2, but must lie in \[0, 1\]"),
        (lambda: accuracy_standard_error(0.5, 0), "images is 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

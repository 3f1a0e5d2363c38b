import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rdcbench.stats import (
    bootstrap_interval,
    bootstrap_intervals,
    bootstrap_means,
    count_matrix,
    paired_difference,
)


@settings(max_examples=25)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 2**32))
def test_every_draw_counts_n_images_and_the_seed_fixes_all(n, draws, seed):
    counts = count_matrix(n, draws, seed)
    assert counts.shape == (draws, n)
    assert (counts.sum(axis=1) == n).all()
    assert np.array_equal(counts, count_matrix(n, draws, seed))


def test_counts_follow_the_binomial_law():
    n, draws = 400, 2000
    counts = count_matrix(n, draws, 3)
    seen = np.bincount(counts.ravel(), minlength=7)[:7]
    expected = stats.binom.pmf(np.arange(7), n, 1 / n) * n * draws
    assert np.abs(seen - expected).max() < 5 * np.sqrt(expected.max())
    assert np.abs(counts.mean(axis=0) - 1).max() < 5 / np.sqrt(draws)  # every image is as likely as any
    assert not np.array_equal(counts, count_matrix(n, draws, 4))


def test_means_are_those_of_the_resampled_images():
    generator = np.random.default_rng(0)
    values, counts = generator.normal(1e4, 1.0, (3, 50)), count_matrix(50, 7, 1)
    means = bootstrap_means(values, counts)
    for draw in range(7):
        for row in range(3):
            assert means[draw, row] == pytest.approx(np.repeat(values[row], counts[draw]).mean(), rel=1e-13)


@pytest.mark.parametrize("law", ["exponential", "accuracy"])
def test_ends_agree_with_scipy_bootstrap(law):
    generator = np.random.default_rng(5)
    values = generator.exponential(size=300) if law == "exponential" else (generator.random(300) < 0.9).astype(float)
    ours = bootstrap_interval(values, count_matrix(300, 20_000, 0))
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=generator, batch=1000
    ).confidence_interval
    slack = 0.03 * (theirs.high - theirs.low) if law == "exponential" else 1 / 300 + 1e-12  # one image
    assert ours.value == pytest.approx(values.mean(), rel=1e-12)
    assert abs(ours.lo - theirs.low) <= slack
    assert abs(ours.hi - theirs.high) <= slack


def test_accuracy_interval_has_the_binomial_standard_error():
    values = np.zeros(10_000)
    values[:9400] = 1.0
    interval = bootstrap_interval(values, count_matrix(10_000, 1000, 0))
    assert (interval.hi - interval.lo) / (2 * 1.96) == pytest.approx(np.sqrt(0.94 * 0.06 / 10_000), rel=0.08)


@pytest.mark.parametrize("law", ["normal", "exponential", "accuracy", "bits"])
def test_interval_of_a_mean_covers_95_percent(law):
    generator, n = np.random.default_rng(11), 500
    share = np.array([0.6, 0.3, 0.09, 0.01])  # of the symbols of a coordinate; an image has three
    price = -np.log2(share)
    samples, truth = {
        "normal": (generator.normal(0.047, 0.02, (2000, n)), 0.047),
        "exponential": (generator.exponential(0.3, (2000, n)), 0.3),
        "accuracy": ((generator.random((2000, n)) < 0.85).astype(float), 0.85),
        "bits": (price[generator.choice(4, (3, 2000, n), p=share)].sum(axis=0), 3 * float(share @ price)),
    }[law]
    intervals = bootstrap_intervals(samples, count_matrix(n, 1000, 0))
    assert 0.93 <= np.mean([interval.contains(truth) for interval in intervals]) <= 0.97


def test_paired_difference_is_exact_for_a_shift_and_narrower_than_two_intervals():
    generator, counts = np.random.default_rng(2), count_matrix(400, 500, 0)
    hard = generator.exponential(0.05, 400)
    shift = paired_difference(hard + 0.001, hard, counts)
    assert (shift.lo, shift.hi) == pytest.approx((0.001, 0.001), abs=1e-15)
    noisy = hard + generator.normal(0.001, 0.002, 400)
    difference, own = paired_difference(noisy, hard, counts), bootstrap_interval(hard, counts)
    assert difference.hi - difference.lo < 0.2 * (own.hi - own.lo)
    means = bootstrap_means(np.stack([noisy, hard]), counts)
    ends = np.quantile(means[:, 0] - means[:, 1], [0.025, 0.975])
    assert (difference.lo, difference.hi) == pytest.approx(tuple(ends), rel=1e-9)


def test_paired_difference_covers_95_percent():
    generator, n = np.random.default_rng(7), 300
    counts, covered = count_matrix(n, 500, 0), []
    for _ in range(1000):
        hard = generator.exponential(0.05, n)
        covered.append(paired_difference(hard + generator.normal(0.01, 0.02, n), hard, counts).contains(0.01))
    assert 0.93 <= np.mean(covered) <= 0.97


def test_a_row_without_spread_says_so():
    interval = bootstrap_interval(np.ones(20), count_matrix(20, 50, 0))
    assert (interval.lo, interval.hi) == (1.0, 1.0)
    assert "no spread" in interval.reason
    assert bootstrap_interval(np.arange(20.0), count_matrix(20, 50, 0)).reason == ""


def test_500_rows_of_10000_images_take_less_than_10_seconds_of_a_core():
    values = np.random.default_rng(0).random((500, 10_000))
    start = time.process_time()
    intervals = bootstrap_intervals(values, count_matrix(10_000, 1000, 0))
    assert time.process_time() - start < 10.0
    assert all(interval.contains(interval.value) for interval in intervals)


def test_bad_input_raises():
    counts = count_matrix(4, 5, 0)
    with pytest.raises(ValueError, match="not finite"):
        bootstrap_interval([1.0, 2.0, np.nan, 4.0], counts)
    with pytest.raises(ValueError, match="not the same test split"):
        bootstrap_interval([1.0, 2.0, 3.0], counts)
    with pytest.raises(ValueError, match="the same images: 3 against 4"):
        paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0], counts)
    with pytest.raises(ValueError, match="at least 1"):
        count_matrix(0, 10, 0)

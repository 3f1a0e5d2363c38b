import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdcbench.stats import Interval, draws_interval, joined, over_seeds, refused, seed_interval
from rdcbench.stats.intervals import student_t

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=2, max_size=8), st.sampled_from([0.8, 0.95, 0.99]))
def test_seed_interval_is_the_one_sample_t_interval_of_scipy(values, level):
    ours = seed_interval(values, level)
    if np.ptp(values) > 1e-3:
        theirs = stats.ttest_1samp(values, 0.0).confidence_interval(level)
        assert ours.lo == pytest.approx(theirs.low, rel=1e-9, abs=1e-6)
        assert ours.hi == pytest.approx(theirs.high, rel=1e-9, abs=1e-6)
    assert ours.contains(np.mean(values))
    assert ours.level == level


def test_one_seed_keeps_its_value_and_says_why_it_has_no_interval():
    interval = seed_interval([0.0473])
    assert interval.value == 0.0473
    assert math.isnan(interval.lo)
    assert math.isnan(interval.hi)
    assert "one seed" in interval.reason
    assert not interval.defined
    assert not interval.contains(0.0473)


def test_seed_interval_of_three_seeds_covers_95_percent():
    values = np.random.default_rng(0).normal(2.0, 0.5, (4000, 3))
    covered = np.mean([seed_interval(row).contains(2.0) for row in values])
    assert 0.93 <= covered <= 0.97


def test_student_t_is_scipys():
    assert student_t(0.95, 19) == pytest.approx(stats.t.ppf(0.975, 19), rel=1e-12)


def test_normal_draws_give_value_plus_and_minus_1_96_standard_deviations():
    draws = np.random.default_rng(1).normal(3.0, 0.5, 200_000)
    interval = draws_interval(3.0, draws)
    assert interval.lo == pytest.approx(3.0 - 1.96 * 0.5, abs=0.01)
    assert interval.hi == pytest.approx(3.0 + 1.96 * 0.5, abs=0.01)
    ends = draws_interval(3.0, draws, method="percentile")
    assert (ends.lo, ends.hi) == tuple(np.quantile(draws, [0.025, 0.975]))


def test_draws_whose_mean_is_off_widen_the_interval_and_never_leave_the_value_outside():
    draws = np.random.default_rng(2).normal(1.0, 0.1, 1000)
    near, off = draws_interval(1.0, draws), draws_interval(0.5, draws)
    assert off.hi - off.lo > 3 * (near.hi - near.lo)
    assert off.contains(0.5)


def test_a_summary_undefined_in_many_draws_is_refused_and_in_few_is_not():
    draws = np.ones(100)
    draws[:6] = np.nan
    refusal = draws_interval(1.0, draws)
    assert "undefined in 6% of the bootstrap draws" in refusal.reason
    assert not refusal.defined
    draws[0:2] = 1.0
    assert draws_interval(1.0, draws).defined
    assert "itself is undefined" in draws_interval(math.nan, np.ones(100)).reason


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [[1.0]]])
def test_bad_seed_values_raise(values):
    with pytest.raises(ValueError, match="values over seeds"):
        seed_interval(values)


def test_draws_of_the_wrong_shape_raise():
    with pytest.raises(ValueError, match="two or more draws"):
        draws_interval(1.0, [1.0])


def test_interval_is_frozen():
    with pytest.raises(AttributeError):
        Interval(1.0).value = 2.0


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 5.0, 50.0])
def test_an_interval_over_images_and_seeds_covers_95_percent_and_no_less(seeds, spread):
    """The images' error is common to all seeds; alone, either part covers 95 %, and together up to 99 % (two seeds)."""
    generator = np.random.default_rng(0)
    images, trainings = generator.normal(0, 1, 4000), generator.normal(0, spread, (4000, seeds))
    half = stats.norm.ppf(0.975)
    covered = [
        over_seeds([Interval(value, value - half, value + half) for value in error + row]).contains(0.0)
        for error, row in zip(images, trainings, strict=True)
    ]
    assert 0.935 <= np.mean(covered) <= (0.97 if spread in (0.0, 50.0) else 0.995)


def test_joined_half_widths_add_like_the_sides_of_a_triangle():
    both = joined(10.0, (7.0, 14.0), (6.0, 13.0))
    assert (both.lo, both.hi) == pytest.approx((5.0, 15.0))
    alone = joined(10.0, (7.0, 14.0))
    assert (alone.lo, alone.hi) == (7.0, 14.0)


def test_one_seed_has_the_interval_over_images_alone():
    one = over_seeds([Interval(1.0, 0.5, 1.25)])
    assert (one.value, one.lo, one.hi) == (1.0, 0.5, 1.25)


def test_what_is_undefined_with_one_seed_is_refused_with_its_reason():
    found = over_seeds([Interval(1.0, 0.5, 1.25), refused("no common range")])
    assert (found.defined, found.reason) == (False, "no common range")
    assert not joined(1.0, (math.nan, 2.0), (0.0, 2.0)).defined

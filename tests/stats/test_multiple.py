import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdcbench.stats import Interval, holm, p_value, refused


@pytest.mark.parametrize("degrees", [1.0, 19.0, math.inf])
def test_p_values_are_those_of_the_test_behind_the_interval(degrees):
    law = stats.norm() if math.isinf(degrees) else stats.t(degrees)
    error, value = 0.3, -0.8
    half = law.ppf(0.975) * error
    assert p_value(Interval(value, value - half, value + half), degrees) == pytest.approx(2 * law.cdf(value / error))


def test_an_interval_that_touches_0_has_p_of_one_minus_its_level():
    assert p_value(Interval(1.0, 0.0, 9.0)) == pytest.approx(0.05)


def test_no_width_is_certain_and_no_interval_says_nothing():
    assert p_value(Interval(1.0, 1.0, 1.0)) == 0.0
    assert p_value(Interval(0.0, 0.0, 0.0)) == 1.0
    assert math.isnan(p_value(refused("why", 1.0)))


def test_holm_steps_down_and_stops():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == [True, False, False, True]
    assert holm([0.04]).tolist() == [True]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_all_that_bonferroni_keeps_and_nothing_beyond_the_level(values):
    kept = holm(values)
    assert (kept >= (np.array(values) <= 0.05 / len(values))).all()
    assert (np.array(values)[kept] <= 0.05 + 1e-12).all()


def test_false_alarms_among_many_are_as_rare_as_promised():
    draws = np.random.default_rng(0).uniform(size=(2000, 50))
    assert np.mean([holm(row).any() for row in draws]) == pytest.approx(0.05, abs=0.015)


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        holm([math.nan])

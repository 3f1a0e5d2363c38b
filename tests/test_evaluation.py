from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rdcbench.evaluation import Evaluation, interval_of
from rdcbench.records import Field, Measurement


def test_means_have_a_bootstrap_interval_that_rows_share():
    values = np.random.default_rng(0).exponential(size=400)
    interval = interval_of(Measurement(float(values.mean()), values))
    half = 1.96 * values.std() / 20
    assert interval.lo == pytest.approx(values.mean() - half, abs=0.25 * half)
    assert interval.hi == pytest.approx(values.mean() + half, abs=0.25 * half)
    moved = interval_of(Measurement(float(values.mean()) + 5, values + 5))
    assert (moved.lo - interval.lo, moved.hi - interval.hi) == pytest.approx((5, 5)), "paired between rows"


def test_distances_have_a_jackknife_interval_about_the_corrected_value():
    """The variance of a sample, whose plug-in value is too small by a share of 1/n."""
    values = np.random.default_rng(0).normal(size=200)
    blocks = values.reshape(20, 10)
    leave_out = np.array([np.delete(blocks, block, 0).var() for block in range(20)])
    interval = interval_of(Measurement(float(values.var()), leave_out=leave_out))
    assert interval.value == pytest.approx(values.var(ddof=1), rel=2e-3)
    spread = 19 / 20 * ((leave_out - leave_out.mean()) ** 2).sum()
    half = stats.t.ppf(0.975, 19) * math.sqrt(spread)
    assert (interval.lo, interval.hi) == pytest.approx((interval.value - half, interval.value + half))


def test_a_plain_number_has_no_width():
    interval = interval_of(Measurement(3.0))
    assert (interval.lo, interval.value, interval.hi) == (3.0, 3.0, 3.0)


def test_a_corrected_distance_does_not_leave_its_bounds():
    result = Evaluation()
    result.add("d", Field("1", "lower", 0.0), Measurement(0.1, leave_out=np.array([0.2, 0.2, 0.2])), "judge:x", "3")
    assert result.values["d"].value == 0.0
    assert result.fields["d"].version == "3"

import math
import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdcbench.stats import bd

RATE_A, QUALITY_A = [9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]
RATE_B, QUALITY_B = [9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]
METHODS = ("pchip", "akima")


@pytest.mark.parametrize(("method", "percent"), [("pchip", -4.4174853506), ("akima", -4.4252451570)])
def test_worked_example_of_science_md(method, percent):
    delta = bd(RATE_A, QUALITY_A, RATE_B, QUALITY_B, "rate", method=method)
    assert delta.value == pytest.approx(percent, abs=5e-11)
    assert delta.unit == "%"
    assert delta.overlap == pytest.approx((40.037 - 34.987) / (40.121 - 34.851), rel=1e-12)
    assert delta.interval == (34.987, 40.037)
    assert (delta.points, delta.used) == ((4, 4), (4, 4))
    assert (delta.monotone, delta.interpolant_monotone) == ((True, True), (True, True))


@pytest.mark.parametrize("method", METHODS)
def test_rates_times_09_are_minus_10_percent_and_quality_plus_1_is_plus_1(method):
    cheaper = bd(RATE_A, QUALITY_A, np.array(RATE_A) * 0.9, QUALITY_A, "rate", method=method)
    better = bd(RATE_A, QUALITY_A, RATE_A, np.array(QUALITY_A) + 1, "value", method=method)
    assert cheaper.value == pytest.approx(-10.0, abs=1e-9)
    assert better.value == pytest.approx(1.0, abs=1e-9)
    assert (better.unit, better.overlap) == ("", 1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(4, 7), st.sampled_from(METHODS), st.sampled_from(["rate", "value"]))
def test_random_curves_agree_with_the_bjontegaard_package(seed, rows, method, kind):
    mpl.use("agg")
    import bjontegaard

    generator = np.random.default_rng(seed)
    rates = [np.cumsum(generator.uniform(0.2, 2, rows)) for _ in range(2)]
    values = [np.cumsum(generator.uniform(0.2, 2, rows)) for _ in range(2)]
    ours = bd(rates[0], values[0], rates[1], values[1], kind, method=method, min_overlap=0.0)
    theirs = bjontegaard.bd_rate if kind == "rate" else bjontegaard.bd_psnr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(rates[0], values[0], rates[1], values[1], method=method)
    assert ours.value == pytest.approx(expected, rel=1e-7, abs=1e-9, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(METHODS))
def test_value_difference_changes_its_sign_when_the_curves_change_places(seed, method):
    generator = np.random.default_rng(seed)
    x = np.cumsum(generator.uniform(0.2, 2, (2, 5)), axis=1)
    y = np.cumsum(generator.uniform(0.2, 2, (2, 5)), axis=1)
    forth = bd(x[0], y[0], x[1], y[1], "value", method=method, min_overlap=0.0)
    back = bd(x[1], y[1], x[0], y[0], "value", method=method, min_overlap=0.0)
    assert forth.value == pytest.approx(-back.value, abs=1e-9, nan_ok=True)
    assert bd(x[0], y[0], x[0], y[0], "value", method=method).value == pytest.approx(0.0, abs=1e-12)


def test_linear_axes_at_fixed_rate_give_plain_units():
    perception, distortion = np.array([1.2, 2.2, 3.8, 5.9]), np.array([0.074, 0.065, 0.054, 0.046])
    higher = bd(perception, distortion, perception, distortion + 0.002, "value", log=False, better=("min", "min"))
    assert higher.value == pytest.approx(0.002, abs=1e-12)
    right = bd(perception, distortion, perception + 0.5, distortion, "rate", log=False, better=("min", "min"))
    assert right.value == pytest.approx(0.5, abs=1e-9)
    assert right.unit == ""


def test_dominated_and_repeated_rows_change_nothing_but_the_record():
    rates, qualities = [*RATE_B, 5000.0, 1356.24], [*QUALITY_B, 35.0, 34.987]
    delta = bd(RATE_A, QUALITY_A, rates, qualities)
    assert delta.value == pytest.approx(-4.4174853506, abs=5e-11)
    assert (delta.points, delta.used, delta.monotone) == ((4, 6), (4, 4), (True, False))


def test_an_akima_interpolant_that_overshoots_is_told():
    x, y = np.array([3.0, 11, 18, 19, 23]), np.array([17.0, 28, 29, 44, 58])
    akima = bd(x, y, x, y, "value", method="akima", log=False)
    assert akima.monotone == (True, True)
    assert akima.interpolant_monotone == (False, False)
    assert bd(x, y, x, y, "value", method="pchip", log=False).interpolant_monotone == (True, True)


def test_what_cannot_be_compared_is_nan_with_its_reason():
    apart = bd(RATE_A, QUALITY_A, RATE_B, np.array(QUALITY_B) + 20)
    assert math.isnan(apart.value)
    assert apart.overlap == 0.0
    assert "overlap over 0%" in apart.reason
    short = bd(RATE_A, QUALITY_A, RATE_B, np.array(QUALITY_B) + 3)
    assert math.isnan(short.value)
    assert "50% is needed" in short.reason
    few = bd(RATE_A, QUALITY_A, RATE_B[:2], QUALITY_B[:2])
    assert math.isnan(few.value)
    assert "(4, 2) rows; 3 are needed" in few.reason
    same = bd(RATE_A, QUALITY_A, [2000.0] * 4, [37.0] * 4)
    assert math.isnan(same.value)
    assert same.used == (4, 1)
    zero = bd([0.0, *RATE_A], [30.0, *QUALITY_A], RATE_B, QUALITY_B)
    assert math.isnan(zero.value)
    assert "no logarithm" in zero.reason


def test_bad_input_raises():
    with pytest.raises(ValueError, match="x of curve a 2, y of curve a 3"):
        bd([1, 2], [1, 2, 3], RATE_B, QUALITY_B)
    with pytest.raises(ValueError, match="y of curve b holds 1 of 4"):
        bd(RATE_A, QUALITY_A, RATE_B, [1, 2, np.nan, 3])
    with pytest.raises(ValueError, match="x of curve b is empty"):
        bd(RATE_A, QUALITY_A, [], [])
    with pytest.raises(ValueError, match="there are"):
        bd(RATE_A, QUALITY_A, RATE_B, QUALITY_B, method="cubic")


def test_importing_the_statistics_imports_no_pyplot_torch_or_pandas():
    code = "import sys, rdcbench.stats; print(sorted({'matplotlib', 'torch', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

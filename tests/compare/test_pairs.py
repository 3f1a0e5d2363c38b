from __future__ import annotations

import math

import pytest
from verify.fake import FakeRun

from .conftest import sweep


def found(comparison, field, point="classification=0"):
    return next(one for one in comparison.pairs.differences if (one.field, one.point) == (field, point))


def test_a_shift_is_real_however_small_where_the_images_share_their_noise(compared):
    noise = {("rdc", "mse"): 0.01}
    comparison = compared(FakeRun(sweep(), noise), FakeRun(sweep(shift=1e-5), noise))
    one = found(comparison, "mse")
    assert one.interval.value == pytest.approx(1e-5)
    assert one.interval.hi - one.interval.lo < 1e-9
    assert one.verdict == "A better"
    assert found(comparison, "ce_judge").verdict == "equal"


def test_a_shift_below_the_noise_is_not_told_apart(compared):
    run = FakeRun(sweep("one") | sweep("two", shift=1e-5), {("one", "mse"): 0.01, ("two", "mse"): 0.01})
    one = found(compared(run, run, ("one", "two")), "mse")
    assert one.interval.lo < 0 < one.interval.hi
    assert one.verdict == "not told apart"
    assert one.study == "one | two"


def test_better_follows_the_direction_of_the_field(compared):
    comparison = compared(FakeRun(sweep()), FakeRun(sweep(accuracy_judge=0.99, perception=10.0)))
    assert {found(comparison, name).verdict for name in ("accuracy_judge", "perception")} == {"B better"}


def test_a_distance_is_drawn_by_blocks_and_in_its_own_unit(compared):
    a, b = FakeRun(sweep(sliced_w2=0.1)), FakeRun(sweep(sliced_w2=0.2))
    one = found(compared(a, b), "sliced_w2")
    assert one.interval.value == pytest.approx(0.1, rel=0.01)
    assert one.interval.contains(one.interval.value)
    assert one.verdict == "A better"


def test_seeds_widen_the_interval(compared):
    wobble = {("rdc", "mse"): 0.002}
    alone = found(compared(FakeRun(sweep()), FakeRun(sweep(shift=0.001))), "mse")
    several = found(compared(FakeRun(sweep(), seeds=2), FakeRun(sweep(shift=0.001), wobble=wobble, seeds=2)), "mse")
    assert several.interval.value == pytest.approx(0.001)
    assert (alone.verdict, several.verdict) == ("A better", "not told apart")


def test_facts_about_a_file_have_no_interval(compared):
    comparison = compared(FakeRun(sweep()), FakeRun(sweep(rate_coded=4.7)))
    one = found(comparison, "rate_coded")
    assert one.interval.value == pytest.approx(0.1)
    assert (one.verdict, one.reason) == ("no interval", "no estimate over images: as measured")
    assert found(comparison, "rate_bound").verdict == "equal"


def test_rates_without_a_bound_are_equal(compared):
    free = FakeRun(sweep(rate_bound=math.inf))
    assert found(compared(free, free), "rate_bound").verdict == "equal"
    one = found(compared(FakeRun(sweep()), free), "rate_bound")
    assert (one.verdict, one.reason) == ("not compared", "one is infinite")


def test_networks_of_other_trainings_judge_something_else(compared):
    a, b = (FakeRun(sweep(), references={"perception": real}) for real in (1.5, 1.6))
    one = found(compared(a, b), "perception")
    assert math.isnan(one.interval.value)
    assert (one.verdict, one.reason) == ("not compared", "perception was judged by networks of different trainings")


def test_without_a_common_seed_nothing_is_paired(compared):
    a, b = (
        FakeRun(sweep(), seeds=2, missing={f"{name}/seed{seed}" for name in sweep()}) for seed in (0, 1)
    )  # fmt: skip
    assert found(compared(a, b), "mse").reason == "no training seed in common"


def test_rows_without_a_partner_are_named(compared):
    more = sweep() | {"rdc/end-to-end/classification=9": sweep()["rdc/end-to-end/classification=0"]}
    pairs = compared(FakeRun(sweep()), FakeRun(more)).pairs
    assert (pairs.only_a, pairs.only_b) == ((), ("rdc/end-to-end/classification=9",))


def test_values_that_are_no_numbers_are_not_compared(compared):
    one = found(compared(FakeRun(sweep()), FakeRun(sweep(ce_judge=math.nan))), "ce_judge")
    assert one.verdict == "not compared"
    assert "not numbers" in one.reason

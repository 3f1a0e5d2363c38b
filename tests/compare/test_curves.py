from __future__ import annotations

import math

import pytest
from verify.fake import FakeRun

from .conftest import sweep


def along(comparison, field):
    return next(curve for curve in comparison.curves if curve.along == field)


def test_the_delta_of_a_shifted_curve_is_the_shift_by_both_methods(compared):
    curve = along(compared(FakeRun(sweep()), FakeRun(sweep(shift=0.001))), "ce_judge")
    assert curve.interval.value == pytest.approx(0.001)
    assert curve.akima.value == pytest.approx(0.001)
    assert curve.interval.lo > 0
    assert curve.mean.value == pytest.approx(0.001)
    assert (curve.unit, curve.universality) == ("mse", False)


def test_only_what_was_swept_is_a_constraint(compared):
    run = FakeRun(sweep())
    assert [curve.along for curve in compared(run, run).curves] == ["ce_judge", "accuracy_judge"]


def test_one_encoder_with_many_decoders_has_a_universality_gap(compared):
    run = FakeRun(sweep() | sweep("uni", "universal", 0.002))
    curve = along(compared(run, run, ("rdc", "uni")), "accuracy_judge")
    assert curve.universality
    assert curve.loosest.value == pytest.approx(0.002)
    assert curve.maximum.lo > 0.0015


def test_no_overlap_is_nan_with_its_reason(compared):
    far = {name: {**values, "ce_judge": values["ce_judge"] + 5} for name, values in sweep().items()}
    curve = along(compared(FakeRun(sweep()), FakeRun(far)), "ce_judge")
    assert math.isnan(curve.delta.value)
    assert math.isnan(curve.interval.value)
    assert "the curves overlap over 0% of their union" in curve.interval.reason
    assert "no common range" in curve.mean.reason


def test_curves_of_two_rates_are_not_compared(compared):
    curve = along(compared(FakeRun(sweep()), FakeRun(sweep(rate_bound=8.0))), "ce_judge")
    assert math.isnan(curve.delta.value)
    assert curve.delta.reason == "rate bounds of 4.75 bit and 8 bit: distortions compare at equal rate only"


def test_codecs_without_a_rate_bound_are_compared_in_rate(compared):
    def jpeg(factor):
        return {
            f"jpeg/end-to-end/quality={q}": {"mse": 0.1 / q, "rate_coded": factor * 100.0 * q, "rate_bound": math.inf}
            for q in (1, 2, 3, 4)
        }

    (curve,) = compared(FakeRun(jpeg(1.0)), FakeRun(jpeg(0.9))).curves
    assert (curve.along, curve.unit) == ("rate_coded", "%")
    assert curve.delta.value == pytest.approx(-10.0)
    assert curve.akima.value == pytest.approx(-10.0)
    assert "no estimate over images" in curve.interval.reason


def test_model_rates_that_differ_are_said(compared):
    curve = along(compared(FakeRun(sweep()), FakeRun(sweep(rate_model=4.2))), "ce_judge")
    assert curve.note == "model rates differ: A 4.50 to 4.50 bit, B 4.20 to 4.20"

"""Laws of a Gaussian source on stored runs: made to PASS, to FAIL, and to be UNDECIDED."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdcbench import oracles
from rdcbench.errors import RecipeError
from rdcbench.verify.kinds import make_claim

from .fake import FakeRun

VARIANCE = 0.25
BUDGETS = (0.0, 0.05, 0.0858)
LAW = {
    "kind": "law", "oracle": "gaussian_distortion", "given": {"rate": 0.5}, "dials": {"perception": "budget"},
    "studies": ["e", "u"], "field": "mse", "unit": VARIANCE, "relative": 0.01,
}  # fmt: skip
GAP = {
    "kind": "law", "oracle": "gaussian_universality_gap", "given": {"rate": 0.5, "perceptions": list(BUDGETS)},
    "gap": {"universal": "u", "end_to_end": "e", "along": "ce"}, "unit": VARIANCE, "absolute": 0.005,
}  # fmt: skip


def run_of(usual: float = 1e-3, **shift: float) -> FakeRun:
    """Rows on the closed form, end to end and universal; their W2 squared is called ce."""
    rows = {
        f"{study}/x/budget={budget:g}": {
            "mse": VARIANCE * oracles.gaussian_distortion(0.5, budget),
            "ce": VARIANCE * budget + 1e-4,
            "rate_bound": 8.0,
            "rate_model": 7.0,
        }
        for study in ("e", "u")
        for budget in BUDGETS
    }
    run = FakeRun(rows, usual=usual)
    run.add("u", **shift)
    return run


@pytest.mark.parametrize(
    ("usual", "shift", "verdict"),
    [
        (1e-3, 0.0, "PASS"),
        (1e-3, 0.005 * VARIANCE * 0.5, "PASS"),
        (1e-3, 0.05 * VARIANCE * 0.5, "FAIL"),
        (1e-3, -0.05 * VARIANCE * 0.5, "FAIL"),
        (0.3, 0.0, "UNDECIDED"),
        (0.1, 0.01 * VARIANCE * 0.5, "UNDECIDED"),
    ],
)
def test_every_row_against_its_closed_form(tried, usual, shift, verdict):
    finding = tried(run_of(usual, mse=shift), **LAW)
    assert finding.verdict == verdict, finding.numbers
    assert finding.numbers.startswith("6 rows; farthest ")
    assert ("not within: " in finding.numbers) == (verdict != "PASS")


def test_the_farthest_row_is_printed_in_the_unit_of_the_closed_form(tried):
    run = run_of()
    run.add("u/x/budget=0.05", mse=0.02 * VARIANCE)
    finding = tried(run, **LAW)
    expected = oracles.gaussian_distortion(0.5, 0.05)
    assert f"farthest u/x/budget=0.05 {expected + 0.02:.5f} [" in finding.numbers
    assert f"closed form {expected:.6g}; not within: u/x/budget=0.05" in finding.numbers


def test_a_part_of_the_tolerance_may_be_absolute(tried):
    law = {**LAW, "oracle": "gaussian_perception", "field": "ce"}
    assert tried(run_of(1e-5), **law).verdict == "FAIL"
    assert tried(run_of(1e-5), **law, absolute=1e-3).verdict == "PASS"


def test_a_number_without_noise_is_compared_as_it_is(tried):
    run = FakeRun({"s/x/p": {"rate_coded": 64 * 2.105}})
    law = {"kind": "law", "oracle": "gaussian_dithered_rate", "given": {"step": 1.0}, "studies": "s"}
    assert tried(run, **law, field="rate_coded", unit=64.0, relative=0.01).verdict == "PASS"
    assert tried(run, **law, field="rate_coded", unit=64.0, relative=1e-5).verdict == "FAIL"


def test_points_may_be_chosen(tried):
    run = run_of()
    run.add("u/x/budget=0", mse=1.0)
    assert tried(run, **LAW, points="budget=0.05").verdict == "PASS"


@pytest.mark.parametrize(
    ("usual", "shift", "verdict"),
    [
        (1e-3, 0.0, "PASS"),
        (1e-3, 0.02 * VARIANCE, "FAIL"),
        (1e-4, 0.001 * VARIANCE, "FAIL"),
        (0.5, 0.0, "UNDECIDED"),
    ],
)
def test_a_gap_lies_within_its_noise_and_its_noise_within_the_tolerance(tried, usual, shift, verdict):
    """A gap that its interval tells from the closed form is a FAIL however small it is."""
    finding = tried(run_of(usual, mse=shift), **GAP)
    assert finding.verdict == verdict, finding.numbers
    assert "over ce 0.0004 to 0.0862; closed form" in finding.numbers


def test_a_gap_of_rows_that_are_one_is_0_up_to_rounding(tried):
    run = run_of()
    run.noise |= {(name, field): 0.0 for name in run.rows for field in ("mse", "ce")}
    assert tried(run, **GAP).verdict == "PASS"


def test_what_is_missing_leaves_a_law_open_and_a_broken_one_broken(tried):
    run = run_of()
    run.missing.add("u/x/budget=0/seed0")
    assert tried(run, **LAW).verdict == "UNDECIDED"
    run.add("e", mse=1.0)
    assert tried(run, **LAW).verdict == "FAIL"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"studies": "w"}, "no row of w with mse"),
        ({"dials": {"perception": "dial"}}, "e/x/budget=0 has no 'dial' in its tradeoff"),
        ({"given": {"rate": -1.0}}, "gaussian_distortion has no value here: rate is -1.0"),
    ],
)
def test_what_cannot_be_told_is_undecided_and_says_why(tried, change, sentence):
    finding = tried(run_of(), **{**LAW, **change})
    assert finding.verdict == "UNDECIDED"
    assert sentence in finding.numbers


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"oracle": "gaussian_distorsion"}, "no oracle 'gaussian_distorsion'"),
        ({"oracle": "LEAK_RATE"}, "no oracle 'LEAK_RATE'"),
        ({"given": {"bits": 0.5}}, "the oracle 'gaussian_distortion' cannot be asked with these arguments: "),
        ({"field": ""}, "a law needs 'studies' and 'field', or else 'gap'"),
        ({"gap": GAP["gap"]}, "a law needs 'studies' and 'field', or else 'gap'"),
        ({"unit": 0.0}, "claims.one.unit: input should be greater than 0"),
    ],
)
def test_a_law_that_cannot_be_asked_is_refused(change, sentence):
    with pytest.raises(RecipeError) as error:
        make_claim("one", {**LAW, **change, "says": "s", "reason": "r"}, Path("expected.toml"))
    assert sentence in str(error.value)

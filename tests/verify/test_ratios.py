from __future__ import annotations

import pytest

from .fake import FakeRun

RATIO = {"kind": "ratio", "field": "mse", "study": "s", "point": "one", "to": "zero", "at_least": 1.94, "at_most": 2.06}


@pytest.mark.parametrize(
    ("one", "noise", "verdict"), [(0.08, 1e-5, "PASS"), (0.09, 1e-5, "FAIL"), (0.07, 1e-5, "FAIL"), (0.082, 0.05, "UNDECIDED")]
)  # fmt: skip
def test_a_ratio_lies_within_its_limits(tried, one, noise, verdict):
    run = FakeRun({"s/x/one": {"mse": one}, "s/x/zero": {"mse": 0.04}}, noise={("s", "mse"): noise})
    finding = tried(run, **RATIO)
    assert finding.verdict == verdict, finding.numbers


def test_nothing_is_a_multiple_of_nothing(tried):
    run = FakeRun({"s/x/one": {"mse": 0.04}, "s/x/zero": {"mse": 0.0}})
    finding = tried(run, **RATIO)
    assert (finding.verdict, "needs one above 0" in finding.numbers) == ("UNDECIDED", True)


SHARE = {"kind": "gap-share", "universal": "j", "than": "u", "end_to_end": "e", "along": "ce", "at_most": 0.5}
RATES = {"rate_bound": 4.755, "rate_model": 4.6}
FRONT = ((0.046, 1.4), (0.049, 0.4), (0.052, 0.25))


def gaps(joint: float, paper: float = 0.052, **options) -> FakeRun:
    """End to end falls to D .046 at the loosest; the frozen encoders stay at theirs."""
    rows = {f"e/x/{place}": {**RATES, "mse": mse, "ce": ce} for place, (mse, ce) in enumerate(FRONT)}
    rows |= {"u/x/0": {**RATES, "mse": paper, "ce": 0.3}, "j/x/0": {**RATES, "mse": joint, "ce": 0.5}}
    return FakeRun(rows, **options)


@pytest.mark.parametrize(("joint", "verdict"), [(0.0475, "PASS"), (0.0505, "FAIL")])
def test_one_gap_is_a_share_of_another(tried, joint, verdict):
    finding = tried(gaps(joint), **SHARE)
    assert finding.verdict == verdict, finding.numbers
    share = (joint - 0.046) / 0.006
    assert f"share {share:.2f}"[:10] in finding.numbers
    assert finding.numbers.endswith("tightest level reached 0.5 against 0.3")


def test_a_share_within_its_noise_is_left_open(tried):
    assert tried(gaps(0.0489, noise={("j", "mse"): 0.02}), **SHARE).verdict == "UNDECIDED"


def test_no_gap_has_no_share(tried):
    finding = tried(gaps(0.0475, paper=0.0455), **SHARE)
    assert (finding.verdict, "has no gap above 0" in finding.numbers) == ("UNDECIDED", True)


def test_other_rates_do_not_compare(tried):
    run = gaps(0.0475)
    run.put("j", rate_bound=8.0)
    assert "different rate_bound" in tried(run, **SHARE).numbers

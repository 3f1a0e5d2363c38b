from __future__ import annotations

import pytest

from .fake import FakeRun

ORDER = {"kind": "ordered", "field": "mse", "studies": ["a", "b"], "points": ["p", "q"]}


def run_of(a: float, b: float, **options) -> FakeRun:
    rows = {"a/x/p": a, "a/x/q": 0.06, "b/x/p": b, "b/x/q": 0.03}
    return FakeRun({name: {"mse": mse} for name, mse in rows.items()}, **options)


@pytest.mark.parametrize(
    ("b", "noise", "verdict"), [(0.04, 1e-5, "PASS"), (0.06, 1e-5, "FAIL"), (0.049, 0.1, "UNDECIDED")]
)
def test_a_field_falls_from_study_to_study_at_every_point(tried, b, noise, verdict):
    finding = tried(run_of(0.05, b, noise={("b", "mse"): noise}), **ORDER)
    assert finding.verdict == verdict
    assert finding.numbers.startswith(f"mse of a, b: p 0.05, {b:g} (least step ")


def test_equal_rows_do_not_fall(tried):
    assert tried(run_of(0.05, 0.05, usual=0.0), **ORDER).verdict == "FAIL"


def test_a_field_rises_from_point_to_point(tried):
    claim = {**ORDER, "along": "points", "direction": "rises", "studies": "a"}
    finding = tried(run_of(0.05, 0.04), **claim)
    assert finding.verdict == "PASS"
    assert finding.numbers.startswith("mse of p, q: a 0.05, 0.06 (least step 0.0100")
    assert tried(run_of(0.07, 0.04), **claim).verdict == "FAIL"


def test_what_rows_share_cancels_and_what_seeds_do_not_share_counts(tried):
    """Rows of one seed are a percent apart; over seeds that percent scatters."""
    run = run_of(0.05, 0.0495, usual=0.001)
    assert tried(run, **ORDER).verdict == "PASS"
    run.seeds, run.wobble = 3, {("a", "mse"): 0.0005}
    assert tried(run, **ORDER).verdict == "UNDECIDED"


def test_a_row_that_is_missing_leaves_it_open(tried):
    run = run_of(0.05, 0.04)
    del run.rows["b/x/q"]
    finding = tried(run, **ORDER)
    assert (finding.verdict, finding.numbers) == ("UNDECIDED", "no row of b at q with mse")

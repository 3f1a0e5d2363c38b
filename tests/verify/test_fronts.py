from __future__ import annotations

import pytest

from .fake import FakeRun

FRONT = {"kind": "front", "curves": [["a", "b"]], "along": "ce", "at_most": 0.0005}
CURVE = {"a/x/1": (0.25, 0.052), "a/x/2": (0.4, 0.0495), "b/x/3": (0.8, 0.048), "b/x/4": (1.8, 0.046)}


def run_of(**moved: float) -> FakeRun:
    rows = {name: {"ce": ce, "mse": mse + moved.get(f"p{name[-1]}", 0.0)} for name, (ce, mse) in CURVE.items()}
    return FakeRun(rows)


def test_a_curve_that_falls_and_is_convex(tried):
    assert tried(run_of(), **FRONT).verdict == "PASS"


def test_a_dent_beyond_the_tolerance_is_named(tried):
    finding = tried(run_of(p3=0.0012), **FRONT)
    assert finding.verdict == "FAIL"
    assert "a, b: monotone, convex but for 0.0007" in finding.numbers
    assert finding.numbers.endswith(" at 3")


def test_a_dent_within_the_tolerance_is_none(tried):
    assert tried(run_of(p3=0.0008), **{**FRONT, "at_most": 0.001}).verdict == "PASS"


def test_a_row_that_another_one_beats_breaks_monotonicity(tried):
    finding = tried(run_of(p4=0.003), **FRONT)
    assert finding.verdict == "FAIL"
    assert "monotone but for 0.00100" in finding.numbers
    assert "at 4" in finding.numbers


def test_seeds_that_scatter_leave_it_open(tried):
    run = run_of(p3=0.0012)
    run.seeds, run.wobble = 3, {("b/x/3", "mse"): 0.001}
    assert tried(run, **FRONT).verdict == "UNDECIDED"


@pytest.mark.parametrize("kept", [1, 2])
def test_few_rows_have_no_shape(tried, kept):
    run = run_of()
    run.rows = dict(list(run.rows.items())[:kept])
    finding = tried(run, **FRONT)
    assert finding.verdict == "UNDECIDED"
    assert f"a, b: {kept} row" in finding.numbers

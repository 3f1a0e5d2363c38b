from __future__ import annotations

import pytest

from .fake import FakeRun

CLAIM = {"kind": "converged", "study": "a", "twice": "a-twice", "fields": {"mse": 0.02}, "how": "make it"}


def once(**options) -> FakeRun:
    return FakeRun({f"a/x/{point}": {"mse": 0.05} for point in "pq"}, **options)


def twice(change: float, steps: int = 200, **options) -> FakeRun:
    rows = {f"a-twice/x/{point}": {"mse": 0.05 * (1 + change)} for point in "pq"}
    return FakeRun(rows, steps={"a-twice": steps}, **options)


def both(change: float, **options) -> FakeRun:
    run = once(**options)
    longer = twice(change)
    run.rows |= longer.rows
    run.steps |= longer.steps
    return run


@pytest.mark.parametrize(
    ("change", "usual", "verdict"),
    [
        (-0.01, 1e-4, "PASS"),
        (0.01, 1e-4, "PASS"),
        (-0.03, 1e-4, "FAIL"),
        (0.03, 1e-4, "FAIL"),
        (-0.019, 0.1, "UNDECIDED"),
    ],
)
def test_points_without_a_critic(tried, change, usual, verdict):
    finding = tried(both(change, usual=usual), **CLAIM)
    assert finding.verdict == verdict
    assert f"p: mse {100 * change:+.1f} [" in finding.numbers


def test_the_study_of_twice_the_steps_may_be_in_a_further_run(tried):
    assert tried(once(), **CLAIM).numbers == "no row of a-twice with mse; make it"
    assert tried(once(), twice(0.01), **CLAIM).verdict == "PASS"


@pytest.mark.parametrize(
    ("seeds", "change", "verdict"),
    [(1, -0.05, "UNDECIDED"), (2, -0.05, "UNDECIDED"), (3, -0.05, "FAIL"), (1, -0.01, "PASS")],
)
def test_with_a_critic_few_seeds_leave_it_open_and_many_must_show_it(tried, seeds, change, verdict):
    assert tried(both(change, critics={"a"}, seeds=seeds), **CLAIM).verdict == verdict


def test_what_three_seeds_leave_open_beside_a_critic_has_not_been_shown(tried):
    run = both(-0.015, critics={"a"}, seeds=3, wobble={("a-twice", "mse"): 0.001})
    assert tried(run, **CLAIM).verdict == "FAIL"
    run.critics = set()
    assert tried(run, **CLAIM).verdict == "UNDECIDED"


def test_other_steps_than_twice_are_refused(tried):
    finding = tried(once(), twice(0.01, steps=150), **CLAIM)
    assert finding.verdict == "UNDECIDED"
    assert "a-twice/x/p was trained for 150 steps and a/x/p for 100: not twice" in finding.numbers


def test_studies_without_a_common_point_are_refused(tried):
    longer = twice(0.01)
    longer.rows = {"a-twice/x/r": {"mse": 0.05}}
    assert "a and a-twice have no point in common (a-twice has r)" in tried(once(), longer, **CLAIM).numbers


def test_no_share_of_nothing(tried):
    run = both(0.0)
    run.put("a", mse=0.0)
    assert "no share of it can be told" in tried(run, **CLAIM).numbers

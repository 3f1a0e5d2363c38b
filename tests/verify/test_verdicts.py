from __future__ import annotations

import math

import pytest

from rdcbench.stats import Interval, refused
from rdcbench.verify.verdicts import Undecided, best, compare, counted, listed, shown, unless_contradicted, worst


@pytest.mark.parametrize(
    ("verdicts", "all_of_them", "one_of_them"),
    [
        (["PASS", "PASS"], "PASS", "PASS"),
        (["PASS", "UNDECIDED"], "UNDECIDED", "PASS"),
        (["PASS", "FAIL", "UNDECIDED"], "FAIL", "PASS"),
        (["FAIL", "UNDECIDED"], "FAIL", "UNDECIDED"),
    ],
)
def test_all_and_one_of_several(verdicts, all_of_them, one_of_them):
    assert (worst(verdicts), best(verdicts)) == (all_of_them, one_of_them)


@pytest.mark.parametrize(
    ("limit", "under", "over"), [(0.5, "FAIL", "PASS"), (2.5, "PASS", "FAIL"), (1.5, *["UNDECIDED"] * 2)]
)
def test_an_interval_and_its_limits(limit, under, over):
    found = Interval(1.5, 1.0, 2.0)
    assert (compare(found, at_most=limit), compare(found, at_least=limit)) == (under, over)
    assert compare(found, at_most=limit, at_least=0.5) == under


def test_an_undefined_interval_decides_nothing():
    assert compare(refused("no draws", 1.0), at_most=9.0) == "UNDECIDED"
    assert compare(Interval(1.0, math.nan, 2.0), at_most=9.0) == "UNDECIDED"


def _ask(answers):
    def ask(judge):
        if answers[judge] is None:
            raise Undecided("no row")
        return answers[judge], "number; detail"

    return ask


@pytest.mark.parametrize(
    ("own", "other", "verdict", "says"),
    [
        ("PASS", "PASS", "PASS", "other judges: kid PASS"),
        ("PASS", "UNDECIDED", "PASS", "other judges: kid UNDECIDED"),
        ("PASS", "FAIL", "FAIL", "contradicted by kid number"),
        ("UNDECIDED", "FAIL", "FAIL", "contradicted by kid number"),
        ("UNDECIDED", "PASS", "UNDECIDED", "other judges: kid PASS"),
        ("FAIL", "FAIL", "FAIL", "other judges: kid FAIL"),
        ("FAIL", "PASS", "FAIL", "other judges: kid PASS"),
        ("PASS", None, "PASS", "other judges: kid cannot tell (no row)"),
    ],
)
def test_a_claim_holds_in_its_own_field_and_no_other_judge_contradicts_it(own, other, verdict, says):
    found, numbers = unless_contradicted((own, "0.1"), ["kid"], _ask({"kid": other}))
    assert found == verdict
    assert numbers == f"0.1; {says}"


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.00118, 0.00083, 0.00152), "0.00118 [0.00083, 0.00152]"),
        (Interval(216.4, 212.3, 220.5), "216.4 [212.3, 220.5]"),
        (Interval(21640.0, 21230.0, 22050.0), "21640 [21230, 22050]"),
        (Interval(6.0, 5.9999361, 6.0000694), "6.0000 [5.9999, 6.0001]"),
        (Interval(0.0, 0.0, 0.0), "0.00000 [0.00000, 0.00000]"),
        (refused("one row", 0.5), "0.5 (no interval: one row)"),
    ],
)
def test_numbers_have_two_digits_of_their_interval_and_at_most_five(interval, text):
    assert shown(interval) == text


def test_lists_are_short():
    assert listed(["a", "b", "a", "c", "d", "e"]) == "a, b, c and 2 more"
    assert (counted(1, "row"), counted(2, "row")) == ("1 row", "2 rows")

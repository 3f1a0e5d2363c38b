from __future__ import annotations

import pytest

from rdcbench.errors import RecipeError

from .fake import DIAL, FakeRun, good

REAL = {"kind": "real", "within": {"perception": [0.0, 2.0], "kid": [-0.1, 0.5]}}
BLIND = {"kind": "dial", "study": "codebook-dial", "points": [f"dial={dial}" for dial in DIAL], "how": "make it"}
DIFFERENCE = {"kind": "difference", "field": "ce_judge", "minus": "ce", "studies": "s", "at_most": 0.4}


def dial() -> FakeRun:
    run = good()
    run.keep({"codebook-dial"})
    return run


@pytest.mark.parametrize(
    ("references", "verdict", "says"),
    [
        ({"perception": 1.5, "kid": 0.3}, "PASS", "perception 1.5 in [0, 2]; kid 0.3 in [-0.1, 0.5]"),
        ({"perception": 3.5, "kid": 0.3}, "FAIL", "perception 3.5 in [0, 2]"),
        ({"perception": 1.5}, "UNDECIDED", "kid not measured"),
    ],
)
def test_real_against_real(tried, references, verdict, says):
    run = FakeRun({"s/x/p": {"perception": 100.0, "kid": 30.0}}, references=references)
    finding = tried(run, **REAL)
    assert (finding.verdict, says in finding.numbers) == (verdict, True)


@pytest.mark.parametrize(
    ("pair", "verdict"),
    [
        ((0.2, -0.3, 0.7), "PASS"),
        ((0.5, 0.1, 0.9), "FAIL"),
        ((-0.5, -0.9, -0.1), "FAIL"),
        ((0.5, -2.0, 3.0), "UNDECIDED"),
        (None, "UNDECIDED"),
    ],
)
def test_a_judge_that_sees_a_difference_where_there_is_none_fails(tried, pair, verdict):
    run = FakeRun({"s/x/p": {"kid": 30.0}}, real_pairs={"kid": pair} if pair else {})
    finding = tried(run, kind="unbiased", floor={"kid": 0.0}, half_width={"kid": 1.0})
    assert (finding.verdict, "floor 0" in finding.numbers) == (verdict, True)


def test_a_floor_without_a_half_width_is_refused(tried):
    with pytest.raises(RecipeError, match=r"kid: 'floor' and 'half_width' must name the same fields"):
        tried(FakeRun({"s/x/p": {"kid": 30.0}}), kind="unbiased", floor={"kid": 0.0}, half_width={})


@pytest.mark.parametrize("field", ["perception", "sliced_w2", "perception_critic", "kid"])
def test_every_judge_that_misses_the_order_of_the_dial_is_named_blind(tried, field):
    run = dial()
    assert tried(run, **BLIND, fields=[field]).verdict == "PASS"
    first, second = (f"codebook-dial/frozen/dial={a}" for a in ("0.5", "0.75"))
    run.rows[first][field], run.rows[second][field] = run.rows[second][field], run.rows[first][field]
    finding = tried(run, **BLIND, fields=["ce", field] if field == "ce" else [field])
    assert (finding.verdict, finding.numbers.startswith(f"blind: {field}")) == ("FAIL", True)


def test_a_step_within_its_interval_leaves_a_judge_open(tried):
    run = dial()
    run.noise = {("codebook-dial", "kid"): 120.0}
    finding = tried(run, **BLIND, fields=["perception", "kid"])
    assert finding.verdict == "UNDECIDED"
    assert finding.numbers.startswith("blind: kid")
    assert "see the order: perception" in finding.numbers


def test_without_a_dial_it_says_how_to_get_one(tried):
    run = dial()
    run.rows.popitem()
    finding = tried(run, **BLIND, fields=["kid"])
    assert (finding.verdict, finding.numbers.endswith("; make it")) == ("UNDECIDED", True)


@pytest.mark.parametrize(("gap", "noise", "verdict"), [(0.1, 0.1, "PASS"), (0.5, 0.1, "FAIL"), (0.4, 1.0, "UNDECIDED")])
def test_the_classification_gap(tried, gap, noise, verdict):
    run = FakeRun({"s/x/p": {"ce": 0.3, "ce_judge": 0.3 + gap}}, noise={("s", "ce_judge"): noise})
    finding = tried(run, **DIFFERENCE)
    assert finding.verdict == verdict
    assert ("more than 0.4: s/x/p" in finding.numbers) == (verdict == "FAIL")

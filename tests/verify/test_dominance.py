from __future__ import annotations

import pytest

from .fake import FakeRun

BELOW = {"kind": "below", "winner": "w", "losers": "l", "fields": ["rate_model", "mse", "accuracy"]}
RATES = {"rate_bound": 4.755, "rate_model": 4.6}
LOSERS = ((0.050, 0.90), (0.047, 0.80), (0.055, 0.95))


def table_of(*winners: tuple[float, float], bits: float = 4.6, **options) -> FakeRun:
    rows = {f"w/x/{place}": {**RATES, "rate_model": bits, "mse": mse, "accuracy": share, "perception": 10.0}
            for place, (mse, share) in enumerate(winners)}  # fmt: skip
    rows |= {f"l/x/{place}": {**RATES, "mse": mse, "accuracy": share} for place, (mse, share) in enumerate(LOSERS)}
    return FakeRun(rows, **options)


@pytest.mark.parametrize(
    ("winner", "bits", "verdict"),
    [
        ((0.045, 0.96), 4.5, "PASS"),
        ((0.045, 0.96), 4.7, "FAIL"),  # dearer
        ((0.045, 0.93), 4.5, "FAIL"),  # less accurate than one of them
        ((0.048, 0.96), 4.5, "FAIL"),  # above one of them
    ],
)
def test_one_row_must_be_below_all_in_every_field(tried, winner, bits, verdict):
    finding = tried(table_of(winner, bits=bits), **BELOW)
    assert finding.verdict == verdict, finding.numbers


def test_one_winner_is_enough_and_it_is_named_with_the_loser_that_comes_nearest(tried):
    finding = tried(table_of((0.06, 0.96), (0.045, 0.96), bits=4.5), **BELOW)
    assert finding.verdict == "PASS"
    assert finding.numbers.startswith("w/x/1 against 3 rows")
    assert "mse exceeds l/x/1's by -0.002" in finding.numbers
    assert finding.numbers.endswith("rate_bound 4.755 against 4.755 bits")


def test_two_winners_that_share_the_work_are_not_one(tried):
    assert tried(table_of((0.045, 0.5), (0.07, 0.96), bits=4.5), **BELOW).verdict == "FAIL"


def test_with_each_every_loser_may_have_a_winner_of_its_own(tried):
    shared = table_of((0.049, 0.96), (0.045, 0.85), bits=4.5)
    assert tried(shared, **BELOW).verdict == "FAIL"
    finding = tried(shared, **BELOW, each=True)
    assert finding.verdict == "PASS", finding.numbers
    assert finding.numbers == "3 of 3 rows below one of w/x/0, w/x/1"


def test_with_each_a_loser_that_no_winner_is_below_is_named(tried):
    finding = tried(table_of((0.049, 0.96), (0.045, 0.75), bits=4.5), **BELOW, each=True)
    assert finding.verdict == "FAIL"
    assert finding.numbers.startswith("2 of 3 rows below one of w/x/0, w/x/1; w/x/0 against 1 row")
    assert "l/x/1" in finding.numbers


def test_differences_over_the_same_images_that_scatter_leave_it_open(tried):
    run = table_of((0.0469, 0.96), bits=4.5, noise={("w", "mse"): 0.05})
    assert tried(run, **BELOW).verdict == "UNDECIDED"


DOMINATES = {"kind": "dominates", "winner": "w", "losers": "l", "along": "ce"}


def curves(loser: tuple[float, float], bits: float = 4.5, **options) -> FakeRun:
    """A curve from (CE .2, D .06) to (CE 1, D .04), and one row beside it."""
    rows = {f"w/x/{ce}": {**RATES, "rate_model": bits, "mse": mse, "ce": ce} for ce, mse in ((0.2, 0.06), (1.0, 0.04))}
    rows["l/x/0"] = {**RATES, "ce": loser[0], "mse": loser[1]}
    return FakeRun(rows, **options)


@pytest.mark.parametrize(
    ("loser", "verdict"), [((0.6, 0.0505), "PASS"), ((0.6, 0.0495), "FAIL"), ((2.0, 0.0401), "PASS")]
)
def test_a_curve_mixes_its_rows(tried, loser, verdict):
    """Halfway between the rows the mixture has D .05; beyond the loosest row it stays at .04."""
    finding = tried(curves(loser), **DOMINATES)
    assert finding.verdict == verdict, finding.numbers


def test_a_row_beyond_the_tightest_of_the_curve_is_not_dominated(tried):
    finding = tried(curves((0.1, 0.2)), **DOMINATES)
    assert (finding.verdict, "not dominated: l/x/0 of 1 row" in finding.numbers) == ("FAIL", True)


def test_a_curve_that_costs_more_bits_does_not_dominate(tried):
    assert tried(curves((0.6, 0.0505), bits=4.7), **DOMINATES).verdict == "FAIL"


def test_a_curve_within_its_noise_is_left_open(tried):
    run = curves((0.6, 0.0502), noise={("w", "mse"): 0.02})
    assert tried(run, **DOMINATES).verdict == "UNDECIDED"


def test_another_judge_contradicts(tried):
    run = curves((0.6, 0.0505))
    run.put("w/x/0.2", ce_judge=1.0)
    run.put("w/x/1.0", ce_judge=2.0)
    run.put("l", ce_judge=0.6)
    finding = tried(run, **DOMINATES, judges="ce_judge")
    assert (finding.verdict, "contradicted by ce_judge" in finding.numbers) == ("FAIL", True)

from __future__ import annotations

import pytest

from .fake import FakeRun

FRONT = ((0.046, 1.8), (0.048, 0.8), (0.053, 0.25))
PENALTY = {
    "kind": "penalty", "theta": "four", "frozen": ["four", "eight"], "point": "w=2", "universal": ["four-u", "eight-u"],
    "end_to_end": ["two", "four", "eight"], "along": "ce", "rates": ["rate_model"],
}  # fmt: skip
AMORTISED = {
    "kind": "amortised", "universal": "u", "end_to_end": "e", "base_study": "e", "base_point": "w=2",
    "seconds_saved": 0.3, "parameters_saved": 0.2,
}  # fmt: skip


def sweep(noise: float = 0.0, better: float = 0.0) -> FakeRun:
    """Fronts at 2, 4 and 8 bits, each .006 below the one before; frozen encoders of 4 and 8 reach little but their own."""
    rows = {}
    for bits, name, shift in ((2.0, "two", 0.006), (4.0, "four", 0.0), (8.0, "eight", -0.006)):
        for weight, (mse, ce) in enumerate(FRONT):
            values = {"mse": mse + shift, "ce": ce + 10 * shift, "rate_model": bits}
            rows[f"{name}/end-to-end/w={weight}"] = values
        if name != "two":
            rows[f"{name}-u/universal/w=0"] = {**values, "mse": values["mse"] - 0.0005 - better}
    return FakeRun(rows, noise={(name, "mse"): noise for name in ("four", "eight")})


def costs(**seconds: float) -> FakeRun:
    rows = {f"e/end-to-end/w={weight}": {"mse": 0.05} for weight in range(3)}
    return FakeRun(rows | {f"u/universal/w={weight}": {"mse": 0.05} for weight in range(2)}, seconds=seconds)


def test_the_penalty_in_bits_is_that_of_the_mixture_of_frozen_encoders(tried):
    """0.046 is reached by mixing D = .0525 at 4 bits with .0465 at 8: not at all; with the better ones, in part."""
    finding = tried(sweep(better=0.0015), **PENALTY, at_least=0.5)
    assert finding.verdict == "PASS", finding.numbers
    share = (0.053 - 0.002 - 0.046) / 0.006  # D of the four's decoder, less what is wanted, over what eight gives more
    assert f"A(Theta) along ce = {4 * share:.2f}" in finding.numbers
    assert f"({4 + 4 * share:.3f} for one universal encoder - 4.000 end to end)" in finding.numbers


@pytest.mark.parametrize(
    ("limits", "noise", "verdict"),
    [({"at_most": 1.0}, 0.0, "FAIL"), ({"at_least": 3.3}, 0.02, "UNDECIDED"), ({"at_least": 3.0}, 0.0, "PASS")],
)
def test_its_interval_decides(tried, limits, noise, verdict):
    finding = tried(sweep(noise, better=0.0015), **PENALTY, **limits)
    assert finding.verdict == verdict, finding.numbers


def test_bits_that_were_measured_have_their_part_in_the_interval(tried):
    run = sweep(better=0.0015)
    run.noise["eight", "rate_model"] = 8.0
    finding = tried(run, **PENALTY, at_least=3.0)
    assert finding.verdict == "UNDECIDED", finding.numbers


def test_a_sweep_that_does_not_reach_its_aim_is_undecided_and_says_so(tried):
    finding = tried(sweep(), **PENALTY, at_least=0.5)
    assert finding.verdict == "UNDECIDED"
    assert "no universal encoder of the sweep, nor a mixture of them, reaches all of Theta" in finding.numbers


def test_bits_of_two_kinds_that_disagree_decide_nothing(tried):
    run = sweep(better=0.0015)
    for name, values in run.rows.items():
        values["rate_bound"] = 4.01 if "eight" in name else values["rate_model"]
    finding = tried(run, **{**PENALTY, "rates": ["rate_model", "rate_bound"]}, at_least=2.0)
    assert finding.verdict == "UNDECIDED"
    assert "bits of rate_bound" in finding.numbers


def test_what_is_saved_is_counted_from_the_cells(tried):
    finding = tried(costs(u=20.0), **AMORTISED)
    assert finding.verdict == "PASS", finding.numbers
    assert "3 points: 300 s, 6000 parameters end to end against 140 s, 4000 parameters" in finding.numbers
    assert "share of seconds saved 0.533 (wall time of one run), of parameters 0.333" in finding.numbers


def test_it_fails_where_nothing_is_saved(tried):
    finding = tried(costs(u=120.0), **AMORTISED)
    assert finding.verdict == "FAIL"
    assert "share of seconds saved -0.133" in finding.numbers


def test_seconds_of_several_seeds_have_an_interval(tried):
    run = costs(u=20.0)
    run.seeds, run.wobble = 3, {("u", "train_seconds"): 15.0, ("e", "train_seconds"): 50.0}
    finding = tried(run, **{**AMORTISED, "seconds_saved": 0.5})
    assert finding.verdict == "UNDECIDED", finding.numbers
    assert "share of seconds saved 0.55 [" in finding.numbers


def test_points_of_one_side_only_are_no_comparison(tried):
    run = costs(u=20.0)
    run.rows = {name.replace("u/universal/w", "u/universal/v"): values for name, values in run.rows.items()}
    finding = tried(run, **AMORTISED)
    assert (finding.verdict, finding.numbers) == ("UNDECIDED", "u and e have no point in common")

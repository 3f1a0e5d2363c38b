from __future__ import annotations

import pytest

from .fake import FakeRun

BOUND = {"kind": "bound", "study": "s", "at_most": {"mse": 0.05}, "at_least": {"accuracy": 0.9}}


def run_of(noise: float = 1e-5, **rows: tuple[float, float]) -> FakeRun:
    found = {f"s/x/{point}": {"mse": mse, "accuracy": accuracy} for point, (mse, accuracy) in rows.items()}
    return FakeRun(found, noise={("s", "mse"): noise, ("s", "accuracy"): noise})


@pytest.mark.parametrize(
    ("mse", "accuracy", "noise", "verdict"),
    [
        (0.049, 0.95, 1e-5, "PASS"),
        (0.051, 0.95, 1e-5, "FAIL"),
        (0.049, 0.85, 1e-5, "FAIL"),
        (0.0499, 0.95, 0.1, "UNDECIDED"),
    ],
)
def test_all_limits_of_one_row(tried, mse, accuracy, noise, verdict):
    assert tried(run_of(noise, p=(mse, accuracy)), point="p", **BOUND).verdict == verdict


def test_one_row_is_enough_for_any_and_it_is_the_one_that_is_printed(tried):
    finding = tried(run_of(p=(0.06, 0.95), q=(0.04, 0.95)), point="any", **BOUND)
    assert (finding.verdict, finding.numbers.startswith("q: mse 0.04")) == ("PASS", True)


def test_seeds_that_scatter_leave_a_limit_open_which_images_alone_would_not(tried):
    run = run_of(p=(0.049, 0.95))
    assert tried(run, point="p", **BOUND).verdict == "PASS"
    run.seeds, run.wobble = 3, {("s", "mse"): 0.001}
    assert tried(run, point="p", **BOUND).verdict == "UNDECIDED"


@pytest.mark.parametrize(("accuracy", "verdict"), [(0.95, "PASS"), (0.85, "FAIL")])
def test_every_row_must_keep_the_limits_and_the_worst_is_printed(tried, accuracy, verdict):
    finding = tried(run_of(p=(0.04, 0.95), q=(0.04, accuracy)), point="every", **BOUND)
    assert (finding.verdict, finding.numbers[0]) == (verdict, "p" if verdict == "PASS" else "q")

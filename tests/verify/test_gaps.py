from __future__ import annotations

import numpy as np
import pytest

from rdcbench import stats
from rdcbench.verify.evidence import Evidence, Scope
from rdcbench.verify.gaps import tradeoff

from .fake import BITS, FakeRun

GAP = {"kind": "gap", "universal": "u", "end_to_end": "e", "along": "ce", "range": "loosest", "at_least": 0.0015}
RATES = {"rate_bound": BITS, "rate_model": 4.6}
PRINTED = {
    "e": [(0.0467, 1.43), (0.0482, 0.77), (0.0493, 0.39), (0.0526, 0.235)],
    "u": [(0.0518, 0.265), (0.0519, 0.24), (0.0520, 0.235), (0.0522, 0.23)],
}


def run_of(shift: float = 0.0, **options) -> FakeRun:
    """The points that the paper prints in figure 6, the universal ones moved in distortion."""
    rows = {
        f"{study}/x/{place}": {**RATES, "mse": mse + shift * (study == "u"), "ce": ce, "accuracy": 1 - ce / 3}
        for study, points in PRINTED.items()
        for place, (mse, ce) in enumerate(points)
    }
    return FakeRun(rows, **options)


@pytest.mark.parametrize(
    ("shift", "usual", "verdict"), [(0.0, 1e-4, "PASS"), (-0.005, 1e-4, "FAIL"), (-0.003, 0.3, "UNDECIDED")]
)
def test_the_loosest_gap_of_the_printed_points(tried, shift, usual, verdict):
    finding = tried(run_of(shift, usual=usual), **GAP)
    assert finding.verdict == verdict, finding.numbers
    if not shift:
        assert finding.numbers.startswith("loosest 0.0051")


def test_universal_rows_below_end_to_end_are_said_to_tell_of_the_latter(tried):
    told = "(below 0: the end-to-end rows are not the best that can be trained)"
    assert told in tried(run_of(-0.008), **GAP).numbers
    assert told not in tried(run_of(), **GAP).numbers


def test_more_accuracy_is_less_to_be_kept_small(tried):
    finding = tried(run_of(), **{**GAP, "along": "accuracy"})
    assert (finding.verdict, finding.numbers[:14]) == ("PASS", "loosest 0.0051")


def test_the_gap_is_computed_with_each_seed_and_joined(tmp_path, tried):
    run = run_of(seeds=3, wobble={("u", "mse"): 0.001}, usual=0.01)
    finding = tried(run, **GAP)
    scope = Scope(Evidence([run.write(tmp_path / "beside")]))
    gaps = []
    for seed in range(3):
        sides = (tradeoff(scope, scope.rows([study], "ce", "mse"), "ce", seed) for study in "ue")
        gaps.append(stats.universality_gap(*sides).loosest)
    joined = stats.over_seeds(gaps)
    assert np.std([gap.value for gap in gaps]) == pytest.approx(0.001 * np.sqrt(2 / 3), rel=0.01)
    assert f"{joined.value:.4f}" in finding.numbers
    assert f"{joined.lo:.4f}" in finding.numbers
    assert joined.hi - joined.lo > 5 * (gaps[0].hi - gaps[0].lo)


def test_seeds_that_scatter_leave_open_what_one_seed_would_decide(tried):
    assert tried(run_of(usual=0.001), **{**GAP, "at_least": 0.004}).verdict == "PASS"
    scattered = run_of(seeds=3, wobble={("u", "mse"): 0.001}, usual=0.001)
    assert tried(scattered, **{**GAP, "at_least": 0.004}).verdict == "UNDECIDED"


def close(**keys: object) -> dict[str, object]:
    """The claim that the largest gap is small."""
    return {**{key: value for key, value in GAP.items() if key != "at_least"}, "range": "common", **keys}


def test_a_judge_without_a_common_range_cannot_tell_and_contradicts_nothing(tried):
    run = run_of()
    run.put("u", accuracy=0.1)
    finding = tried(run, **close(at_most=0.0052, judges=["accuracy", "ssim"]))
    assert finding.verdict == "PASS"
    assert "accuracy cannot tell (no common range" in finding.numbers
    assert "ssim cannot tell (no row of u with ssim" in finding.numbers


def test_another_judge_contradicts_outside_its_interval(tried):
    """In accuracy the first end-to-end row beats all others, and only the worst universal row is as accurate."""
    run = run_of()
    for place, (own, universal) in enumerate(zip((0.9, 0.8, 0.7, 0.6), (0.8, 0.85, 0.88, 0.95), strict=True)):
        run.put(f"e/x/{place}", accuracy=own)
        run.put(f"u/x/{place}", accuracy=universal)
    finding = tried(run, **close(at_most=0.0052, judges="accuracy"))
    assert finding.verdict == "FAIL"
    assert "contradicted by accuracy largest 0.0053" in finding.numbers
    assert tried(run, **close(at_most=0.006, judges="accuracy")).verdict == "PASS"


def test_rows_of_unequal_rate_are_refused_by_name(tried):
    run = run_of()
    run.put("u", rate_bound=8.0)
    finding = tried(run, **GAP)
    assert finding.verdict == "UNDECIDED"
    assert (
        "rows of different rate_bound do not compare: 8.000 bits (u/x/0, u/x/1 and 2 more) against 4.755"
        in finding.numbers
    )


def test_model_rates_that_differ_are_said(tried):
    run = run_of()
    assert "model rates" not in tried(run, **GAP).numbers
    run.put("u", rate_model=4.42)
    assert "model rates differ: 4.42 to 4.42 bits universal, 4.60 to 4.60 end to end" in tried(run, **GAP).numbers


def test_one_end_to_end_row_is_no_front(tried):
    run = run_of()
    run.rows = {name: values for name, values in run.rows.items() if name[0] == "u" or name == "e/x/0"}
    finding = tried(run, **GAP)
    assert (finding.verdict, "e/x/0 is the only end-to-end row" in finding.numbers) == ("UNDECIDED", True)


def test_curves_without_overlap_are_refused(tried):
    run = run_of()
    run.put("u", ce=2.0)
    finding = tried(run, **GAP)
    assert (finding.verdict, "no common range" in finding.numbers) == ("UNDECIDED", True)


def test_several_universal_studies_are_told_apart_and_one_that_is_missing_leaves_the_claim_open(tried):
    run = run_of()
    run.rows["v/x/0"] = {**RATES, "mse": 0.047, "ce": 0.3, "accuracy": 0.9}
    claim = {**GAP, "universal": ["u", "v"], "at_most": 0.0015}
    del claim["at_least"]
    finding = tried(run, **claim)
    assert (finding.verdict, "u 0.00510, v 0.00030" in finding.numbers) == ("PASS", True)
    del run.rows["v/x/0"]
    finding = tried(run, **claim)
    assert (finding.verdict, "without: no row of v" in finding.numbers) == ("UNDECIDED", True)


STAYS = {
    "kind": "stays", "universal": "u", "end_to_end": "e", "base_study": "e", "base_point": "3", "field": "ce",
    "at_most": 0.1,
}  # fmt: skip


def test_a_field_that_stays(tried):
    finding = tried(run_of(), **STAYS)
    assert finding.verdict == "PASS"
    assert finding.numbers.startswith("ce 0.235 rises to 0.265 (0), end to end to 1.43: share 0.025")
    run = run_of()
    run.put("u/x/2", ce=0.5)
    assert tried(run, **STAYS).verdict == "FAIL"
    run.put("u/x/2", ce=0.3)
    run.noise = {("u", "ce"): 1.0}
    assert tried(run, **STAYS).verdict == "UNDECIDED"


def test_nothing_can_stay_where_end_to_end_loosens_nothing(tried):
    run = run_of()
    run.put("e", ce=0.235)
    finding = tried(run, **STAYS)
    assert (finding.verdict, "does not loosen ce against e/x/3" in finding.numbers) == ("UNDECIDED", True)

from __future__ import annotations

import pytest

from rdcbench.results import Value
from rdcbench.verify import verify
from rdcbench.verify.evidence import Evidence, Scope, common_seeds, interval_of, key_of
from rdcbench.verify.verdicts import Undecided

from .fake import FakeRun, good, table

ORDER = {"kind": "ordered", "field": "mse", "studies": ["a", "b"], "points": "p"}


def two(**options) -> FakeRun:
    return FakeRun({"a/x/p": {"mse": 0.05, "ce": 0.5}, "b/x/p": {"mse": 0.04, "ce": 0.6}}, **options)


def scope_of(tmp_path, *runs: FakeRun) -> Scope:
    return Scope(Evidence([run.write(tmp_path / f"run{number}") for number, run in enumerate(runs)]))


def test_rows_are_chosen_by_study_point_and_field(tmp_path):
    scope = scope_of(tmp_path, good())
    assert [row.point for row in scope.rows(["rdp"], "mse")] == ["perception=0.0025", "perception=0.006"]
    assert scope.row("rdc", "classification=0", "ce").name == "rdc/end-to-end/classification=0"
    assert scope.lost == []
    with pytest.raises(Undecided, match="no row of rdp at perception=9 with mse"):
        scope.rows(["rdp"], "mse", points=["perception=9"])
    with pytest.raises(Undecided, match="no row of rdp with ssim"):
        scope.rows(["rdp"], "ssim")


def test_a_study_that_is_nowhere_is_lost_to_a_claim_on_several(tmp_path):
    scope = scope_of(tmp_path, two())
    assert len(scope.rows(["a", "elsewhere"], "mse")) == 1
    assert scope.lost == ["no row of elsewhere"]


def test_a_row_without_the_field_is_lost_to_a_claim_on_others_that_have_it(tmp_path):
    run = two()
    del run.rows["b/x/p"]["ce"]
    scope = scope_of(tmp_path, run)
    assert [row.name for row in scope.rows(["a", "b"], "ce")] == ["a/x/p"]
    assert scope.lost == ["b/x/p has no ce"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (two(digests={"b": "other"}), "rows do not compare, other images (data digests differ): a/x/p against b/x/p"),
        (two(versions={("b", "mse"): "2"}), "another definition or version of mse: a/x/p against b/x/p"),
    ],
)
def test_rows_of_other_data_or_another_metric_do_not_compare(tried, tmp_path, change, sentence):
    finding = tried(change, **ORDER)
    assert finding.verdict == "UNDECIDED"
    assert sentence in finding.numbers
    whole = verify(change.write(tmp_path / "again", table("one", {"says": "s", "reason": "r", **ORDER})))[0]
    assert (whole.verdict, sentence in whole.numbers) == ("FAIL", True)


def test_rows_of_another_definition_of_rates_do_not_compare(tmp_path):
    run = good()
    run.keep({"rdc", "rdc-universal"})
    run.versions = {("rdc-universal", "rate_bound"): "2"}
    whole = verify(run.write(tmp_path / "run", table("one", {"says": "s", "reason": "r", **ORDER})))[0]
    assert "another definition or version of rate_bound" in whole.numbers


def test_networks_that_judge_are_known_by_what_they_measure_between_real_images(tmp_path):
    rows = {"a/x/p": {"perception": 100.0}}, {"b/x/p": {"perception": 90.0}}
    one, other = (FakeRun(row, references={"perception": real}) for row, real in zip(rows, (1.5, 1.6), strict=True))
    with pytest.raises(Undecided, match="another definition or version of perception"):
        scope_of(tmp_path, one, other).rows(["a", "b"], "perception")
    other.references["perception"] = 1.5
    assert len(scope_of(tmp_path, one, other).rows(["a", "b"], "perception")) == 2


def test_studies_of_further_runs_are_found_and_those_that_are_there_already_are_not_used(tmp_path):
    first, second = FakeRun({"a/x/p": {"mse": 0.05}}), two()
    scope = scope_of(tmp_path, first, second)
    a, b = scope.rows(["a", "b"], "mse")
    assert (a.run, b.run) == ("run0", "run1")
    assert scope.evidence.unused == ["a of run1"]


def test_seeds_in_common(tmp_path):
    run = two(seeds=3)
    run.missing = {"a/x/p/seed0", "b/x/p/seed2"}
    rows = scope_of(tmp_path, run).evidence.rows
    assert common_seeds(rows) == [1]
    assert key_of(rows[1], 1).endswith("-4")
    run.missing = {"a/x/p/seed0", "b/x/p/seed1", "b/x/p/seed2"}
    with pytest.raises(Undecided, match="a/x/p, b/x/p have no seed in common"):
        common_seeds(scope_of(tmp_path / "again", run).evidence.rows)


def test_the_interval_of_a_row_is_over_images_and_seeds(tmp_path):
    run = two(seeds=3, wobble={("a", "mse"): 0.001}, usual=0.02)
    row = scope_of(tmp_path, run).evidence.rows[0]
    value: Value = row.values["mse"]
    found = interval_of(row, "mse")
    assert value.seed_hi - value.seed_lo > value.image_hi - value.image_lo > 0
    assert found.hi - found.lo > value.seed_hi - value.seed_lo
    facts = row.model_copy(update={"values": {"mse": value.model_copy(update={"image_lo": float("nan")})}})
    assert not interval_of(facts, "mse").defined


def test_nothing_can_be_paired_without_values_by_image(tmp_path):
    store = two().write(tmp_path / "run")
    for cell in (tmp_path / "run" / "cells").glob("*.npz"):
        cell.unlink()
    scope = Scope(Evidence([store]))
    with pytest.raises(Undecided, match="a/x/p kept no values of mse by image"):
        scope.draw(scope.row("a", "p", "mse"), 0, "mse")

from __future__ import annotations

import pytest

from rdcbench.errors import StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec
from rdcbench.report.comparable import check_comparable, check_names
from rdcbench.results import Cell, CellValue, FieldInfo, make_row
from rdcbench.store import Store

SET = PartSpec(name="d")


@pytest.fixture
def store(tmp_path):
    """A run of one judge."""

    def store(name, judge):
        job = Job(name="judge:j", stage="judge", dataset=SET, parts={"judge": PartSpec(name="j", **judge)})
        made = Store(tmp_path / name)
        made.write_plan(Plan(jobs=[job], train_keys={}, keys={}, data_digest="d"))
        return made

    return store


def row(digest, run="", field="mse", **info):
    cell = Cell(
        key="k", train_key="k", job=Job(name="s/p/x/seed0", dataset=SET), data_digest=digest,
        values={field: CellValue(value=1.0)}, fields={field: FieldInfo(**{"unit": "u", "direction": "lower", **info})},
    )  # fmt: skip
    return make_row("s/p/x", [cell], run)


@pytest.mark.parametrize(("field", "what"), [("mse", "metric 'mse'"), ("rate_coded", "rate 'rate_coded'")])
def test_rows_of_another_version_or_unit_do_not_and_are_named(store, field, what):
    for change in ({"version": "2"}, {"unit": "v"}, {"direction": "higher"}, {"source": "elsewhere"}):
        with pytest.raises(StoreError, match=f"The {what} has another definition in a/s/p/x .* than in b/s/p/x"):
            check_comparable([], [row("d", "a", field), row("d", "b", field, **change)])


def test_runs_of_one_name_and_one_run_twice_are_refused(store):
    check_names([store("a", {}), store("b", {})])
    for first, second in (("a", "a"), ("a", "other/a")):
        with pytest.raises(StoreError, match="have one name, by which no table could tell their rows apart"):
            check_names([store(first, {}), store(second, {})])


def test_runs_of_one_judge_compare(store):
    check_comparable([store("a", {"steps": 5}), store("b", {"steps": 5})], [row("d"), row("d")])


def test_runs_of_another_budget_do_not(store):
    with pytest.raises(StoreError) as caught:
        check_comparable([store("a", {"steps": 5}), store("b", {})], [row("d")])
    assert str(caught.value) == (
        "The judge 'j' has another budget or other options in a (steps = 5) than in b (none given): what it measured "
        "does not compare. Measure both runs with one judge."
    )


def test_rows_of_other_images_do_not(store):
    with pytest.raises(
        StoreError,
        match="measured on 2 different data sets or splits; they do not compare: a/s/p/x on data d; b/s/p/x on data e",
    ):
        check_comparable([store("a", {})], [row("d", "a"), row("e", "b")])


def test_a_run_without_a_plan_has_no_judges(tmp_path):
    check_comparable([Store(tmp_path)], [])

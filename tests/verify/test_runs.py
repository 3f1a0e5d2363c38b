"""Bad input: what is wrong with a run is said in sentences that name the rows, and nothing is computed from it."""

from __future__ import annotations

import numpy as np
import pytest

from rdcbench.errors import StoreError
from rdcbench.store import Store
from rdcbench.verify import verify
from rdcbench.verify.whole import SHOWN

from .fake import FakeRun, good, table

POINT = "rdc/end-to-end/classification="
BOUND = {"kind": "bound", "says": "s", "reason": "r", "study": "rdc", "point": "any", "at_least": {"mse": 1.0}}
LEAK = {"kind": "leak", "says": "s", "reason": "r", "rate": 5.0, "at_least_by_bound": 0.04, "at_least_by_model": 0.04}
FRONT = {"kind": "front", "says": "s", "reason": "r", "curves": [["rdc"]], "along": "ce", "at_most": 0.01}


def small() -> FakeRun:
    run = good()
    run.keep({"rdc", "rdc-universal"})
    return run


def checked(tmp_path, run, claim=FRONT):
    return verify(run.write(tmp_path / "run", table("one", claim)))


def test_a_whole_run_says_how_many_rows_and_seeds_it_has(tmp_path):
    whole, _ = checked(tmp_path, small())
    assert (whole.claim, whole.verdict) == ("run-is-whole", "PASS")
    assert whole.numbers.startswith("10 rows, 1 seed (intervals are over images alone")


def test_missing_cells_are_named_and_leave_claims_open(tmp_path):
    run = small()
    run.missing = {f"{POINT}0.005/seed0"}
    whole, one = checked(tmp_path, run)
    assert (whole.verdict, one.verdict) == ("UNDECIDED", "UNDECIDED")
    assert f"{POINT}0.005/seed0 is missing" in whole.numbers
    assert f"without: {POINT}0.005/seed0 is missing" in one.numbers


def test_failed_cells_are_named_with_their_reason(tmp_path):
    run = small()
    run.failed = {f"{POINT}0.005/seed0": "the loss was nan"}
    whole, one = checked(tmp_path, run)
    assert (whole.verdict, one.verdict) == ("FAIL", "UNDECIDED")
    assert f"{POINT}0.005/seed0 failed: the loss was nan" in whole.numbers
    assert "failed: the loss was nan" in one.numbers


def test_a_law_that_one_row_breaks_is_broken_whatever_is_missing(tmp_path):
    run = small()
    run.missing = {f"{POINT}0.005/seed0"}
    run.put(f"{POINT}0", mse=0.03)
    assert checked(tmp_path, run, LEAK)[1].verdict == "FAIL"
    run.put(f"{POINT}0", mse=0.046)
    assert checked(tmp_path, run, LEAK)[1].verdict == "UNDECIDED"


def test_one_good_row_is_enough_for_any_whatever_is_missing(tmp_path):
    run = small()
    run.missing = {f"{POINT}0.005/seed0"}
    claim = {**BOUND, "at_least": {"mse": 0.05}}
    assert checked(tmp_path, run, claim)[1].verdict == "PASS"
    assert checked(tmp_path, run, BOUND)[1].verdict == "UNDECIDED"


@pytest.mark.parametrize("name", ["mse", "ce"])
def test_values_that_are_not_numbers_are_named_and_never_used(tmp_path, name):
    run = small()
    run.put(f"{POINT}0.005", **{name: np.nan})
    whole, one = checked(tmp_path, run)
    assert (whole.verdict, one.verdict) == ("FAIL", "UNDECIDED")
    for finding in (whole, one):
        assert f"{POINT}0.005 has values of {name} that are not numbers (seed 0)" in finding.numbers


def test_an_array_with_a_value_that_is_not_a_number_counts_too(tmp_path):
    store = small().write(tmp_path / "run", table("one", FRONT))
    key = store.plan().keys[f"{POINT}0.005/seed0"]
    arrays = store.arrays(key)
    arrays["ce"][3] = np.inf
    store.write_cell(store.cell(key), arrays)
    assert "values of ce that are not numbers" in verify(store)[1].numbers


def test_two_cells_of_one_seed_are_no_row(tmp_path):
    store = small().write(tmp_path / "run", table("one", FRONT))
    plan = store.plan()
    twin = plan.jobs[0].model_copy(update={"seed": 0})
    store.write_plan(plan.model_copy(update={"jobs": [*plan.jobs, twin]}))
    whole, one = verify(store)
    assert (whole.verdict, one.verdict) == ("FAIL", "UNDECIDED")
    assert f"{POINT}0 has several cells of one seed (seeds 0, 0)" in whole.numbers


def test_damaged_arrays_are_said_and_the_row_is_left_out(tmp_path):
    store = small().write(tmp_path / "run", table("one", FRONT))
    (store.root / "cells" / f"{store.plan().keys[f'{POINT}0.005/seed0']}.npz").write_bytes(b"PK damaged")
    whole, one = verify(store)
    assert (whole.verdict, one.verdict) == ("FAIL", "UNDECIDED")
    assert "cannot be read" in whole.numbers


@pytest.mark.parametrize("kind", ["json", "npz"])
def test_a_damaged_cell_is_not_called_missing(tmp_path, kind):
    store = small().write(tmp_path / "run", table("one", FRONT))
    path = store.root / "cells" / f"{store.plan().keys[f'{POINT}0.005/seed0']}.{kind}"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    whole, one = verify(store)
    assert (whole.verdict, one.verdict) == ("FAIL", "UNDECIDED")
    assert f"{POINT}0.005/seed0 is damaged: {path} is damaged" in whole.numbers


def test_more_faults_than_fit_are_counted(tmp_path):
    run = good()
    run.missing = {f"{name}/seed0" for name in run.rows if name != f"{POINT}0"}
    whole, _ = checked(tmp_path, run)
    assert f"and {len(run.missing) - SHOWN} more" in whole.numbers


def test_a_run_without_claims_or_rows_is_refused(tmp_path):
    run = small()
    run.missing = {f"{name}/seed0" for name in run.rows}
    store = run.write(tmp_path / "run")
    with pytest.raises(StoreError, match="no finished row"):
        verify(store)
    (store.root / "expected.toml").unlink()
    with pytest.raises(StoreError, match="makes no claims"):
        verify(Store(store.root))

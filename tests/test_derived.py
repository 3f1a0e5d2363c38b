from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rdcbench.derived import GAP, with_derived
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec
from rdcbench.results import Cell, CellValue
from rdcbench.store import Store

GENERATOR = np.random.default_rng(0)
OWN = GENERATOR.exponential(0.3, 500)
JUDGE = OWN + GENERATOR.normal(0.05, 0.1, 500)


def cell(**values: float) -> Cell:
    found = {
        name: CellValue(value=value, image_lo=value - 0.03, image_hi=value + 0.04) for name, value in values.items()
    }
    job = Job(name="rdc/end-to-end/classification=0/seed0", dataset=PartSpec(name="d"))
    return Cell(key="k", train_key="t", job=job, values=found)


def measured() -> Cell:
    return cell(ce=float(OWN.mean()), ce_judge=float(JUDGE.mean()))


def test_the_gap_is_judge_minus_own_with_the_interval_of_the_paired_mean():
    found = with_derived(measured(), lambda names: {"ce": OWN, "ce_judge": JUDGE})
    gap, info = found.values[GAP], found.fields[GAP]
    theirs = stats.ttest_rel(JUDGE, OWN).confidence_interval()
    assert gap.value == pytest.approx(np.mean(JUDGE - OWN))
    assert (gap.image_lo, gap.image_hi) == pytest.approx((theirs.low, theirs.high), rel=0.01)
    assert (info.unit, info.direction) == ("nat", "none")


def test_without_arrays_the_two_means_count_as_independent():
    gap = with_derived(measured(), lambda names: {}).values[GAP]
    assert (gap.image_hi - gap.image_lo) / 2 == pytest.approx(math.hypot(0.035, 0.035))


def test_what_lacks_a_field_or_has_a_gap_stays_as_it_is():
    for given in (cell(ce=0.3), cell(ce_judge=0.3), cell(ce=0.3, ce_judge=0.4, classification_gap=0.1)):
        assert with_derived(given, lambda names: pytest.fail("nothing is read")) is given


def test_rows_of_a_store_have_it_and_a_damaged_file_of_arrays_costs_only_its_precision(tmp_path):
    store, kept = Store(tmp_path), measured()
    store.write_cell(kept, {"ce": OWN, "ce_judge": JUDGE, "mse": OWN})
    store.write_plan(Plan(jobs=[kept.job], keys={kept.job.name: "k"}, train_keys={kept.job.name: "t"}, data_digest="d"))
    paired = store.rows()[0].values[GAP]
    (tmp_path / "cells" / "k.npz").write_bytes(b"damaged")
    alone = store.rows()[0].values[GAP]
    assert paired.value == alone.value == pytest.approx(np.mean(JUDGE - OWN))
    assert paired.image_hi - paired.image_lo < alone.image_hi - alone.image_lo


def test_its_interval_covers_95_percent():
    generator, covered = np.random.default_rng(3), []
    for _ in range(1000):
        own = generator.exponential(0.3, 300)
        judge = own + generator.exponential(0.05, 300)
        one = cell(ce=float(own.mean()), ce_judge=float(judge.mean()))
        gap = with_derived(one, lambda names, arrays={"ce": own, "ce_judge": judge}: arrays).values[GAP]
        covered.append(gap.image_lo <= 0.05 <= gap.image_hi)
    assert 0.93 <= np.mean(covered) <= 0.97

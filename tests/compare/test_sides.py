from __future__ import annotations

import pytest
from verify.fake import FakeRun

from rdcbench.compare import compare
from rdcbench.errors import StoreError

from .conftest import sweep


def refusal(a, b) -> str:
    with pytest.raises(StoreError) as caught:
        compare(a, b)
    return str(caught.value)


def test_rows_of_other_images_or_metrics_are_refused_by_name(tmp_path):
    here = FakeRun(sweep()).write(tmp_path / "here").root
    other = FakeRun(sweep(), digests={"rdc": "e"}).write(tmp_path / "other").root
    text = refusal(here, other)
    assert "different data sets or splits" in text
    assert "here/rdc/end-to-end/classification=0 on data d; other/rdc" in text
    for name, what in (("mse", "metric 'mse'"), ("rate_coded", "rate 'rate_coded'")):
        newer = FakeRun(sweep(), versions={("rdc", name): "2"}).write(tmp_path / f"newer-{name}").root
        assert f"The {what} has another definition" in refusal(here, newer)


def test_what_is_no_run_no_study_or_another_kind_is_refused(tmp_path):
    run = FakeRun(sweep()).write(tmp_path / "run").root
    assert "is not a run folder" in refusal(run, tmp_path / "nowhere")
    assert refusal(run / "rdc", run / "rdk").endswith("there is: rdc. Did you mean 'rdc'?")
    assert "one is a run, the other one study" in refusal(run, run / "rdc")


def test_runs_without_a_common_study_say_how_to_compare_them(tmp_path):
    a, b = (FakeRun(sweep(name)).write(tmp_path / name).root for name in ("one", "two"))
    assert refusal(a, b).endswith("nothing in common: studies one against two; name one of each, as RUN/STUDY.")
    assert compare(a / "one", b / "two").pairs.differences


def test_rows_without_numbers_or_arrays_are_refused_with_the_reason(tmp_path):
    bare = FakeRun({name: {} for name in ("rdc/x/p", "rdc/x/q")}).write(tmp_path / "bare").root
    assert refusal(bare / "rdc", bare / "rdc").endswith("no point and no number that both measured.")
    run = FakeRun(sweep()).write(tmp_path / "run").root
    for path in (run / "cells").glob("*.npz"):
        path.write_bytes(b"nope")
    assert "has no sound row: rdc/end-to-end/classification=0" in refusal(run, run)


def test_a_run_without_a_finished_row_is_refused(tmp_path):
    run = FakeRun(sweep()).write(tmp_path / "run").root
    empty = FakeRun(sweep(), missing={f"{name}/seed0" for name in sweep()}).write(tmp_path / "empty").root
    assert "no finished row yet" in refusal(run, empty)

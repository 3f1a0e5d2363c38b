"""Tests of the TensorBoard tracker."""

import math
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rdcbench import registry

FILE = Path(__file__).with_name("rdcbench_tensorboard.py")
JOB = "rdc/end-to-end/classification=0.015/seed0"


def build() -> Any:
    """The tracker, built as a run builds it."""
    return registry.load((FILE,)).build("tracker", "tensorboard", {})


def test_it_keeps_the_contract(rdcbench_conformance: Any) -> None:
    """Every property that `rdcbench check tensorboard` tries."""
    rdcbench_conformance("tracker", "tensorboard", plugin=FILE)


def test_curves_and_numbers_are_read_back_by_tensorboard(tmp_path: Path) -> None:
    """Through TensorBoard's own reader; what is not finite has no place on an axis."""
    tracker = build()
    tracker.event("planned", "", {"jobs": 1, "todo": {JOB: 1.0}, "folder": str(tmp_path)})
    points = [{"step": float(step), "distortion": 1.0 / step, "critic": math.nan} for step in (1, 50, 100)]
    tracker.event("learned", JOB, {"points": points})
    tracker.event("finished", JOB, {"mse": 0.25, "rate_bound": math.inf, "train_seconds": 3})
    read = EventAccumulator(str(tmp_path / "tensorboard" / JOB)).Reload()
    assert sorted(read.Tags()["scalars"]) == ["loss/distortion", "measured/mse", "measured/train_seconds"]
    assert [(one.step, one.value) for one in read.Scalars("loss/distortion")] == [
        (1, 1.0), (50, pytest.approx(0.02)), (100, pytest.approx(0.01)),
    ]  # fmt: skip
    assert [(one.step, one.value) for one in read.Scalars("measured/mse")] == [(100, 0.25)]


def test_a_failed_job_leaves_its_error_as_text(tmp_path: Path) -> None:
    """The error stands where TensorBoard shows text."""
    tracker = build()
    tracker.event("planned", "", {"jobs": 1, "todo": {}, "folder": str(tmp_path)})
    tracker.event("failed", JOB, {"error": "The loss is nan at step 0."})
    read = EventAccumulator(str(tmp_path / "tensorboard" / JOB)).Reload()
    assert read.Tags()["tensors"] == ["error/text_summary"]


@pytest.mark.parametrize("job", ["../../etc/x", "a/../../b", "/abs/x", "a\\b/c", "..", "s/p/<b>/seed0"])
def test_no_name_leaves_the_run_folder(job: str, tmp_path: Path) -> None:
    """Names come from recipes and plugins."""
    tracker = build()
    tracker.event("planned", "", {"jobs": 1, "todo": {}, "folder": str(tmp_path / "run")})
    tracker.event("finished", job, {"mse": 0.1})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert list((tmp_path / "run" / "tensorboard").rglob("events.*"))

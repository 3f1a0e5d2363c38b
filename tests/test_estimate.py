"""The estimate of a dry run: counts what is asked for, times each kind of job once, reads no data."""

from __future__ import annotations

import pytest
import tiny_plugin as tiny

from rdcbench import estimate
from rdcbench.runner import Options


@pytest.fixture
def measured(monkeypatch):
    """Let each kind of job take one second a step, and note which jobs were timed."""
    timed = []
    monkeypatch.setattr(estimate, "_measure", lambda plan, job, settings: timed.append(job.name) or 1.0)
    return timed


def codec_jobs(plan):
    return [job for job in plan.unique() if job.stage == "codec"]


def test_each_kind_of_job_is_timed_once_and_counts_with_its_own_steps(plan, tmp_path, measured):
    jobs = codec_jobs(plan)
    total = estimate.seconds(plan, jobs, Options(tmp_path))
    assert total == sum(job.training.steps + estimate.EVALUATION_SECONDS for job in jobs)
    assert 1 < len(measured) < len(jobs)


def test_a_stage_counts_with_what_it_is_assumed_to_take(plan, tmp_path, measured):
    stages = [job for job in plan.unique() if job.stage != "codec"]
    assert estimate.seconds(plan, stages, Options(tmp_path)) == len(stages) * estimate.STAGE_SECONDS > 0
    assert not measured


def test_nothing_to_do_takes_no_time(plan, tmp_path):
    assert estimate.seconds(plan, [], Options(tmp_path)) == 0.0


def test_the_steps_are_really_timed_and_no_data_is_read(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny.Images, "load", lambda *_: pytest.fail("read the data"))
    ticks = iter(range(100))
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: float(next(ticks)))
    job = codec_jobs(plan)[0]
    total = estimate.seconds(plan, [job], Options(tmp_path))
    # first timing: 2 steps in one tick; then MEASURED_SECONDS / 0.5 = 1 step in one tick
    assert total == job.training.steps * 1.0 + estimate.EVALUATION_SECONDS


def test_a_training_that_rows_share_counts_once(plan, tmp_path, measured):
    first, second, *_ = codec_jobs(plan)
    shared = plan.model_copy(update={"train_keys": {**plan.train_keys, second.name: plan.train_keys[first.name]}})
    total = estimate.seconds(shared, [first, second], Options(tmp_path))
    assert total == first.training.steps + 2 * estimate.EVALUATION_SECONDS


def test_parts_that_are_fitted_count_with_what_that_is_assumed_to_take(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "_has_gradient", lambda part: False)
    job = codec_jobs(plan)[0]
    assert estimate.seconds(plan, [job], Options(tmp_path)) == estimate.STAGE_SECONDS + estimate.EVALUATION_SECONDS

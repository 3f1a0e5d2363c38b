"""What the display says while a run goes on, told by the runner's events alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from rdcbench.cli import progress


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(record=True, width=200, force_terminal=True)
    monkeypatch.setattr(progress, "console", console)
    return console


def test_a_running_job_shows_its_steps_and_terms_and_the_run_its_time_left(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "progress").mkdir()
    seen = {"job": "a", "step": 50, "steps": 100, "terms": {"step": 50, "distortion": 0.04321}}
    (tmp_path / "progress" / "a.json").write_text(json.dumps(seen))
    (tmp_path / "progress" / "torn.json").write_text('{"job"')
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Display(tmp_path) as display:
        display.listen("planned", "", {"todo": {"a": 100.0, "b": 100.0}})
        display.listen("started", "a", {})
        now[0] = 30.0
        display.listen("tick", "", {})
        whole, job = display._progress.tasks
        assert (job.description, job.completed, job.total) == ("a", 50, 100)
        assert job.fields["note"] == "distortion 0.04321"
        assert whole.fields["note"] == "about 2 min left"  # 30 s for a quarter
        display.listen("finished", "a", {})
        assert [task.completed for task in display._progress.tasks] == [1]


def test_a_log_gets_a_line_for_each_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(record=True, force_terminal=False)
    monkeypatch.setattr(progress, "console", console)
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.Display(tmp_path) as display:
        display.listen("planned", "", {"todo": {"a": 100.0, "b": 300.0, "c": 0.0}})
        now[0] = 60.0
        display.listen("finished", "a", {})
        display.listen("failed", "b", {"error": "no"})
    assert console.export_text().splitlines()[:2] == ["1 of 3: a finished, about 3 min left", "2 of 3: b failed"]


def test_a_failed_job_is_said_with_its_reason_and_brackets_are_no_markup(console: Console, tmp_path: Path) -> None:
    with progress.Display(tmp_path) as display:
        display.listen("planned", "", {"todo": {"a": 1.0}})
        display.listen("started", "a", {})
        display.listen("failed", "a", {"error": "shape [3] is not [2]"})
        display.listen("note", "a", {"text": "tracker 'x' left out: [red]"})
    text = console.export_text()
    assert "failed: a: shape [3] is not [2]" in text
    assert "tracker 'x' left out: [red]" in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89.0, "89 s"), (90.0, "2 min"), (5399.0, "90 min"), (12600.0, "3.5 h")]
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words

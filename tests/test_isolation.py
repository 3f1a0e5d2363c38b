"""A bad plugin costs its own rows and nothing else: the run goes on, and the row says why."""

from __future__ import annotations

import time

import faulty_plugin as faulty
import pytest
import tiny_plugin as tiny
from tiny_runs import registry_of

from rdcbench import fence, registry, runner
from rdcbench.errors import PartError
from rdcbench.machine import core_count

BAD = {
    "endless": "it took longer than limit_seconds = 8 and was ended",
    "deadly": "its worker died",
    "nan-objective": "The loss is nan at step 0",
    "writing": "The objective 'writing' wrote into the tensors that it was given; it must work on copies.",
}
GOOD = {"rdc/tiny-end/classification=0", "rdc/tiny-end/classification=0.01"}
SMALL = {"judges": [], "metrics": [{"name": "tiny-mse"}]}


def study(objective: str, **more):
    return {"protocol": "tiny-end", "sweep": {"classification": [0.01]}, "objective": {"name": objective}, **more}


@pytest.fixture
def both(monkeypatch):
    """The tiny parts and the faulty ones; workers get both files."""
    found = registry_of(tiny, faulty)
    monkeypatch.setattr(registry, "load", lambda files=(): found)
    return found


@pytest.fixture
def run(both, make_recipe, tmp_path):
    def run(studies, jobs=1, over=SMALL, **options):
        recipe = make_recipe(over, studies=studies, only=["rdc", *studies])
        chosen = runner.Options(out=tmp_path / "run", jobs=jobs, **options)
        return runner.run(recipe, chosen)

    return run


@pytest.mark.slow
def test_in_workers_every_fault_costs_its_own_row(run, capfd):
    limits = {"endless": {"limit_seconds": 8.0}}
    studies = {name: study(name, training=limits.get(name, {})) for name in (*BAD, "printing")}
    files = (tiny.FILE, faulty.FILE)
    result = run(studies, jobs=min(2, 4 * core_count()), plugin_files=files)
    errors = {name.partition("/")[0]: error for name, error in result.failures.items()}
    assert set(errors) == set(BAD)
    for name, sentence in BAD.items():
        assert sentence in errors[name]
    assert {row.name for row in result.rows} == {*GOOD, "printing/tiny-end/classification=0.01"}

    out, err = capfd.readouterr()
    assert "LOUD" not in out + err
    logs = {path.name: path.read_text() for path in (result.store.root / "logs").iterdir()}
    key = result.store.plan().keys
    assert "LOUD by Python" in logs[f"{key['printing/tiny-end/classification=0.01/seed0']}.txt"]
    assert "LOUD past Python" in logs[f"{key['printing/tiny-end/classification=0.01/seed0']}.txt"]
    hung = logs[f"{key['endless/tiny-end/classification=0.01/seed0']}.txt"]
    assert "faulty_plugin.py" in hung, "the trace of where it hung"
    assert len(logs) == 2, "who says nothing leaves no file"
    failed = result.store.cell(key["endless/tiny-end/classification=0.01/seed0"])
    assert failed.status == "failed"


@pytest.mark.parametrize("name", ["endless", "swallows"])
def test_in_the_process_of_the_run_an_alarm_ends_what_never_ends(run, monkeypatch, name):
    monkeypatch.setattr(fence, "AGAIN_SECONDS", 0.2)
    started = time.monotonic()
    result = run({name: study(name, training={"limit_seconds": 0.5})})
    assert time.monotonic() - started < 30
    (error,) = result.failures.values()
    assert "limit_seconds = 0.5" in error
    assert {row.name for row in result.rows} == GOOD


def test_in_the_process_of_the_run_prints_are_put_aside(run, capsys, monkeypatch):
    monkeypatch.setenv("nested", "1")
    result = run({"printing": study("printing")})
    assert result.failures == {}
    assert "LOUD" not in "".join(capsys.readouterr())
    (log,) = (result.store.root / "logs").iterdir()
    assert log.read_text().startswith("LOUD by Python\n")


def test_a_metric_that_writes_into_the_images_is_refused(run):
    over = {**SMALL, "metrics": [{"name": "writing-metric"}, {"name": "tiny-mse"}]}
    result = run({}, over=over)
    assert result.rows == []
    assert set(result.failures.values()) == {
        "metric:writing-metric wrote into the images or labels that it was given; it must work on copies."
    }


def test_a_broken_plugin_costs_the_studies_that_ask_for_its_parts(run, both):
    both.broken["ill"] = "RuntimeError: my GPU is gone"
    result = run({"ill": study("part-of-ill")})
    assert {row.name for row in result.rows} == GOOD
    assert list(result.failures) == ["ill"]
    assert result.failures["ill"].startswith("not run: There is no objective 'part-of-ill'")
    assert "Plugin 'ill' was left out: RuntimeError: my GPU is gone" in result.failures["ill"]
    assert run({"ill": study("part-of-ill")}).failures.keys() == {"ill"}, "it is said again the next time"


def test_without_a_broken_plugin_an_unknown_part_is_bad_input(run, tmp_path):
    with pytest.raises(PartError, match="There is no objective 'part-of-ill'"):
        run({"ill": study("part-of-ill")})
    assert not (tmp_path / "run" / "plan.json").exists()


def test_a_fence_around_work_that_behaves_is_not_noticed(tmp_path):
    inside = fence.Fence(divmod, 60.0, home=0, log=tmp_path / "logs" / "x.txt")
    assert inside(7, 3) == (2, 1)
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_plugin_that_brings_a_name_twice_brings_nothing():
    found = registry.Registry()
    twice = type("Twice", (), {"rdcbench_metrics": staticmethod(tiny._hook(tiny.SquaredError, tiny.SquaredError))})
    with pytest.raises(PartError, match="It brings the metric 'tiny-mse' twice; rename one of them"):
        registry._add(found, twice, "twice")
    assert found.entries == []


def test_a_file_stands_in_for_the_installed_package_of_its_name(parts):
    registry._add(parts, tiny, "tiny_plugin")
    assert parts.owners == ["tiny_plugin"]
    assert parts.get("metric", "tiny-mse").owner == "tiny_plugin"


SAME = """
import tiny_plugin as tiny

class Same(tiny.Weighted):
    "One of two objectives of one name."
    name = "same"

rdcbench_objectives = tiny._hook(Same)
"""


@pytest.fixture
def strangers(both, tmp_path):
    """Two plugins of strangers, each with an objective `same`."""
    for owner in ("lab_one", "lab_two"):
        (tmp_path / f"{owner}.py").write_text(SAME)
        registry._add(both, registry._load_file(tmp_path / f"{owner}.py"), owner)
    return both


def test_of_two_strangers_parts_of_one_name_neither_wins_and_only_who_asks_for_it_loses_rows(run, strangers):
    result = run({"quarrel": study("same"), "named": study("lab_two/same")})
    assert result.failures == {
        "quarrel": "not run: Two packages bring the objective 'same'; write lab_one/same or lab_two/same."
    }
    assert {row.name for row in result.rows} == {*GOOD, "named/tiny-end/classification=0.01"}
    assert [entry.owner for entry in strangers.contested] == ["lab_one", "lab_two"]


def test_a_quarrel_excuses_no_misspelt_name(run, strangers):
    with pytest.raises(PartError, match="There is no objective 'part-of-ill'"):
        run({"ill": study("part-of-ill")})


def test_where_all_studies_ask_for_a_contested_name_it_is_bad_input(run, strangers):
    with pytest.raises(PartError, match="Two packages bring the objective 'same'; write lab_one/same or lab_two/same"):
        run({}, over={**SMALL, "objective": {"name": "same"}})

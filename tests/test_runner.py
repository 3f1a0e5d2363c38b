from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import ClassVar

import pytest
import tiny_plugin as tiny

from rdcbench import registry, runner, train, work
from rdcbench.bitstream import unpack
from rdcbench.errors import PartError, RecipeError, StoreError
from rdcbench.interfaces import Executor
from rdcbench.machine import core_count
from rdcbench.results import Row

RDC0, RDC1 = "rdc/tiny-end/classification=0", "rdc/tiny-end/classification=0.01"
RDP0, RDP1 = "rdp/tiny-end/perception=0", "rdp/tiny-end/perception=0.01"
UNI0, UNI1 = "universal/tiny-universal/classification=0", "universal/tiny-universal/classification=0.02"
ALL = [RDC0, RDC1, RDP0, RDP1, UNI0, UNI1]
SMALL = {"judges": [], "metrics": [{"name": "tiny-mse"}]}


@pytest.fixture
def run(only_tiny, make_recipe, tmp_path):
    """Run the tiny recipe with tables laid over it; `told` are the events."""

    def run(over=None, folder="run", listener=lambda *_: None, options=None, **tables):
        recipe = make_recipe(over, **tables)
        chosen = runner.Options(out=tmp_path / folder, **{"seeds": recipe.seeds, **(options or {})})
        return runner.run(recipe, chosen, listener)

    return run


@pytest.fixture
def no_training(monkeypatch):
    """Make any training fail the test."""

    def forbid() -> None:
        monkeypatch.setattr(train, "fit", lambda task: pytest.fail("trained again"))
        monkeypatch.setattr(tiny.LinearClassifier, "fit", lambda *_: pytest.fail("trained the classifier again"))

    return forbid


def without_times(row: Row) -> dict:
    """All of a row but what a clock said, and the name of its run."""
    raw = row.model_dump(exclude={"run"})
    raw["costs"] = {name: cost for name, cost in raw["costs"].items() if not name.endswith(("_us", "_seconds"))}
    return json.loads(json.dumps(raw))  # NaN equals NaN as text only


def same(first: list[Row], second: list[Row]) -> bool:
    return [json.dumps(without_times(row)) for row in first] == [json.dumps(without_times(row)) for row in second]


def stream(result, row: Row) -> bytes:
    return (result.store.root / "streams" / f"{row.keys[0]}.rdc").read_bytes()


def named(result) -> dict[str, Row]:
    return {row.name: row for row in result.rows}


# ---------------------------------------------------------------------------------------------------------- a whole run


def test_a_whole_run_from_data_to_rows(run):
    told = []
    result = run(listener=lambda kind, job, values: told.append((kind, job)))
    rows = named(result)
    assert list(rows) == ALL
    assert result.failures == {}
    assert result.performed == 2 + 5, "classifier, judge, and five different codecs"

    fields = {"rate_bound", "rate_model", "rate_coded", "bpp", "header_bytes", "flush_bytes", "mse", "mean_distance"}
    assert set(rows[RDC1].values) == fields
    assert set(rows[RDP1].values) == fields | {"perception_own"}
    costs = "encoder_parameters decoder_parameters receiver_bytes macs train_seconds encode_us decode_us"
    assert set(rows[RDC1].costs) == set(costs.split())
    for row in rows.values():
        assert row.value("rate_model") <= row.value("rate_bound") + 0.3
        assert row.value("rate_coded") == pytest.approx(row.value("rate_model"), abs=0.4)
        assert row.values["mse"].image_lo < row.value("mse") < row.values["mse"].image_hi
        assert row.fields["mse"].version == tiny.SquaredError.version
        assert row.tradeoff == {row.point.split("=")[0]: float(row.point.split("=")[1])}
        assert row.run == "run"

    unique = [RDC0, RDC1, RDP1, UNI0, UNI1]
    stages = ["classifier", "judge:tiny-judge"]
    finished = [job for kind, job in told if kind == "finished"]
    assert sorted(finished) == sorted([*stages, *(f"{name}/seed0" for name in unique)])
    assert told[0] == ("planned", "")
    assert [kind for kind, _ in told].count("started") == 7
    for name in (UNI0, UNI1):
        assert finished.index(f"{RDC0}/seed0") < finished.index(f"{name}/seed0")


def test_what_a_run_leaves_on_disk(run):
    result = run(options={"expected": "a = 1\n"})
    root, plan = result.store.root, result.store.plan()
    assert {path.name for path in root.iterdir()} >= {
        "recipe.toml", "expected.toml", "provenance.json", "plan.json", "cells", "weights", "streams"
    }  # fmt: skip
    keys = {plan.keys[job.name] for job in plan.jobs if job.stage == "codec"}
    assert {path.stem for path in (root / "streams").iterdir()} == keys
    assert {path.name for path in (root / "cells").iterdir()} == {
        f"{key}.{end}" for key in keys for end in ("json", "npz")
    }
    assert len(list((root / "weights").iterdir())) == 7
    assert not [path for path in root.rglob(".*") if path.name != ".lock"], "no temporary file is left"
    facts = result.store.provenance()
    assert facts["recipe"] == "tiny"
    assert facts["recipe_hash"] == result.store.recipe().content_hash()
    assert (facts["seeds"], facts["device"], facts["schema_version"]) == (1, "cpu", 1)
    cell = result.store.cell(plan.keys[f"{RDC1}/seed0"])
    assert cell.provenance["threads"] == 1
    assert cell.history[-1]["step"] == 11
    arrays = result.store.arrays(cell.key)
    assert {"mse", "rate_model", "sample_x", "sample_x_hat", "sample_index", "mean_distance_leave_out"} <= set(arrays)
    assert arrays["mse"].shape == (48,)
    assert float(arrays["mse"].mean()) == pytest.approx(cell.values["mse"].value, rel=1e-5)


def test_all_universal_rows_share_the_stream_and_the_key_of_their_base(run):
    result = run()
    rows = named(result)
    assert stream(result, rows[UNI0]) == stream(result, rows[UNI1]) == stream(result, rows[RDC0])
    assert stream(result, rows[RDC0]) != stream(result, rows[RDC1])
    cells = {name: result.store.cell(rows[name].keys[0]) for name in ALL}
    for name in (UNI0, UNI1):
        prints = cells[name].fingerprints
        assert (
            prints["sender"]
            == cells[RDC0].fingerprints["sender"]
            == unpack(stream(result, rows[RDC0])).fingerprint.hex()
        )
        assert prints["frozen_before"] == prints["frozen_after"]
    assert rows[UNI0].value("mse") != rows[RDC0].value("mse"), "a new decoder"


def test_two_runs_of_one_seed_are_equal_but_for_times(run):
    first, second = run(folder="one"), run(folder="two")
    assert same(first.rows, second.rows)
    assert [stream(first, row) for row in first.rows] == [stream(second, row) for row in second.rows]


@pytest.mark.slow
def test_two_local_workers_give_the_rows_of_one(run, tmp_path):
    one = run(folder="one")
    two = run(folder="two", options={"jobs": min(2, 4 * core_count()), "plugin_files": (tiny.FILE,)})
    assert two.failures == {}
    assert two.performed == one.performed
    assert same(one.rows, two.rows)


# ------------------------------------------------------------------------------------------------------------- going on


def test_the_same_command_again_repeats_nothing_and_loads_no_plugin(run, monkeypatch):
    first = run()
    monkeypatch.setattr(registry, "load", lambda files=(): pytest.fail("plugins were loaded"))
    second = run()
    assert second.performed == 0
    assert [row.model_dump_json() for row in second.rows] == [row.model_dump_json() for row in first.rows]


def test_a_finished_run_is_recognised_only_as_what_it_is(run, make_recipe, monkeypatch):
    result = run(SMALL, only=["rdc"])
    recipe = make_recipe(SMALL, only=["rdc"])

    def finished(recipe=recipe, **options):
        return runner.is_finished(result.store, recipe, runner.Options(out=result.store.root, **options))

    assert finished()
    assert not finished(seeds=2)
    assert not finished(make_recipe(SMALL, only=["rdc"], training={"steps": 13}))
    assert not finished(make_recipe(SMALL))
    monkeypatch.setattr(runner, "file_digest", lambda path: "edited" if path == str(tiny.FILE) else "?")
    assert not finished()
    monkeypatch.undo()
    monkeypatch.setattr(runner, "provenance", lambda device: {"versions": {"torch": "0.1"}})
    assert not finished()
    monkeypatch.undo()
    (result.store.root / "cells" / f"{result.rows[0].keys[0]}.json").unlink()
    assert not finished()


def test_a_lost_or_damaged_cell_is_measured_again_and_not_trained_again(run, no_training):
    first = run()
    cell = first.store.root / "cells" / f"{named(first)[UNI1].keys[0]}.json"
    cell.write_text(cell.read_text()[:-9])
    no_training()
    second = run()
    assert second.performed == 1
    assert same(first.rows, second.rows)


@pytest.mark.parametrize("with_cell", [False, True])
def test_a_lost_weight_is_trained_again_to_the_same_row(run, with_cell):
    first = run(SMALL)
    plan = first.store.plan()
    key = plan.train_keys[f"{RDC1}/seed0"]
    (first.store.root / "weights" / f"{key}.safetensors").unlink()
    if with_cell:
        (first.store.root / "cells" / f"{plan.keys[f'{RDC1}/seed0']}.json").unlink()
    second = run(SMALL)
    assert second.performed == 1
    assert same(first.rows, second.rows)


def test_a_further_metric_trains_nothing(run, no_training):
    run({"judges": [], "metrics": []})
    no_training()
    result = run(SMALL)
    assert result.performed == 5
    assert all("mse" in row.values for row in result.rows)


def test_one_more_weight_trains_one_decoder(run):
    run()
    told = []
    sweep = {"universal": {"sweep": {"classification": [0.0, 0.02, 0.5]}}}
    result = run(studies=sweep, listener=lambda kind, job, values: told.append((kind, job)))
    assert result.performed == 1
    assert [job for kind, job in told if kind == "finished"] == ["universal/tiny-universal/classification=0.5/seed0"]
    assert len(result.rows) == 7


def test_more_seeds_extend_a_run(run):
    first = run(SMALL, only=["rdc"])
    second = run({**SMALL, "seeds": 3}, only=["rdc"])
    assert second.performed == 4
    assert [row.seeds for row in second.rows] == [[0, 1, 2]] * 2
    for old, new in zip(first.rows, second.rows, strict=True):
        assert new.values["mse"].seed_values[0] == old.value("mse")
        assert new.keys[0] == old.keys[0]
        assert new.values["mse"].seed_lo < new.value("mse") < new.values["mse"].seed_hi
    again = run({**SMALL, "seeds": 1}, only=["rdc"])
    assert again.performed == 0
    assert same(again.rows, first.rows)


def test_another_choice_of_studies_extends_a_run(run):
    first = run(SMALL, only=["rdc"])
    second = run(SMALL, only=["rdp"])
    assert second.performed == 1, "the point without a weight is there already"
    assert {row.name for row in second.rows} == {RDC0, RDC1, RDP0, RDP1}
    assert same([row for row in second.rows if row.study == "rdc"], first.rows)
    third = run(SMALL)
    assert third.performed == 2
    assert {row.name for row in third.rows} == set(ALL)


def test_rows_of_another_recipe_are_not_taken_for_those_of_this_one(run):
    run(SMALL, only=["rdc"])
    result = run(SMALL, only=["rdp"], training={"steps": 14})
    assert {row.name for row in result.rows} == {RDP0, RDP1}


def test_an_interrupted_run_goes_on_where_it_was(run):
    started = []

    def stop(kind, job, values):
        if kind == "started":
            started.append(job)
            if len(started) == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(SMALL, listener=stop)
    rest = run(SMALL)
    assert rest.performed == 6 - 3
    assert same(rest.rows, run(SMALL, folder="at once").rows)


def test_runs_share_finished_work_through_a_cache(run, tmp_path, no_training):
    first = run(folder="one", options={"cache": tmp_path / "cache"})
    no_training()
    second = run(folder="two", options={"cache": tmp_path / "cache"})
    assert second.performed == 0
    assert same(first.rows, second.rows)
    assert stream(second, second.rows[0]) == stream(first, first.rows[0])


# ------------------------------------------------------------------------------------------------------------- failures


def failing(names: set[str], monkeypatch, error: Exception | None = None) -> None:
    """Let the training of these rows fail."""
    plain = work._train_codec

    def train_codec(item):
        if item.job.row in names:
            raise error or RuntimeError("no luck")
        plain(item)

    monkeypatch.setattr(work, "_train_codec", train_codec)


def test_a_base_that_fails_takes_its_dependents_with_it_and_nobody_else(run, monkeypatch):
    failing({RDC0}, monkeypatch)
    told = []
    result = run(listener=lambda kind, job, values: told.append((kind, job, values)))
    assert set(named(result)) == {RDC1, RDP1}
    assert result.failures == {
        f"{RDC0}/seed0": "RuntimeError: no luck",
        f"{UNI0}/seed0": f"not run: {RDC0}/seed0 failed",
        f"{UNI1}/seed0": f"not run: {RDC0}/seed0 failed",
    }
    assert {job: values["error"] for kind, job, values in told if kind == "failed"} == result.failures
    plan = result.store.plan()
    for name, error in result.failures.items():
        cell = result.store.cell(plan.keys[name])
        assert (cell.status, cell.error) == ("failed", error)


def test_what_failed_is_tried_again(run):
    with pytest.MonkeyPatch.context() as patch:
        failing({RDC0}, patch)
        assert len(run(SMALL).rows) == 2
    again = run(SMALL)
    assert again.failures == {}
    assert again.performed == 3
    assert same(again.rows, run(SMALL, folder="at once").rows)


def chain(points: int = 4) -> dict:
    return {"chain": {"protocol": "chain", "sweep": {"rate": [float(point) for point in range(1, points + 1)]}}}


def test_a_whole_chain_falls_with_its_first(run, monkeypatch):
    failing({"chain/chain/rate=1"}, monkeypatch)
    over = {**SMALL, "studies": chain(), "entropy_model": {"name": "tiny-rated-tables"}}
    result = run(over)
    assert result.rows == []
    assert list(result.failures.values()) == [
        "RuntimeError: no luck", *(f"not run: chain/chain/rate={point}/seed0 failed" for point in (1, 2, 3))
    ]  # fmt: skip


def test_a_classifier_that_fails_takes_all_rows_with_it(run, monkeypatch):
    monkeypatch.setattr(tiny.LinearClassifier, "fit", lambda *_: 1 / 0)
    result = run(SMALL)
    assert result.rows == []
    assert result.failures["classifier"] == "ZeroDivisionError: division by zero"
    assert len(result.failures) == 6


def test_a_row_that_cannot_be_measured_does_not_stop_those_that_start_from_its_weights(run, monkeypatch):
    plain = work._evaluate

    def evaluate(item):
        if item.job.row == RDC0:
            raise RuntimeError("my ruler broke")
        plain(item)

    monkeypatch.setattr(work, "_evaluate", evaluate)
    result = run(SMALL)
    assert result.failures == {f"{RDC0}/seed0": "RuntimeError: my ruler broke"}
    assert {UNI0, UNI1} <= set(named(result))


BAD_PARTS = {
    "a decoder that returns NaN": (
        {"decoder": {"name": "nan-decoder"}},
        "The loss is nan at step 0",
    ),
    "an objective that is NaN": ({"objective": {"name": "nan-objective"}}, "The loss is nan at step 0"),
    "an option that cannot be": (
        {"encoder": {"width": -3}},
        "The encoder 'tiny-encoder' cannot be built with {'width': -3}: ",
    ),
}


@pytest.mark.parametrize("fault", BAD_PARTS)
def test_a_bad_part_costs_its_own_rows_and_the_row_says_why(run, fault):
    study, sentence = BAD_PARTS[fault]
    bad = {"bad": {"protocol": "tiny-end", "sweep": {"classification": [0.01]}, **study}}
    result = run(SMALL, studies=bad, only=["rdc", "bad"])
    (error,) = result.failures.values()
    assert sentence in error
    assert set(named(result)) == {RDC0, RDC1}


def test_a_frozen_encoder_that_drifts_is_caught(run):
    """The known fault of published code: batch statistics of the frozen encoder move while decoders train."""
    result = run(SMALL, encoder={"name": "restless-encoder"}, only=["universal"])
    name = f"{UNI1}/seed0"
    assert f"{name}: frozen parts changed in training (fingerprint" in result.failures[name]
    assert UNI1 not in named(result)


class Doomed(Executor):
    """A pool whose workers die of some jobs, taking the others with them."""

    name = "doomed"
    deadly = (RDC1,)

    closed: ClassVar[list[bool]] = []

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs

    def submit(self, work: Callable, *arguments) -> Future:
        future = Future()
        if arguments[0].job.row in self.deadly:
            future.set_exception(BrokenProcessPool("A process in the process pool was terminated abruptly"))
        elif arguments[0].job.row == RDP1:
            future.set_exception(StoreError("No space left"))
        else:
            future.set_result(work(*arguments))
        return future

    def close(self, cancel: bool = False) -> None:
        self.closed.append(cancel)


def test_workers_are_let_go_at_the_end_and_sent_away_when_interrupted(run, only_tiny, monkeypatch):
    monkeypatch.setattr(Doomed, "closed", [])
    only_tiny.entries.append(registry._checked("executor", Doomed, "here"))
    run(SMALL, only=["rdp"], options={"executor": "doomed"})
    assert Doomed.closed == [False]

    def interrupt(kind, job, values):
        if kind == "finished":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(SMALL, folder="other", listener=interrupt, options={"executor": "doomed"})
    assert Doomed.closed == [False, True]


def test_a_tracker_that_raises_is_left_out_once_and_for_all(run):
    notes = []
    options = {"trackers": ("grumbler",)}
    run(SMALL, only=["rdp"], options=options, listener=lambda kind, job, v: kind == "note" and notes.append(v["text"]))
    assert notes == ["tracker 'grumbler' left out: no ink left"]


def test_a_tracker_that_cannot_be_built_or_meddles_changes_nothing(run):
    notes, todo = [], []

    def listener(kind, job, values):
        notes.extend([values["text"]] if kind == "note" else [])
        todo.extend([values["todo"]] if kind == "planned" else [])

    options = {"trackers": ("stillborn", "meddler")}
    result = run(SMALL, only=["rdp"], options=options, listener=listener)
    assert notes == ["tracker 'stillborn' left out: SystemExit"]
    assert todo[0]
    assert result.failures == {}


def test_trackers_are_told_the_folder_and_the_learning_curves(run):
    tiny.Notebook.told.clear()
    result = run(SMALL, only=["rdp"], options={"trackers": ("notebook",)})
    planned = next(values for kind, _, values in tiny.Notebook.told if kind == "planned")
    assert planned["folder"] == str(result.store.root)
    learned = [(job, values["points"]) for kind, job, values in tiny.Notebook.told if kind == "learned"]
    assert learned
    assert all(job.startswith("rdp/") and "step" in points[-1] for job, points in learned)


def test_a_worker_that_dies_costs_its_own_row(run, only_tiny):
    only_tiny.entries.append(registry._checked("executor", Doomed, "here"))
    result = run(SMALL, options={"executor": "doomed", "jobs": 2})
    assert result.failures == {
        f"{RDC1}/seed0": "its worker died", f"{RDP1}/seed0": "StoreError: No space left"
    }  # fmt: skip
    assert set(named(result)) == {RDC0, RDP0, UNI0, UNI1}
    assert result.store.cell(result.store.plan().keys[f"{RDC1}/seed0"]).error == "its worker died"


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seeds": 0}, r"--seeds 0 is not possible; it must be at least 1"),
        ({"seeds": -2}, r"--seeds -2 is not possible"),
        ({"jobs": 0}, r"--jobs 0 is not possible; it must be at least 1"),
        ({"jobs": 10_000}, r"--jobs 10000 is more than four for each of this machine's \d+ cores"),
        ({"device": "warp:9"}, r"There is no device 'warp:9' here; there is: cpu"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_written(run, tmp_path, options, sentence):
    with pytest.raises(RecipeError, match=sentence):
        run(options=options)
    assert not (tmp_path / "run").exists()


def test_an_unknown_part_is_refused_and_a_run_that_was_there_is_kept(run):
    first = run(SMALL, only=["rdc"])
    before = {path: path.read_bytes() for path in first.store.root.rglob("*") if path.is_file()}
    with pytest.raises(PartError, match="no decoder 'gone'"):
        run(SMALL, decoder={"name": "gone"})
    assert {path: path.read_bytes() for path in first.store.root.rglob("*") if path.is_file()} == before


def test_a_folder_of_something_else_is_left_as_it_is(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match="exists and is not a run folder"):
        run()
    assert os.listdir(tmp_path / "run") == ["thesis.tex"]


def test_a_run_of_another_schema_version_is_left_as_it_is(run):
    first = run(SMALL, only=["rdc"])
    path = first.store.root / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 7}))
    with pytest.raises(StoreError, match="was written with schema version 7; this program reads 1"):
        run(SMALL, only=["rdc"])


def test_a_place_that_cannot_be_written_is_an_error(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written: .*Choose another --out"):
        run(folder="file/run")


def test_a_second_process_is_refused(run, tmp_path):
    program = (
        "import sys, pathlib; from rdcbench.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n    print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(
            StoreError, match=r"Another process is running into .*run; wait for it or choose another --out"
        ):
            run(SMALL)
        other.stdin.close()
    assert run(SMALL, only=["rdc"]).failures == {}, "the lock ends with its process"

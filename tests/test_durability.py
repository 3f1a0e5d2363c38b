"""Whatever happens to a run folder, the same command again gives the rows of an uninterrupted run, or says what to do."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import signal
import time
from functools import partial

import pytest
import tiny_plugin as tiny

from rdcbench import runner
from rdcbench.errors import StoreError
from rdcbench.store import Store

CHECKPOINTS = {"checkpoint_seconds": 0.001}


@pytest.fixture
def run(only_tiny, make_recipe, tmp_path):
    """Run the tiny recipe into a folder of this name, with a checkpoint after almost every step."""

    def run(folder, cache=None, listener=lambda *_: None, **options):
        recipe = make_recipe(training=CHECKPOINTS)
        options = runner.Options(out=tmp_path / folder, cache=cache, plugin_files=(tiny.FILE,), **options)
        return runner.run(recipe, options, listener)

    return run


def numbers(result) -> list[str]:
    """All of the rows but what a clock said and the run's name."""
    told = []
    for row in result.rows:
        raw = row.model_dump(exclude={"run"})
        raw["costs"] = {name: cost for name, cost in raw["costs"].items() if not name.endswith(("_us", "_seconds"))}
        told.append(json.dumps(raw))
    return told


def killed_after(seconds, command) -> bool:
    """Start the command in a process of its own and kill it; False if it was quicker."""
    child = multiprocessing.get_context("fork").Process(target=command)
    child.start()
    child.join(seconds)
    alive = child.is_alive()
    if alive:
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert alive or child.exitcode == 0
    return alive


def timed(run, jobs: int) -> tuple[list[str], float, float]:
    """The rows of an uninterrupted run, when its first job was done, and when all were."""
    started, ends = time.monotonic(), []
    result = run("whole", jobs=jobs, listener=lambda *_: ends.append(time.monotonic() - started))
    return numbers(result), ends[2], ends[-1]


def kill_again_and_again(run, kills: int, jobs: int) -> None:
    """Kill the run of a folder until it is quicker, then begin another; its workers end by themselves, a second later."""
    whole, first, last = timed(run, jobs)
    moments, folder, done = random.Random(7), 0, 0
    while done < kills:
        moment = moments.uniform(0.01, last / 2) if jobs == 1 else moments.uniform(first / 2, last)
        if killed_after(moment, partial(run, f"killed{folder}", jobs=jobs)):
            done += 1
            time.sleep(3.0 * (jobs > 1))  # a worker that is still importing notices only then that it is alone
        else:
            assert numbers(run(f"killed{folder}")) == whole
            folder += 1
    assert numbers(run(f"killed{folder}", jobs=jobs)) == whole
    if jobs > 1:
        time.sleep(2.0)
    next(run(f"killed{folder}").store.root.glob("cells/*.json")).unlink()
    result = run(f"killed{folder}")
    assert numbers(result) == whole
    left = [path.name for path in result.store.root.rglob(".*") if path.name != ".lock"]
    assert left == [], "what a write that was cut off left is swept away"
    assert list(result.store.path("checkpoints").glob("*")) == []


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_four_kills_change_no_number(run, jobs):
    kill_again_and_again(run, 4, jobs)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("jobs", [1, 2])
def test_two_hundred_kills_change_no_number(run, jobs):
    kill_again_and_again(run, 200, jobs)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("writes", range(6))
def test_a_run_that_was_killed_after_its_first_writes_goes_on(run, writes, monkeypatch):
    write, done = Store.write, []

    def written(*given, **named):
        if len(done) == writes:
            raise Killed
        done.append(given)
        return write(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", written)
        with pytest.raises(Killed):
            run("killed", executor="serial")
    assert numbers(run("killed")) == numbers(run("whole"))


@pytest.mark.parametrize("name", ["recipe.toml", "provenance.json", "plan.json", "running.json", "cells/0.json"])
def test_what_a_kill_left_of_a_write_is_swept_by_the_next_run(run, name):
    root = run("run").store.root
    left = (root / name).with_name(f".{(root / name).name}.7kz54efh")
    left.write_text("half")
    next(root.glob("cells/*.json")).unlink()
    run("run")
    assert not left.exists()


KINDS = ("cells/*.json", "cells/*.npz", "weights/*.safetensors", "streams/*.rdc")


@pytest.mark.parametrize("pattern", KINDS)
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_file_is_named_and_made_again_and_nothing_else_is_lost(run, pattern, damage):
    first = run("run")
    root = first.store.root
    path = max(root.glob(pattern), key=lambda path: (path.stat().st_size, path.name))
    whole, others = path.read_bytes(), {other: other.stat().st_ino for other in root.glob(pattern) if other != path}
    half = len(whole) // 2
    path.write_bytes(
        whole[:half] if damage == "truncated" else whole[:half] + bytes([whole[half] ^ 4]) + whole[half + 1 :]
    )
    notes = []
    again = run("run", listener=lambda kind, _, values: notes.append(values["text"]) if kind == "note" else None)
    assert [note for note in notes if path.name in note and "is damaged" in note]
    assert numbers(again) == numbers(first)
    if pattern.startswith("streams"):
        assert path.read_bytes() == whole
    kept = [other for other, inode in others.items() if other.stat().st_ino == inode]
    assert len(kept) >= len(others) - 2, "at most the cells of the rows that use the file are measured again"
    assert run("run").performed == 0


@pytest.mark.parametrize("pattern", KINDS)
def test_a_damaged_file_of_the_cache_is_made_again(run, tmp_path, pattern):
    cache = tmp_path / "cache"
    first = run("first", cache=cache)
    for path in cache.glob(pattern):
        path.write_bytes(path.read_bytes()[:-3])
    assert numbers(run("second", cache=cache)) == numbers(first)


def test_a_full_disk_is_an_error_and_the_same_command_goes_on(run):
    whole = numbers(run("whole"))

    def full(kind, job, values):
        if kind == "finished":  # from here on no file may grow beyond some bytes: every write fails
            resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))

    def command():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with pytest.raises(StoreError, match=r"cannot be written: File too large\. Free space"):
            run("full", listener=full)

    child = multiprocessing.get_context("fork").Process(target=command)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert numbers(run("full")) == whole


def test_a_finished_run_in_a_folder_that_cannot_be_written_is_read(run, monkeypatch):
    first = run("run")

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    assert numbers(run("run")) == numbers(first)
    cell = next(first.store.root.glob("cells/*.json"))
    cell.unlink()
    with pytest.raises(StoreError, match="Read-only file system"):
        run("run")

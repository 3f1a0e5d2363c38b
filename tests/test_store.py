from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
import torch

from rdcbench.errors import StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec
from rdcbench.results import Cell, CellValue
from rdcbench.sealed import atomic_write
from rdcbench.store import Store

FACTS = {"schema_version": 1, "seeds": 1}


def job(seed: int = 0, point: str = "classification=0.01", **changes) -> Job:
    return Job(**{"name": f"rdc/end/{point}/seed{seed}", "seed": seed, "dataset": PartSpec(name="d"), **changes})


def cell(key: str = "k0", status: str = "done", seed: int = 0) -> Cell:
    value = CellValue(value=1.0 + seed, image_lo=0.5, image_hi=2.0)
    return Cell(key=key, train_key="t", job=job(seed), status=status, values={"mse": value})


@pytest.fixture
def store(tmp_path, make_recipe):
    store = Store(tmp_path / "run")
    store.create(make_recipe(), FACTS)
    return store


def files(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def flip(path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


# ------------------------------------------------------------------------------------------------------- atomic writing


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, where):
    path = tmp_path / "deep" / "file"
    atomic_write(path, lambda file: file.write(b"old"))
    monkeypatch.setattr(os, where, full_disk)
    with pytest.raises(StoreError, match=r"file cannot be written: No space left on device. Free space or choose"):
        atomic_write(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == {"deep/file"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def half(file):
        file.write(b"half of the n")
        raise error

    with pytest.raises(error):
        atomic_write(path, half)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == {"file"}


def test_a_reader_sees_the_old_or_the_new_file_and_nothing_between(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def slow(file):
        file.write(b"ne")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b"w")

    atomic_write(path, slow)
    assert path.read_bytes() == b"new"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"cannot be written: .*choose another place"):
        atomic_write(tmp_path / "file" / "x", lambda file: file.write(b"new"))
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "file").write("cells/k.json", b"")


def test_files_can_be_read_by_others(tmp_path):
    atomic_write(tmp_path / "file", lambda file: file.write(b""))
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


# -------------------------------------------------------------------------------------------------------------- the run


def test_a_new_run_holds_its_recipe_and_provenance(store, make_recipe):
    assert files(store.root) == {"recipe.toml", "provenance.json"}
    assert store.recipe() == make_recipe()
    assert store.provenance() == FACTS
    assert store.open() is store
    assert store.plan() is None
    assert store.rows() == []


def test_the_expected_points_are_kept(tmp_path, make_recipe):
    store = Store(tmp_path / "run")
    store.create(make_recipe(), FACTS, expected="a = 1\n")
    assert (store.root / "expected.toml").read_text() == "a = 1\n"


def test_a_folder_of_something_else_is_left_alone(tmp_path, make_recipe):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match=r"exists and is not a run folder; choose another --out or empty it"):
        Store(tmp_path).create(make_recipe(), FACTS)
    assert files(tmp_path) == {"thesis.tex"}


def test_an_empty_or_merely_locked_folder_will_do(tmp_path, make_recipe):
    (tmp_path / ".lock").write_text("")
    Store(tmp_path).create(make_recipe(), FACTS)
    assert Store(tmp_path).open().recipe() == make_recipe()


def test_a_run_can_be_extended(store, make_recipe):
    store.write_cell(cell(), {})
    store.create(make_recipe(seeds=2), {**FACTS, "seeds": 2})
    assert store.recipe().seeds == 2
    assert store.cell("k0") == cell()


def test_a_folder_that_is_no_run_is_not_opened(tmp_path):
    with pytest.raises(StoreError, match=r"is not a run folder: it has no provenance.json"):
        Store(tmp_path).open()
    with pytest.raises(StoreError, match=r"is not a run folder"):
        Store(tmp_path / "nowhere").open()


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_run_of_another_schema_version_is_refused_and_not_touched(store, make_recipe, version):
    (store.root / "provenance.json").write_text(json.dumps({**FACTS, "schema_version": version}))
    before = {path: (store.root / path).read_bytes() for path in files(store.root)}
    for attempt in (store.open, lambda: store.create(make_recipe(seeds=9), FACTS)):
        with pytest.raises(StoreError, match=rf"written with schema version {version}; this program reads 1"):
            attempt()
    assert {path: (store.root / path).read_bytes() for path in files(store.root)} == before


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_damaged_provenance_is_an_error(store, content):
    (store.root / "provenance.json").write_bytes(content)
    with pytest.raises(StoreError, match="the run folder is damaged"):
        store.open()


@pytest.mark.parametrize("content", [b"", b"{", b'{"jobs": 3}'])
def test_a_damaged_plan_is_an_error_that_says_what_to_do(store, content):
    store.write("plan.json", content)
    with pytest.raises(StoreError, match=r"plan.json cannot be read; delete it and run again"):
        store.plan()


# ---------------------------------------------------------------------------------------------------------------- cells


def test_a_cell_comes_back_with_its_arrays(store):
    arrays = {"mse": np.arange(5, dtype=np.float32), "sample_x": np.zeros((2, 1, 4, 4), np.uint8)}
    store.write_cell(cell(), arrays)
    assert store.cell("k0") == cell()
    found = store.arrays("k0")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    assert store.cell("other") is None
    assert store.arrays("other") == {}


def test_arrays_are_there_before_their_cell(store, monkeypatch):
    order = []
    monkeypatch.setattr(Store, "write", lambda self, name, data, share=False: order.append(name))
    store.write_cell(cell(), {"mse": np.zeros(3)})
    assert order == ["cells/k0.npz", "cells/k0.json"]


def test_a_cell_that_is_damaged_anywhere_counts_as_none(store):
    store.write_cell(cell(), {})
    path = store.root / "cells" / "k0.json"
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        flip(path, position)
        assert store.cell("k0") in (None, cell()), position  # a flipped bit may only change how an escape is spelt
        assert store.cell("k0") is None or json.loads(path.read_bytes()) == json.loads(whole)
        path.write_bytes(whole[:position])
        assert store.cell("k0") is None
        path.write_bytes(whole)
    assert store.cell("k0") == cell()


def test_a_number_that_was_edited_by_hand_is_noticed(store):
    store.write_cell(cell(), {})
    path = store.root / "cells" / "k0.json"
    text = path.read_text()
    assert text.count("1.0") == 1
    path.write_text(text.replace("1.0", "0.9"))
    assert store.cell("k0") is None


def test_a_cell_of_another_schema_version_counts_as_none(store):
    store.write_cell(cell().model_copy(update={"schema_version": 2}), {})
    assert store.cell("k0") is None


def test_damaged_arrays_are_an_error_that_says_what_to_do(store):
    store.write_cell(cell(), {"mse": np.random.default_rng(0).random(500)})
    path = store.root / "cells" / "k0.npz"
    whole = path.read_bytes()
    for damage in (whole[:-30], whole[:100], b"", b"PK\x03\x04" + bytes(80), whole[:300] + b"XXXX" + whole[304:]):
        path.write_bytes(damage)
        with pytest.raises(StoreError, match=r"k0.npz is damaged .*; delete it and its cell and run again"):
            store.arrays("k0")


def test_arrays_hold_no_pickles(store):
    (store.root / "cells").mkdir()
    np.savez(store.root / "cells" / "evil.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match="damaged"):
        store.arrays("evil")


# ----------------------------------------------------------------------------------------------------------------- rows


def plan_of(jobs: dict[str, Job]) -> Plan:
    keys = {job.name: key for key, job in jobs.items()}
    return Plan(jobs=list(jobs.values()), train_keys=keys, keys=keys, data_digest="d")


def test_rows_are_made_of_finished_cells_in_the_order_of_the_plan(store):
    other = job(point="perception=1")
    store.write_plan(plan_of({"k9": other, "k1": job(1), "k0": job(0), "kf": job(2)}))
    for one in (cell("k0"), cell("k1", seed=1), cell("k9"), cell("kf", "failed", 2)):
        store.write_cell(one, {})
    rows = store.rows()
    assert [(row.name, row.seeds) for row in rows] == [
        ("rdc/end/perception=1", [0]), ("rdc/end/classification=0.01", [1, 0])
    ]  # fmt: skip
    assert rows[1].values["mse"].value == 1.5
    assert {row.run for row in rows} == {"run"}


def test_a_cell_that_two_rows_share_takes_each_rows_own_tradeoff(store):
    one = job(point="classification=0", tradeoff={"classification": 0.0})
    two = job(point="perception=0", tradeoff={"perception": 0.0})
    keys = dict.fromkeys((one.name, two.name), "k0")
    store.write_plan(Plan(jobs=[one, two], train_keys=keys, keys=keys, data_digest="d"))
    store.write_cell(cell(), {})
    assert [row.tradeoff for row in store.rows()] == [{"classification": 0.0}, {"perception": 0.0}]


def test_jobs_that_are_no_codecs_make_no_rows(store):
    store.write_plan(plan_of({"k0": Job(name="classifier", stage="classifier", dataset=PartSpec(name="d"))}))
    store.write_cell(cell(), {})
    assert store.rows() == []


# -------------------------------------------------------------------------------------------------------------- weights

TENSORS = {
    "w": torch.arange(6.0).view(2, 3), "empty": torch.zeros(0), "scalar": torch.tensor(3), "flag": torch.tensor([True]),
    "half": torch.ones(3, dtype=torch.bfloat16), "turned": torch.arange(6).view(2, 3).T, "part": torch.arange(9.0)[::2],
}  # fmt: skip


def test_weights_come_back_with_their_facts(store):
    facts = {"train_seconds": 1.5, "history": [{"step": 0.0}], "frozen": "a\u00fc"}
    assert not store.has_weights("t")
    store.write_weights("t", TENSORS, facts)
    assert store.has_weights("t")
    tensors, found = store.weights("t")
    assert found == facts
    assert set(tensors) == set(TENSORS)
    assert all(
        torch.equal(tensors[name], tensor) and tensors[name].dtype == tensor.dtype for name, tensor in TENSORS.items()
    )


def test_tensors_that_share_memory_are_kept_apart(store):
    shared = torch.arange(10.0)
    store.write_weights("t", {"a": shared[:4], "b": shared[2:8]}, {})
    assert torch.equal(store.weights("t")[0]["b"], shared[2:8])


def test_weights_that_are_not_there_are_an_error(store):
    with pytest.raises(StoreError, match=r"weights/t.safetensors is missing; run the benchmark again to make it"):
        store.weights("t")


def test_every_damage_to_weights_is_noticed(store):
    store.write_weights("t", {"w": torch.arange(20.0)}, {"sender_seed": 12345, "long": "x" * 40})
    path = store.root / "weights" / "t.safetensors"
    whole = path.read_bytes()
    for position in range(0, len(whole), 3):
        flip(path, position)
        with pytest.raises(StoreError, match=r"t.safetensors is damaged .*; delete it and run again"):
            store.weights("t")
        path.write_bytes(whole[:position])
        with pytest.raises(StoreError, match="damaged"):
            store.weights("t")
        path.write_bytes(whole)
    assert torch.equal(store.weights("t")[0]["w"], torch.arange(20.0))


# ---------------------------------------------------------------------------------------------------------------- cache


@pytest.fixture
def shared(tmp_path):
    return tmp_path / "cache"


def test_runs_share_what_is_finished_through_a_cache(tmp_path, shared):
    first, second = Store(tmp_path / "one", shared), Store(tmp_path / "two", shared)
    first.write_weights("t", {"w": torch.ones(2)}, {"sender_seed": 3})
    first.write("streams/k0.rdc", b"stream", share=True)
    first.write_cell(cell(), {"mse": np.arange(3.0)})
    assert second.has_weights("t")
    assert second.weights("t")[1] == {"sender_seed": 3}
    assert second.cell("k0") == cell()
    assert second.arrays("k0")["mse"].tolist() == [0.0, 1.0, 2.0]
    assert files(second.root) == {"weights/t.safetensors", "cells/k0.json", "cells/k0.npz", "streams/k0.rdc"}


def test_failures_are_not_shared(tmp_path, shared):
    Store(tmp_path / "one", shared).write_cell(cell(status="failed"), {})
    assert Store(tmp_path / "two", shared).cell("k0") is None


def test_without_a_cache_nothing_is_shared(tmp_path):
    Store(tmp_path / "one").write_cell(cell(), {})
    assert Store(tmp_path / "two").cell("k0") is None


def test_a_cache_that_cannot_be_written_costs_no_result(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "one", tmp_path / "file")
    store.write_cell(cell(), {"mse": np.zeros(2)})
    assert store.cell("k0") == cell()


def test_progress_is_not_shared(tmp_path, shared):
    Store(tmp_path / "one", shared).write("progress/k0.json", b"{}")
    assert not shared.exists()

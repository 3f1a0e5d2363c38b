"""Importing: a bundle becomes a run folder, or nothing at all is written."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from rdcbench.bundle import receiving
from rdcbench.bundle.archive import opened
from rdcbench.bundle.receiving import import_bundle
from rdcbench.errors import RdcbenchError, StoreError
from rdcbench.store import Store


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def refused(tmp_path):
    """Import must refuse, and leave all folders as they were; gives the sentence."""

    def refused(path) -> str:
        before = everything(tmp_path)
        with pytest.raises(RdcbenchError) as caught:
            import_bundle(path, tmp_path / "in" / "run")
        assert [name for name in everything(tmp_path) if name not in (*before, "in")] == []
        return str(caught.value)

    return refused


def test_rows_are_those_of_the_run(bundle, tiny_run, tmp_path):
    import_bundle(bundle, tmp_path / "tiny")
    rows, given = Store(tmp_path / "tiny").open().rows(), Store(tiny_run).rows()
    assert [row.model_dump_json() for row in rows] == [row.model_dump_json() for row in given]


def test_an_empty_folder_may_be_the_target_and_another_not(bundle, tmp_path):
    (tmp_path / "empty").mkdir()
    import_bundle(bundle, tmp_path / "empty")
    before = everything(tmp_path)
    for target in ("empty", "empty/plan.json"):
        with pytest.raises(StoreError, match="is there already"):
            import_bundle(bundle, tmp_path / target)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is there already"):
        import_bundle(bundle, tmp_path / "link")
    assert everything(tmp_path) == sorted([*before, "link"])


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "notes.txt"])
def test_nothing_is_written_for_a_bundle_that_leads_out(rewrite, refused, name):
    assert "nothing of this bundle was taken" in refused(rewrite({name: b"x"}))


@pytest.mark.parametrize("name", ["recipe.toml", "provenance.json", "plan.json"])
def test_what_every_run_has_must_be_there(rewrite, refused, name):
    assert f"has no {name}" in refused(rewrite({name: None}))


@pytest.mark.parametrize("text", ['{"schema_version": 2}', "[]", "{}", "nonsense"])
def test_runs_of_another_schema_are_refused(rewrite, refused, text):
    assert refused(rewrite({"provenance.json": text.encode()}))


def plan_with(bundle, change) -> bytes:
    with opened(bundle) as found:
        plan = json.loads(found.read("plan.json"))
    change(plan)
    return json.dumps(plan).encode()


@pytest.mark.parametrize("table", ["keys", "train_keys"])
def test_keys_that_are_paths_are_refused(rewrite, refused, bundle, table):
    def change(plan):
        plan[table][next(iter(plan[table]))] = "../../../etc/passwd"

    assert "which is none" in refused(rewrite({"plan.json": plan_with(bundle, change)}))


def test_plans_that_do_not_hold_together_are_refused(rewrite, refused, bundle):
    def change(plan):
        plan["jobs"][-1]["inputs"] = {"decoder": "nobody"}

    assert "no key for the job 'nobody'" in refused(rewrite({"plan.json": plan_with(bundle, change)}))
    assert "is not a plan" in refused(rewrite({"plan.json": b"{}"}))


def first_of(bundle, ending: str) -> str:
    with opened(bundle) as found:
        return next(name for name in found.manifest.files if name.endswith(ending) and name.startswith("cells/"))


def test_damaged_cells_are_refused(rewrite, refused, bundle):
    name = first_of(bundle, ".json")
    with opened(bundle) as found:
        envelope = json.loads(found.read(name))
    for change in ({"digest": "0"}, {"cell": "{}"}, {"cell": 3}):
        assert "no cell of this schema" in refused(rewrite({name: json.dumps({**envelope, **change}).encode()}))
    text = json.dumps({**json.loads(envelope["cell"]), "key": "f" * 20})
    digest = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
    other = json.dumps({"digest": digest, "cell": text}).encode()
    assert "holds the cell 'ffff" in refused(rewrite({name: other}))


def arrays(**named) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()


def test_arrays_that_unfold_are_refused(rewrite, refused, bundle, monkeypatch):
    name = first_of(bundle, ".npz")
    monkeypatch.setattr(receiving, "MOST_ARRAYS", 1 << 20)
    assert "unfolds to more" in refused(rewrite({name: arrays(mse=np.zeros(1 << 20))}))


def test_arrays_that_need_pickle_or_lie_are_refused(rewrite, refused, bundle):
    name = first_of(bundle, ".npz")
    assert "holds no arrays" in refused(rewrite({name: arrays(mse=np.array([{"a": 1}], dtype=object))}))
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)})
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as packed:
        packed.writestr("mse.npy", head.getvalue())
    assert "holds no arrays" in refused(rewrite({name: lying.getvalue()}))
    assert "holds no arrays" in refused(rewrite({name: b"nonsense"}))


def test_a_recipe_that_is_none_leaves_nothing(rewrite, refused):
    assert "recipe" in refused(rewrite({"recipe.toml": b"name = 3"}))


def test_an_interruption_leaves_nothing(bundle, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(receiving.Store, "recipe", stop)
    with pytest.raises(KeyboardInterrupt):
        import_bundle(bundle, tmp_path / "run")
    assert everything(tmp_path) == []

"""Exporting: finished runs only, and nothing that was there is lost."""

from __future__ import annotations

import fcntl
import shutil

import pytest

from rdcbench.bundle.sending import export
from rdcbench.errors import RdcbenchError, StoreError
from rdcbench.store import Store


@pytest.fixture
def copy(tiny_run, tmp_path, only_tiny):
    return shutil.copytree(tiny_run, tmp_path / "copy")


def refusal(run, target) -> str:
    with pytest.raises(RdcbenchError) as caught:
        export(run, target)
    assert not target.exists()
    return str(caught.value)


def test_every_stream_is_decoded_and_noted(copy, tmp_path):
    told = []
    manifest = export(copy, tmp_path / "b", tell=told.append)
    keys = {key for row in Store(copy).rows() for key in row.keys}
    assert set(manifest.symbols) == keys
    assert len(told) == len(keys)
    assert {name for name in manifest.files if name.startswith("streams/")} == {f"streams/{key}.rdc" for key in keys}


def test_a_file_that_is_there_is_not_replaced(copy, tmp_path):
    (tmp_path / "b").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        export(copy, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


def test_a_run_in_progress_is_refused(copy, tmp_path):
    with (copy / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "is in progress" in refusal(copy, tmp_path / "b")


def test_runs_without_rows_are_refused(copy, tmp_path):
    assert "is not a run folder" in refusal(tmp_path / "nothing", tmp_path / "b")
    shutil.rmtree(copy / "cells")
    assert "has no finished row" in refusal(copy, tmp_path / "b")
    (copy / "plan.json").unlink()
    assert "has no finished row" in refusal(copy, tmp_path / "b")


def test_a_run_that_lacks_or_damaged_something_is_refused(copy, tmp_path):
    key = Store(copy).rows()[0].keys[0]
    (copy / f"streams/{key}.rdc").rename(copy / "kept")
    assert "cannot be read" in refusal(copy, tmp_path / "b")
    (copy / f"streams/{key}.rdc").write_bytes(b"RDCS" + bytes(30))
    assert "stream" in refusal(copy, tmp_path / "b")
    (copy / "kept").rename(copy / f"streams/{key}.rdc")
    (copy / f"cells/{key}.json").write_bytes(b"{}")
    assert "1 cells are missing or damaged" in refusal(copy, tmp_path / "b")
    (copy / "provenance.json").write_text('{"schema_version": 2}')
    assert "schema version 2" in refusal(copy, tmp_path / "b")


def test_a_folder_that_cannot_be_written_is_a_sentence(copy, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refusal(copy, tmp_path / "file" / "b")

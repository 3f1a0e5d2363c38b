from __future__ import annotations

import errno
import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rdcbench import datafiles, digests
from rdcbench.errors import DataError

CONTENT = {"a.bin": b"first file" * 100, "b.bin": b"second file" * 50}


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


class Fake:
    """As much of a data set as datafiles reads."""

    name = "fake"

    def __init__(self, files=None):
        self._files = files or {f"fake/{name}": md5(content) for name, content in CONTENT.items()}

    def files(self):
        return self._files


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.bin").write_bytes(CONTENT["a.bin"])
    (folder / "renamed by the browser (1)").write_bytes(gzip.compress(CONTENT["b.bin"]))
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_imports_without_torch():
    code = "import sys, rdcbench.datafiles; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_data_folder_is_the_explicit_one_then_the_environments_then_the_caches(tmp_path):
    environ = {"RDCBENCH_DATA": str(tmp_path / "environment")}
    assert datafiles.data_folder(tmp_path / "explicit", environ) == tmp_path / "explicit"
    assert datafiles.data_folder(None, environ) == tmp_path / "environment"
    assert datafiles.data_folder("", {"RDCBENCH_DATA": "~/x"}) == Path.home() / "x"
    assert "rdcbench" in datafiles.data_folder(None, {"RDCBENCH_DATA": ""}).parts


def test_status_tells_present_missing_and_wrong(tmp_path):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/a.bin").write_bytes(b"something else")
    states = {file.name: file for file in datafiles.status(Fake(), tmp_path)}
    assert states["fake/a.bin"].state == "wrong digest"
    assert states["fake/a.bin"].found == md5(b"something else")
    assert states["fake/b.bin"].state == "missing"
    assert states["fake/b.bin"].path == tmp_path / "fake/b.bin"
    (tmp_path / "fake/a.bin").write_bytes(CONTENT["a.bin"])
    assert datafiles.status(Fake(), tmp_path, ["fake/a.bin"])[0].state == "present"
    assert datafiles.describe(datafiles.status(Fake(), tmp_path, ["fake/a.bin"])) == ""


def test_verify_names_every_fault_and_the_command(tmp_path):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/a.bin").write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        datafiles.verify(Fake(), tmp_path)
    text = str(caught.value)
    assert f"fake/a.bin has MD5 {md5(b'x')} instead of {md5(CONTENT['a.bin'])}" in text
    assert "missing fake/b.bin" in text
    assert f"rdcbench data fetch fake --data-dir {tmp_path}" in text


def test_the_command_leaves_out_the_folder_that_is_used_anyway(tmp_path, monkeypatch):
    monkeypatch.setenv("RDCBENCH_DATA", str(tmp_path))
    assert "--data-dir" not in datafiles.by_hand(Fake(), tmp_path)


def test_verify_looks_only_at_the_files_that_are_asked_for(tmp_path):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/a.bin").write_bytes(CONTENT["a.bin"])
    datafiles.verify(Fake(), tmp_path, ["fake/a.bin"])


def test_an_unreadable_file_is_a_sentence(tmp_path):
    (tmp_path / "fake/a.bin").mkdir(parents=True)
    with pytest.raises(DataError, match=r"a\.bin cannot be read"):
        datafiles.status(Fake(), tmp_path)
    (tmp_path / "fake/a.bin").rmdir()
    (tmp_path / "fake/a.bin").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"a\.bin cannot be read: No such file"):
        datafiles.status(Fake(), tmp_path)


def test_fetch_from_takes_files_by_digest_raw_or_compressed_under_any_name(source, tmp_path):
    data = tmp_path / "data"
    assert "2 file(s)" in datafiles.fetch_from(Fake(), source, data)
    assert snapshot(data) == {f"fake/{name}": content for name, content in CONTENT.items()}
    assert "already complete" in datafiles.fetch_from(Fake(), source, data)


def test_a_file_that_is_kept_compressed_is_taken_compressed_only(tmp_path):
    zipped = gzip.compress(b"content")
    dataset = Fake({"fake/c.gz": md5(zipped)})
    (tmp_path / "source").mkdir()
    (tmp_path / "source/c").write_bytes(b"content")
    with pytest.raises(DataError) as caught:
        datafiles.fetch_from(dataset, tmp_path / "source", tmp_path)
    assert f"c has MD5 {md5(b'content')}" in str(caught.value)
    assert "with the very digests below" in str(caught.value)
    (tmp_path / "source/c.gz").write_bytes(zipped)
    datafiles.fetch_from(dataset, tmp_path / "source", tmp_path)
    assert (tmp_path / "fake/c.gz").read_bytes() == zipped


def test_fetch_from_says_what_lacks_and_why_and_keeps_what_it_found(source, tmp_path):
    (source / "renamed by the browser (1)").unlink()
    (source / "b.bin.gz").write_bytes(gzip.compress(CONTENT["b.bin"])[:-9])
    (source / "b.bin").write_bytes(b"not it")
    with pytest.raises(DataError) as caught:
        datafiles.fetch_from(Fake(), source, tmp_path / "data")
    text = str(caught.value)
    assert "lacks 1 file(s) of the data set 'fake' (1 taken)" in text
    assert f"no file of MD5 {md5(CONTENT['b.bin'])} among 3 file(s)" in text
    assert f"b.bin has MD5 {md5(b'not it')}" in text
    assert "b.bin.gz" in text
    assert "damaged" in text
    assert "rdcbench data fetch fake" in text
    assert "--from DIR" in text
    assert snapshot(tmp_path / "data") == {"fake/a.bin": CONTENT["a.bin"]}


def test_fetch_from_wants_a_folder(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        datafiles.fetch_from(Fake(), tmp_path / "nowhere", tmp_path)


def test_a_file_of_another_digest_is_kept_beside_the_right_one(source, tmp_path):
    (tmp_path / "data/fake").mkdir(parents=True)
    (tmp_path / "data/fake/a.bin").write_bytes(b"the user's own")
    said = datafiles.fetch_from(Fake(), source, tmp_path / "data")
    kept = tmp_path / f"data/fake/a.bin.other-{md5(b'the user' + bytes([39]) + b's own')[:8]}"
    assert kept.read_bytes() == b"the user's own"
    assert str(kept) in said
    assert (tmp_path / "data/fake/a.bin").read_bytes() == CONTENT["a.bin"]


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(source, tmp_path, monkeypatch):
    (tmp_path / "data/fake").mkdir(parents=True)
    (tmp_path / "data/fake/a.bin").write_bytes(b"there before")
    before = snapshot(tmp_path / "data")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"a\.bin cannot be written: No space left on device\. .* --data-dir"):
        datafiles.fetch_from(Fake(), source, tmp_path / "data")
    assert snapshot(tmp_path / "data") == before


def test_an_unwritable_folder_is_a_sentence(source, tmp_path):
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(DataError, match="cannot be written"):
        datafiles.fetch_from(Fake(), source, tmp_path / "data")
    with pytest.raises(DataError, match="cannot be written"):
        datafiles.prepare(tmp_path / "data")
    assert (tmp_path / "data").read_text() == "a file, not a folder"


def test_a_file_that_changes_while_it_is_copied_is_refused(source, tmp_path, monkeypatch):
    real = digests.opened

    def swapped(path, unzip):
        if path.parent == source:
            path.write_bytes(b"other content")
        return real(path, unzip)

    dataset = Fake({"fake/a.bin": md5(CONTENT["a.bin"])})
    datafiles.md5_of(source / "a.bin")
    monkeypatch.setattr(digests, "opened", swapped)
    with pytest.raises(DataError, match="changed while it was copied"):
        datafiles.fetch_from(dataset, source, tmp_path / "data")
    assert snapshot(tmp_path / "data") == {}


def test_data_sets_without_raw_files_are_complete(tmp_path):
    class Empty(Fake):
        def files(self):
            return {}

    assert datafiles.status(Empty(), tmp_path) == []
    datafiles.verify(Empty(), tmp_path)

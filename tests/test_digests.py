from __future__ import annotations

import gzip
import hashlib
import io
import os

import pytest

from rdcbench import digests


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def test_a_digest_is_read_once_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    assert digests.md5(path) == md5(b"one")
    read = []
    monkeypatch.setattr(digests, "copy", lambda *a: read.append(a) or "read again")
    assert digests.md5(path) == md5(b"one")
    assert not read
    os.utime(path, ns=(1, 1))
    assert digests.md5(path) == "read again"


def test_a_compressed_file_has_a_digest_of_its_own_and_one_of_its_content(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"content"))
    assert digests.is_gzip(path)
    assert digests.md5(path) == md5(path.read_bytes())
    assert digests.md5(path, unzip=True) == md5(b"content")


@pytest.mark.parametrize("damage", [lambda whole: whole[:-9], lambda whole: whole[:12] + b"\xff" * 8 + whole[20:]])
def test_a_damaged_file_raises_what_it_is_said_to(tmp_path, damage):
    path = tmp_path / "file.gz"
    path.write_bytes(damage(gzip.compress(bytes(range(256)) * 9)))
    with pytest.raises(digests.BROKEN_GZIP):
        digests.md5(path, unzip=True)


def test_a_copy_is_whole_and_has_the_digest_of_what_was_read():
    content = bytes(range(256)) * 5000  # more than one chunk
    writer = io.BytesIO()
    assert digests.copy(io.BytesIO(content), writer) == md5(content)
    assert writer.getvalue() == content

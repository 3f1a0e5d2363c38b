from __future__ import annotations

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from rdcbench import idx
from rdcbench.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
GOOD = struct.pack(">4I", 0x803, 2, 3, 4) + IMAGES.tobytes()


def test_images_and_labels_are_read():
    assert np.array_equal(idx.parse(GOOD, 3, "f"), IMAGES)
    assert idx.parse(struct.pack(">2I", 0x801, 2) + b"\x07\x01", 1, "f").tolist() == [7, 1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"",
            "f is truncated: it has 0 bytes, and the header of an idx file of unsigned bytes with 3 dimensions has 16.",
        ),
        (GOOD[:10], "f is truncated: it has 10 bytes"),
        (GOOD[:-1], "f is truncated: it announces 2 x 3 x 4 = 24 bytes, and 23 follow."),
        (GOOD + b"\0", "f has bytes left over: it announces 2 x 3 x 4 = 24 bytes, and 25 follow."),
        (struct.pack(">4I", 0x801, 2, 3, 4) + GOOD, "it starts with 0x00000801 instead of 0x00000803."),
        (struct.pack(">4I", 0xD03, 2, 3, 4) + GOOD, "it starts with 0x00000d03 instead of 0x00000803."),
        (struct.pack("<4I", 0x803, 2, 3, 4) + GOOD, "it starts with 0x03080000"),
        (struct.pack(">4I", 0x803, 0, 3, 4), "f announces 0 x 3 x 4 bytes, which cannot be."),
        (struct.pack(">4I", 0x803, 2, 3, 2**32 - 1) + GOOD, "f announces 2 x 3 x 4294967295 bytes, which cannot be."),
        (struct.pack(">4I", 0x803, *[2**31 - 1] * 3), "= 9903520300447984150353281023 bytes, and 0 follow."),
        (gzip.compress(GOOD), "f is compressed with gzip"),
    ],
)
def test_what_is_not_an_idx_file_is_refused_with_a_sentence(content, sentence):
    with pytest.raises(DataError) as caught:
        idx.parse(content, 3, "f")
    assert sentence in str(caught.value)


def test_files_are_read_raw_and_compressed(tmp_path):
    (tmp_path / "f").write_bytes(GOOD)
    (tmp_path / "f.gz").write_bytes(gzip.compress(GOOD))
    assert np.array_equal(idx.read(tmp_path / "f", 3), IMAGES)
    assert np.array_equal(idx.read(tmp_path / "f.gz", 3), IMAGES)


@pytest.mark.parametrize("damaged", [gzip.compress(GOOD)[:-5], b"\x1f\x8b" + b"x" * 30, b"plain text", b""])
def test_a_damaged_compressed_file_is_a_sentence(tmp_path, damaged):
    (tmp_path / "f.gz").write_bytes(damaged)
    with pytest.raises(DataError, match=r"f\.gz"):
        idx.read(tmp_path / "f.gz", 3)


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="nowhere cannot be read"):
        idx.read(tmp_path / "nowhere", 3)


def test_pack_is_the_inverse_of_parse() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(idx.parse(idx.pack(array), 3, "array"), array)


def test_a_compressed_file_that_unfolds_further_than_it_announces_is_not_unfolded(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(GOOD + bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="has bytes left over"):
            idx.read(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()

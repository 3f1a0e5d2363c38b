from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from rdcbench import arrayfile

ARRAYS = {"mse": np.arange(5, dtype=np.float32), "sample_x": np.zeros((2, 1, 4, 4), np.uint8), "none": np.zeros(0)}


def header(shape, descr="<f8", fill=b"") -> bytes:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": descr, "fortran_order": False, "shape": shape})
    return head.getvalue() + fill


def zipped(member: bytes, kind=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("mse.npy", member)
    return buffer.getvalue()


def test_what_was_packed_is_read(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(arrayfile.pack(ARRAYS))
    found = arrayfile.read(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    assert list(arrayfile.read(path, ["mse", "other"])) == ["mse"]
    assert arrayfile.check(path.read_bytes()) >= sum(array.nbytes for array in ARRAYS.values())


def unfolds_far() -> bytes:
    """A member whose list entry announces far more than Deflate can hold."""
    data = bytearray(zipped(header((8,), fill=bytes(64))))
    data[(at := data.rindex(b"PK\x01\x02")) + 24 : at + 28] = (1 << 31).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"nonsense", zipped(b""), zipped(b"\x93NUMPY\x09\x00"),
        zipped(header((1 << 40,))), zipped(header((1 << 40, 1 << 40, 1 << 40))), zipped(header((-1,))),
        zipped(header((1 << 40,), "|V0")), zipped(header((1,), "|O", b"cos\nsystem\n")), zipped(header((1,), "<U4")),
        zipped(header((3,), fill=bytes(24)), zipfile.ZIP_LZMA), unfolds_far(),
    ],
)  # fmt: skip
def test_what_announces_more_than_it_has_or_is_no_number_takes_no_memory(tmp_path, data):
    path = tmp_path / "a.npz"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever zipfile or numpy say
            arrayfile.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        arrayfile.read(tmp_path / "a.npz")

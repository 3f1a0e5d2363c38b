"""Arrays of numbers in a file: .npz without pickle, and without more memory than the file's size justifies."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MOST_A_BYTE = 1032
"""A byte of Deflate unfolds to no more bytes than these."""
NUMBERS = "biufc"
"""Kinds of numpy's types that are numbers: all else is refused."""


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Write arrays as the bytes of a file; `read` gives them back."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))
    return buffer.getvalue()


def read(path: Path, names: Collection[str] | None = None) -> dict[str, Array]:
    """Read all arrays, or some by name; OSError or ValueError if the file holds none, or announces what it has not."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in _members(archive, path.stat().st_size)}
            return {name: _array(archive, info) for name, info in members.items() if names is None or name in names}
    except OSError:
        raise
    except Exception as error:  # whatever a hostile header makes zipfile or numpy raise, these are no arrays
        raise ValueError(f"{type(error).__name__}: {error}") from error


def check(data: bytes) -> int:
    """How many bytes the arrays of a file unfold to, from their headers alone; ValueError for what `read` refuses."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = list(_members(archive, len(data)))
            for info in infos:
                with archive.open(info) as file:
                    _check_header(file, info)
            return sum(info.file_size for info in infos)
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _members(archive: zipfile.ZipFile, size: int) -> Iterator[zipfile.ZipInfo]:
    """The members of a file of this size, which together cannot be larger packed, nor unfold to more than Deflate."""
    infos = archive.infolist()
    if sum(info.compress_size for info in infos) > size:
        raise ValueError("its members are larger than the file")
    for info in infos:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename!r} is packed in another way than .npz files are")
        if info.file_size > MOST_A_BYTE * info.compress_size:
            raise ValueError(f"{info.filename!r} announces {info.file_size} bytes packed into {info.compress_size}")
        yield info


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as file:
        _check_header(file, info)
    with archive.open(info) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)  # type: ignore[no-untyped-call]
    return array


def _check_header(file: IO[bytes], info: zipfile.ZipInfo) -> None:
    """Refuse an array that is larger than its member, or that holds something else than numbers."""
    version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = readers[version](file)  # type: ignore[no-untyped-call]
    if dtype.kind not in NUMBERS or math.prod(shape) * dtype.itemsize > info.file_size:
        raise ValueError(f"{info.filename!r} holds no numbers, or fewer than it announces")

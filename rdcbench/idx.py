"""The idx format of the MNIST files, read strictly: a big-endian header (magic, then each size), then bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rdcbench.errors import DataError

_UNSIGNED_BYTE = 0x08
_CHUNK = 1 << 20
_LONGEST = 1 << 31
"""No dimension of a file of bytes that fits into memory is longer."""


def read(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, compressed where its name ends in .gz.

    Parameters
    ----------
    dimensions: 3 for images [n, height, width], 1 for labels [n].

    Raises
    ------
    DataError: the file cannot be read, is damaged, or is not what `parse` takes.
    """
    try:
        content = _unpacked(path, dimensions) if path.suffix == ".gz" else path.read_bytes()
        return parse(content, dimensions, str(path))
    except (OSError, EOFError, zlib.error) as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{path} cannot be read: {reason}. Fetch the data again, or check the file.") from error


def _unpacked(path: Path, dimensions: int) -> bytes:
    """The content of a compressed file, a little further than its header announces: it may unfold without end."""
    content = bytearray()
    with gzip.open(path) as file:
        while piece := file.read(_CHUNK):
            content += piece
            if len(content) > 4 + 4 * dimensions + math.prod(_sizes(content, dimensions)):
                break
    return bytes(content)


def parse(content: bytes, dimensions: int, what: str) -> npt.NDArray[np.uint8]:
    """Make an array out of the content of an idx file; `what` names it in errors. The array shares the memory.

    Raises
    ------
    DataError: wrong magic number, a size of zero or beyond memory, fewer or more bytes than the header announces.
    """
    header = 4 + 4 * dimensions
    magic = _UNSIGNED_BYTE << 8 | dimensions
    if content[:2] == b"\x1f\x8b":
        raise DataError(f"{what} is compressed with gzip, not an idx file. Unpack it with gunzip.")
    if len(content) < header:
        size = f"it has {len(content)} bytes, and the header of {_kind(dimensions)} has {header}"
        raise DataError(f"{what} is truncated: {size}.")
    (found,), shape = struct.unpack(">I", content[:4]), _sizes(content, dimensions)
    if found != magic:
        raise DataError(f"{what} is not {_kind(dimensions)}: it starts with 0x{found:08x} instead of 0x{magic:08x}.")
    if any(not 0 < size < _LONGEST for size in shape):
        raise DataError(f"{what} announces {_times(shape)} bytes, which cannot be. Its header is damaged.")
    announced, there = math.prod(shape), len(content) - header
    if there != announced:
        fault = "is truncated" if there < announced else "has bytes left over"
        raise DataError(f"{what} {fault}: it announces {_times(shape)} = {announced} bytes, and {there} follow.")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def pack(array: npt.NDArray[np.uint8]) -> bytes:
    """Write an array of unsigned bytes as the content of an idx file; `parse` gives it back."""
    magic = _UNSIGNED_BYTE << 8 | array.ndim
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


def _sizes(content: bytes | bytearray, dimensions: int) -> list[int]:
    """The sizes that a header announces; 0 for each one that is cut off."""
    return [int.from_bytes(content[at : at + 4], "big") for at in range(4, 4 + 4 * dimensions, 4)]


def _kind(dimensions: int) -> str:
    return f"an idx file of unsigned bytes with {dimensions} dimension{'s' if dimensions > 1 else ''}"


def _times(shape: list[int]) -> str:
    return " x ".join(map(str, shape))

"""MD5 digests of files, raw or of what they hold compressed; each is read once as long as its size and time stay."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from functools import cache
from pathlib import Path

BROKEN_GZIP = (OSError, EOFError, zlib.error)
"""What reading a damaged gzip file raises."""
_CHUNK = 1 << 20


def md5(path: Path, unzip: bool = False) -> str:
    """Digest of a file, or of what it holds compressed with gzip; OSError, or one of BROKEN_GZIP, if unreadable."""
    found = path.stat()
    return _md5(path.absolute(), found.st_size, found.st_mtime_ns, unzip)


def is_gzip(path: Path) -> bool:
    """Whether a file begins as gzip files do."""
    with path.open("rb") as reader:
        return reader.read(2) == b"\x1f\x8b"


def opened(path: Path, unzip: bool) -> io.BufferedIOBase:
    """Open a file, or what it holds compressed, for reading."""
    return gzip.open(path) if unzip else path.open("rb")


def copy(reader: io.BufferedIOBase, writer: io.BufferedIOBase | None = None) -> str:
    """Read to the end, write it where a writer is given, and give the MD5 digest."""
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := reader.read(_CHUNK):
        digest.update(chunk)
        if writer is not None:
            writer.write(chunk)
    return digest.hexdigest()


@cache
def _md5(path: Path, size: int, modified: int, unzip: bool) -> str:  # noqa: ARG001  size and time are the cache's key
    with opened(path, unzip) as reader:
        return copy(reader)

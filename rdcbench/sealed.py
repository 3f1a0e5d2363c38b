"""Files with a digest of their own: what is damaged is told from what is whole; and files that are written whole."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rdcbench.errors import StoreError

SEAL = b'{\n "digest": "'


def atomic_write(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file under a temporary name in its folder and rename it: it is there whole, or as it was before."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
        path.chmod(0o644)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. Free space or choose another place."
        ) from error


def temporary_names(name: str) -> str:
    """Pattern of the names under which `atomic_write` writes a file of this name."""
    return f".{name}.*"


def digest(data: bytes) -> str:
    """Digest of the bytes of a file: BLAKE2b, 80 bits."""
    return hashlib.blake2b(data, digest_size=10).hexdigest()


def check(path: Path, expected: str) -> bool:
    """Whether a file has this digest: OSError or ValueError if not."""
    if digest(path.read_bytes()) != expected:
        raise ValueError("its digest does not match")
    return True


def seal(text: bytes) -> bytes:
    """JSON text of an object with its own digest as the first entry."""
    return SEAL + digest(text).encode() + b'",' + text[1:]


def unseal(data: bytes) -> bytes:
    """The text that was sealed; ValueError if it is another. One without a digest is taken as it is."""
    first, _, rest = data.partition(b",")
    if not first.startswith(SEAL):
        return data
    if first != SEAL + digest(b"{" + rest).encode() + b'"':
        raise ValueError("its digest does not match")
    return b"{" + rest


def pack_cell(text: str, files: dict[str, str]) -> bytes:
    """The file of a cell: its text, the digests of the files that belong to it, and a digest of both."""
    of_both = digest(json.dumps([text, files]).encode())
    return json.dumps({"digest": of_both, "cell": text, "files": files}).encode()


def unpack_cell(data: bytes) -> tuple[str, dict[str, str]]:
    """Text and files of `pack_cell`; ValueError if a character of them is not as it was written."""
    try:
        envelope = json.loads(data)
        text, files = envelope["cell"], envelope.get("files", {})
        if data != pack_cell(text, files) and not _is_old(envelope):
            raise ValueError("its digest does not match")
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is malformed: {type(error).__name__} {error}") from error
    return text, files


def _is_old(envelope: dict[str, Any]) -> bool:
    """Whether this is a sound cell of an earlier program, which kept no digests of further files."""
    return "files" not in envelope and envelope["digest"] == digest(envelope["cell"].encode())

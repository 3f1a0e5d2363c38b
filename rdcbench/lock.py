"""One process at a time in a run folder: a lock that the system lets go of when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rdcbench.errors import StoreError

NAME = ".lock"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the run folder; StoreError for a second process, or where nothing can be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out / NAME, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror}. Choose another --out.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"Another process is running into {out}; wait for it or choose another --out.") from error
        yield
    finally:
        os.close(descriptor)

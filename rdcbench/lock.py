"""One process at a time in a run folder: a lock that the system lets go of when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rdcbench.errors import RdcbenchError, StoreError

NAME = ".lock"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the run folder; StoreError for a second process, or where nothing can be written.

    A folder that was made for a run which was then refused goes again.
    """
    made = not out.exists()
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
    except RdcbenchError:
        if made:
            _remove_if_empty(out)
        raise
    finally:
        os.close(descriptor)


def _remove_if_empty(out: Path) -> None:
    """Remove a folder that holds nothing but the lock, while that is held: who waits for it finds no folder."""
    if [path.name for path in out.iterdir()] == [NAME]:
        with suppress(OSError):
            (out / NAME).unlink()
            out.rmdir()

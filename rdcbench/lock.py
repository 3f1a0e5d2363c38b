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
    try:
        made = _made(out)
        descriptor = os.open(out / NAME, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror}. Choose another --out.") from error
    try:
        _take(descriptor, out)
        try:
            yield
        except RdcbenchError:
            if made:
                _remove_if_empty(out)
            raise
    finally:
        os.close(descriptor)


def _made(out: Path) -> bool:
    """Make the folder; whether it was this process that did."""
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        out.mkdir()
    except FileExistsError:
        if not out.is_dir():
            raise
        return False
    return True


def _take(descriptor: int, out: Path) -> None:
    """Take the lock; StoreError if another process has it, or has just removed the folder in which it lay."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(out / NAME)):
            return
    except OSError:
        pass
    raise StoreError(f"Another process is running into {out}; wait for it or choose another --out.")


def _remove_if_empty(out: Path) -> None:
    """Remove a folder that holds nothing but the lock, while that is held: a lock that is not in its folder is none."""
    if [path.name for path in out.iterdir()] == [NAME]:
        with suppress(OSError):
            (out / NAME).unlink()
            out.rmdir()

"""What a strange part cannot get out of: one job with an end in time, whose output stays away from the terminal.

In a worker process of its own the end is hard: a watchdog that needs nothing of Python leaves a trace of where the job
hung and ends the process. In the process of the run an alarm raises an error between two steps of Python instead.
"""

from __future__ import annotations

import faulthandler
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from rdcbench.errors import RdcbenchError

AGAIN_SECONDS = 5.0
"""An alarm that a part's own `except` swallowed rings again."""


class JobTimeoutError(RdcbenchError):
    """A job that took longer than its recipe allows."""


@dataclass(frozen=True)
class Fence:
    """Work that ends after `limit` seconds at the latest, and writes to `log` what it would print.

    home: number of the run's own process, which must not be ended. Picklable, for any executor.
    """

    work: Callable[..., Any]
    limit: float
    home: int
    log: Path

    def __call__(self, *arguments: Any) -> Any:
        """Do the work; JobTimeoutError in the run's own process, the end of any other, when it takes too long."""
        if os.getpid() == self.home:
            with _aside(self.log), _alarm(self.limit):
                return self.work(*arguments)
        with _redirected(self.log) as file:
            faulthandler.dump_traceback_later(self.limit, exit=True, file=file)
            try:
                return self.work(*arguments)
            finally:
                faulthandler.cancel_dump_traceback_later()


def took_too_long(limit: float) -> str:
    """The sentence for a job that was ended."""
    return f"it took longer than limit_seconds = {limit:g} and was ended"


# ------------------------------------------------------------------------------------------------- in the run's process


@contextmanager
def _alarm(limit: float) -> Iterator[None]:
    """Raise JobTimeoutError when the time is up; only the main thread of a process can have an alarm."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise JobTimeoutError(took_too_long(limit))

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Aside(io.StringIO):
    """Stands for a standard stream and keeps what is printed; the display of a run still finds the terminal."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.rich_proxied_file = getattr(stream, "rich_proxied_file", stream)


@contextmanager
def _aside(log: Path) -> Iterator[None]:
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = kept = _Aside(out), _Aside(err)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        said = "".join(stream.getvalue() for stream in kept)
        if said:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(said, encoding="utf-8")


# --------------------------------------------------------------------------------------------------- in another process


@contextmanager
def _redirected(log: Path) -> Iterator[IO[bytes]]:
    """Lead standard output and error, of libraries too, into a file that is removed if it stays empty."""
    log.parent.mkdir(parents=True, exist_ok=True)
    saved = [os.dup(number) for number in (1, 2)]
    with log.open("wb") as file:
        _flush()
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield file
        finally:
            _flush()
            for number, old in zip((1, 2), saved, strict=True):
                os.dup2(old, number)
                os.close(old)
    if not log.stat().st_size:
        log.unlink()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()

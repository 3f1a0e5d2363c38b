"""Whose a plugin is, and loading its code in the run's own process with its prints put aside."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import EntryPoint


def is_shipped(point: EntryPoint) -> bool:
    """Whether an entry point belongs to the package rdcbench itself."""
    return point.dist is not None and point.dist.name == "rdcbench"


@contextmanager
def hushed() -> Iterator[io.StringIO]:
    """Put aside what is printed inside, and give it."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        yield printed

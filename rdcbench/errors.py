"""The one family of handled errors: each message says what was asked for, what there is, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_LISTED = 40
"""Names of which all are told; of more, as of a run's jobs, the nearest."""
NEAREST = 8


class RdcbenchError(Exception):
    """A mistake in what was asked for; the command line prints it as one sentence and exits with code 2."""


class RecipeError(RdcbenchError):
    """A recipe that does not say what it must."""


class PartError(RdcbenchError):
    """A part that is unknown, ambiguous, or was given options that it does not have."""


class ContestedError(PartError):
    """A name by which two packages bring a part, neither of which is shipped with rdcbench."""


class DataError(RdcbenchError):
    """A data set that cannot be had or is not what it claims to be."""


class StreamError(RdcbenchError):
    """A bitstream that is damaged or that another sender wrote."""


class StoreError(RdcbenchError):
    """A run folder that cannot be read or written."""


class GuardError(RdcbenchError):
    """A row whose numbers would not mean what they say."""


def unknown(what: str, asked: str, known: Iterable[str]) -> str:
    """Say that `asked` does not exist, what does, and what was probably meant.

    Parameters
    ----------
    what: the kind of thing in the singular, such as "encoder".
    asked: the name that was given.
    known: the names that exist.
    """
    names = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(asked.lower(), names, n=1, cutoff=0.5)
    hint = f" Did you mean {names[close[0]]!r}?" if close else ""
    listing = ", ".join(names.values()) if names else "none"
    if len(names) > MOST_LISTED:
        near = difflib.get_close_matches(asked.lower(), names, n=NEAREST, cutoff=0.0)
        listing = f"{', '.join(names[name] for name in near)} and {len(names) - NEAREST} more"
    return f"There is no {what} {asked!r}; there is: {listing}.{hint}"

"""Whether a run is in progress, from its files alone. No torch, no plugins."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def is_running(root: Path) -> bool:
    """Whether a process holds the run folder."""
    try:
        descriptor = os.open(root / ".lock", os.O_RDONLY)
    except OSError:  # no lock was ever taken here, or nobody may look
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False

"""Where a number was made: versions, machine, commit. No torch unless it is loaded already."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("rdcbench", "torch", "torchvision", "compressai", "numpy", "scipy", "scikit-learn", "torchmetrics")


@cache
def _static() -> dict[str, Any]:
    return {
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        **_git(),
    }


def provenance(device: str) -> dict[str, Any]:
    """Facts about this process: versions, processor, device, threads, commit and whether the tree was changed."""
    facts = dict(_static())
    facts["device"] = device
    if "torch" in sys.modules:
        facts["threads"] = sys.modules["torch"].get_num_threads()
    return facts


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that this package runs from; empty for an installed wheel."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return {"commit": "", "dirty": False}

    def git(*words: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        except OSError:  # no git on this machine
            return ""
        return done.stdout.strip()

    return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}

"""The report of a run that is there already, as long as nothing that it was drawn from has changed."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import rdcbench
from rdcbench import sealed
from rdcbench.report.write import Report, build_report
from rdcbench.store import Store

NAME = "figures/report.json"


def current_report(store: Store) -> Report:
    """The files of the last report if drawing them again would give the same ones; else a new report."""
    made_from = _origin(store)
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # then it is drawn again
        return _kept(store, made_from)
    report = build_report(store)
    files = {str(path.relative_to(store.root)): sealed.digest(path.read_bytes()) for path in report.paths}
    text = json.dumps({"from": made_from, "files": files, "notes": report.notes}, indent=1)
    store.write(NAME, sealed.seal(text.encode()))
    return report


def _kept(store: Store, made_from: str) -> Report:
    """The report that a note tells of; ValueError if it was drawn from something else, or a file is another."""
    raw = json.loads(sealed.unseal(store.path(NAME).read_bytes()))
    if raw["from"] != made_from:
        raise ValueError("it is about another state of the run")
    for name, expected in raw["files"].items():
        sealed.check(store.path(name), expected)
    return Report([store.path(name) for name in raw["files"]], list(raw["notes"]))


def _origin(store: Store) -> str:
    """Digest of all that a report is drawn from: the run's tables and cells, which name their arrays, and the code."""
    plan = store.plan()
    cells = [name for key in (plan.keys.values() if plan else ()) for name in store.files_of(key)[:1]]
    package = Path(rdcbench.__file__).parent
    paths = [*map(store.path, ("recipe.toml", "expected.toml", "plan.json", *cells)), *sorted(package.rglob("*.py"))]
    digest = hashlib.blake2b(version("matplotlib").encode(), digest_size=10)
    for path in paths:
        data = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.name} {len(data)} ".encode() + data)
    return digest.hexdigest()

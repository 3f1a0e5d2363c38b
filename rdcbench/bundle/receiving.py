"""`rdcbench import`: a bundle into a run folder. All of it is checked before a byte is written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from pydantic import ValidationError

from rdcbench import arrayfile
from rdcbench.bundle.archive import KEY, MANIFEST, Archive, Manifest, opened
from rdcbench.errors import StoreError
from rdcbench.jobs import Plan
from rdcbench.results import SCHEMA_VERSION
from rdcbench.sealed import atomic_write
from rdcbench.store import Store

MOST_ARRAYS = 1 << 30
"""Bytes that the arrays of one cell may take in memory."""


def import_bundle(source: Path, target: Path) -> Manifest:
    """Make a run folder of a bundle, or refuse it whole: then nothing is written.

    Raises
    ------
    StoreError: the bundle is not one, is damaged, lies or would write elsewhere; `target` is there and not empty.
    """
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise StoreError(f"{target} is there already; name another --out.")
    with opened(source) as bundle:
        _check(bundle)
        _write(bundle, target)
        return bundle.manifest


def _write(bundle: Archive, target: Path) -> None:
    """Write all members under `target`, the one that makes it a run last; on any error it is as it was."""
    there = target.exists()
    last = "provenance.json"
    try:
        for name in (*(name for name in bundle.manifest.files if name != last), last):
            atomic_write(target / name, lambda file, name=name: file.writelines(bundle.chunks(name)))  # type: ignore[misc]
        text = bundle.manifest.model_dump_json(indent=1).encode()
        atomic_write(target / MANIFEST, lambda file: file.write(text))
        Store(target).open().recipe()
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        if there:
            target.mkdir()
        raise


# -------------------------------------------------------------------------------------------------------------- checks


def _check(bundle: Archive) -> None:
    """Read every member once: digests, the run's schema, keys, cells and arrays."""
    for name in ("recipe.toml", "provenance.json", "plan.json"):
        if name not in bundle.manifest.files:
            raise StoreError(f"{bundle.path} has no {name}; it is no bundle of a run.")
    facts = json.loads(bundle.read("provenance.json"))
    if not isinstance(facts, dict) or facts.get("schema_version") != SCHEMA_VERSION:
        found = facts.get("schema_version") if isinstance(facts, dict) else None
        raise StoreError(f"{bundle.path} holds a run of schema version {found}; this program reads {SCHEMA_VERSION}.")
    _check_plan(bundle)
    for name in bundle.manifest.files:
        if name.startswith("cells/"):
            data = bundle.read(name)
            (_check_cell if name.endswith(".json") else _check_arrays)(bundle, name, data)
        else:
            for _ in bundle.chunks(name):
                pass


def _check_plan(bundle: Archive) -> None:
    """Keys become names of files, so they must be keys; and every job must have them."""
    try:
        plan = Plan.model_validate_json(bundle.read("plan.json"))
    except ValidationError as error:
        raise StoreError(f"{bundle.path}: plan.json is not a plan ({str(error).splitlines()[0]}).") from error
    strange = [key for key in (*plan.keys.values(), *plan.train_keys.values()) if not re.fullmatch(KEY, key)]
    if strange:
        raise StoreError(f"{bundle.path}: plan.json has the key {strange[0]!r}, which is none.")
    for job in plan.jobs:
        needed = (job.name, *job.inputs.values(), *job.judges)
        lost = [name for name in needed if name not in plan.keys or name not in plan.train_keys]
        if lost:
            raise StoreError(f"{bundle.path}: plan.json has no key for the job {lost[0]!r}.")


def _check_cell(bundle: Archive, name: str, data: bytes) -> None:
    """Refuse a cell that this program would take for a damaged or missing one."""
    key = Path(name).stem
    try:
        cell = Store.parse_cell(data)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{bundle.path}: {name} is no cell of this schema ({str(error).splitlines()[0]}).") from error
    if cell.key != key:
        raise StoreError(f"{bundle.path}: {name} holds the cell {cell.key!r}.")


def _check_arrays(bundle: Archive, name: str, data: bytes) -> None:
    """Refuse arrays that unfold to more than they may, or that would need pickle; their headers are read, no more."""
    try:
        size = arrayfile.check(data)
    except ValueError as error:
        raise StoreError(f"{bundle.path}: {name} holds no arrays ({error}).") from error
    if size > MOST_ARRAYS:
        raise StoreError(f"{bundle.path}: {name} unfolds to more than {MOST_ARRAYS} bytes.")

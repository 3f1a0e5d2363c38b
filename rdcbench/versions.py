"""Versions of code: a part is its declared version and the digest of the module that defines it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module

from rdcbench.jobs import Job
from rdcbench.recipe import PartSpec
from rdcbench.registry import Registry

TRAINED_BY = ("rng", "records", "codec", "optim", "train", "building", "work")
"""Modules of the harness that trained weights depend on."""
MEASURED_BY = ("bitstream", "evaluate")
"""Modules of the harness that measurements depend on beside them."""


@cache
def _source_digest(module_name: str) -> str:
    """Digest of a module's source: a part whose code changed is another part."""
    source = inspect.getsource(import_module(module_name))
    return hashlib.blake2b(source.encode(), digest_size=6).hexdigest()


def version_of(kind: str, name: str, registry: Registry) -> str:
    """A part's declared version and the digest of the module that defines it."""
    target = registry.get(kind, name).target
    return f"{target.version}-{_source_digest(target.__module__)}"


def module_versions(*names: str) -> str:
    """Digests of modules of the harness that a number depends on."""
    return "-".join(_source_digest(f"rdcbench.{name}") for name in names)


def versions(parts: Mapping[str, PartSpec], registry: Registry) -> dict[str, str]:
    """Kind -> version of each part of a job."""
    return {kind: version_of(kind, spec.name, registry) for kind, spec in sorted(parts.items())}


def sources(jobs: Iterable[Job], registry: Registry) -> dict[str, str]:
    """Files that define the parts in use, with digests, so that a finished run is recognised without importing them."""
    used = {(kind, spec.name) for job in jobs for kind, spec in job.parts.items()}
    used |= {("metric", spec.name) for job in jobs for spec in job.metrics}
    files = {inspect.getfile(registry.get(kind, name).target) for kind, name in used}
    files |= {inspect.getfile(import_module(f"rdcbench.{name}")) for name in (*TRAINED_BY, *MEASURED_BY, "plan")}
    return {path: file_digest(path) for path in sorted(files)}


def file_digest(path: str) -> str:
    """BLAKE2b digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=10)).hexdigest()

"""Versions of code: a part is its declared version and the digest of the module that defines it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import resolve_name
from typing import Any

from rdcbench.jobs import Job
from rdcbench.recipe import PartSpec
from rdcbench.registry import Registry

TRAINED_BY = (
    "rng", "records", "interfaces", "batches", "codec", "optim", "checkpoints", "graphs", "train", "building", "work",
)  # fmt: skip
"""Modules of the harness that trained weights depend on."""
MEASURED_BY = ("bitstream", "evaluate", "evaluation", "real_pair")
"""Modules of the harness that measurements depend on beside them."""
REDUCED_BY = ("precision",)
"""Modules of the harness that weights depend on beside them which were trained in another precision than float32."""


class Borrowing(ABC):
    """A part that computes with code that stands in other plugins, such as a model that one of them registered."""

    @classmethod
    @abstractmethod
    def borrowed(cls, options: Mapping[str, Any]) -> Iterable[str]:
        """Modules, imported already, whose code the part with these options depends on beside its own."""


@cache
def _own_modules(module_name: str) -> tuple[str, ...]:
    """A module and all modules of its own package that it imports, directly or not."""
    package = module_name.partition(".")[0]
    queue = [module_name]
    for name in queue:
        queue += [other for other in _imports(name) if other.partition(".")[0] == package and other not in queue]
    return tuple(sorted(set(queue)))


def _imports(module_name: str) -> Iterable[str]:
    """Modules that a module names in import statements, as far as they exist."""
    module = import_module(module_name)
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), module.__package__)
            yield source
            inner = [f"{source}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in sys.modules)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def _source_digest(module_name: str) -> str:
    """Digest of a module's source: a part whose code changed is another part."""
    source = inspect.getsource(import_module(module_name))
    return hashlib.blake2b(source.encode(), digest_size=6).hexdigest()


def _modules_of(target: type, options: Mapping[str, Any]) -> list[str]:
    """The modules that a part depends on: its own with those that they import, then what it borrows."""
    borrowed = sorted(set(target.borrowed(options))) if issubclass(target, Borrowing) else []
    return [own for name in (target.__module__, *borrowed) for own in _own_modules(name)]


def version_of(kind: str, name: str, registry: Registry, options: Mapping[str, Any] | None = None) -> str:
    """A part's declared version, and the digest of its module with those of its package that it imports.

    options: those of a recipe; a part that borrows code says by them whose.
    """
    target = registry.get(kind, name).target
    digests = "".join(_source_digest(name) for name in _modules_of(target, options or {}))
    return f"{target.version}-{hashlib.blake2b(digests.encode(), digest_size=6).hexdigest()}"


def module_versions(*names: str) -> str:
    """Digests of modules of the harness that a number depends on."""
    return "-".join(_source_digest(f"rdcbench.{name}") for name in names)


def versions(parts: Mapping[str, PartSpec], registry: Registry) -> dict[str, str]:
    """Kind -> version of each part of a job."""
    return {kind: version_of(kind, spec.name, registry, spec.options) for kind, spec in sorted(parts.items())}


def sources(jobs: Iterable[Job], registry: Registry) -> dict[str, str]:
    """Files that define the parts in use, with digests, so that a finished run is recognised without importing them."""
    used = [*((kind, spec) for job in jobs for kind, spec in job.parts.items())]
    used += [("metric", spec) for job in jobs for spec in job.metrics]
    modules = {f"rdcbench.{name}" for name in (*TRAINED_BY, *MEASURED_BY, *REDUCED_BY, "plan")}
    for kind, spec in {(kind, spec.model_dump_json()): (kind, spec) for kind, spec in used}.values():
        modules.update(_modules_of(registry.get(kind, spec.name).target, spec.options))
    files = {inspect.getfile(import_module(name)) for name in modules}
    return {path: file_digest(path) for path in sorted(files)}


def file_digest(path: str) -> str:
    """BLAKE2b digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=10)).hexdigest()

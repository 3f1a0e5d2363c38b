"""The tiny parts alone, and finished runs of them for tests that read runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tiny_plugin

from rdcbench import registry, runner
from rdcbench.codec import fingerprint
from rdcbench.recipe import Recipe
from rdcbench.train import Task

ROLES = ("encoder", "quantizer", "entropy_model", "decoder")


def registry_of(*modules: ModuleType) -> registry.Registry:
    """Registry of the parts of some modules and no installed plugin."""
    found = registry.Registry()
    for module in modules:
        registry._add(found, module, module.__name__)
    return found


@contextmanager
def alone() -> Iterator[None]:
    """Make the whole harness see the tiny parts and no installed plugin, in fixtures that outlive a test."""
    found = registry_of(tiny_plugin)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", lambda files=(): found)
        yield


def finished_run(out: Path, **tables: Any) -> Path:
    """Run the tiny recipe, some of its tables replaced, into a folder."""
    with alone():
        recipe = Recipe.model_validate({**tiny_plugin.RECIPE, **tables})
        assert runner.run(recipe, runner.Options(out=out)).failures == {}
    return out


def prints(task: Task) -> dict[str, bytes]:
    """Fingerprint of each role, the critic's and the classifier's."""
    parts = {role: getattr(task.codec, role) for role in ROLES}
    parts |= {"critic": task.critic, "classifier": task.classifier}
    return {role: fingerprint([part]) for role, part in parts.items() if part is not None}

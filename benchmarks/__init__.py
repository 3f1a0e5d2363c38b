"""The benchmarks that come with rdcbench, registered as any other package's are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rdcbench.hookspecs import hookimpl


@hookimpl
def rdcbench_recipes() -> Iterable[Path]:
    """The folder of this file: NAME/recipe.toml."""
    return (Path(__file__).parent,)

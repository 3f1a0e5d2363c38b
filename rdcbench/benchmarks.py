"""Finding benchmarks by name or path; loads no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from rdcbench.errors import RecipeError, unknown
from rdcbench.hookspecs import PROJECT
from rdcbench.strangers import hushed, is_shipped


def benchmarks(points: Iterable[EntryPoint] | None = None) -> dict[str, Path]:
    """Recipe file of every benchmark that an installed package brings, by name (owner/name where two bring it).

    A broken package is passed over. A benchmark that comes with rdcbench keeps its name.
    points: the packages that are asked; all that are installed if not given.
    """
    found: list[tuple[EntryPoint, Path]] = []
    for point in sorted(entry_points(group=PROJECT) if points is None else points, key=lambda point: point.name):
        try:
            with hushed():
                hook = getattr(point.load(), "rdcbench_recipes", None)
                folders = list(hook()) if hook else []
        except (Exception, SystemExit):  # named by `rdcbench plugins`; here only its recipes are missing
            continue
        for folder in folders:
            found += [(point, path) for path in sorted(Path(folder).glob("*/recipe.toml"))]
    count = Counter(path.parent.name for _, path in found)
    return {
        name if count[name := path.parent.name] == 1 or is_shipped(point) else f"{point.name}/{name}": path
        for point, path in found
    }


def find_recipe(name: str) -> Path:
    """Find a recipe by the name of a benchmark, or by the path of a TOML file."""
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise RecipeError(f"There is no recipe file {name!r}; give a path that exists or the name of a benchmark.")
        return path
    known = benchmarks(point for point in entry_points(group=PROJECT) if is_shipped(point))
    if name not in known:  # only then is a stranger's code imported
        known = benchmarks()
    if name not in known:
        raise RecipeError(
            unknown("benchmark", name, known) + " A recipe of your own runs by its path, ending in .toml."
        )
    return known[name]


def out_folder(name: str, preset: str) -> Path:
    """Where a run goes by default."""
    return Path("runs") / f"{name}-{preset or 'default'}"

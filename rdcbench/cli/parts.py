"""`rdcbench plugins`, `rdcbench list KIND`, `rdcbench schema`: what there is."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from rdcbench.cli.shared import Kind, Plugins


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("plugins")(plugins)
    app.command("list")(list_parts)
    app.command("schema")(schema)


def plugins(plugin: Plugins = None) -> None:
    """Say which package adds which parts, and which was left out for what error."""
    from rdcbench import registry
    from rdcbench.cli.tables import print_table

    parts = registry.load(tuple(path.resolve() for path in plugin or ()))
    lines = []
    for owner in parts.owners:
        kinds = sorted({entry.kind for entry in parts.entries if entry.owner == owner})
        for kind in kinds:
            names = sorted(name for e in parts.entries if e.owner == owner and e.kind == kind for name in e.brings)
            lines.append((owner, kind.replace("_", " "), ", ".join(names)))
    lines += [(owner, "left out", why) for owner, why in parts.broken.items()]
    print_table(("plugin", "kind", "parts"), lines)


def list_parts(kind: Kind, plugin: Plugins = None) -> None:
    """Show the parts of one kind with their options."""
    from rdcbench import registry
    from rdcbench.benchmarks import benchmarks
    from rdcbench.cli.tables import print_table

    kind = kind.replace("-", "_")
    if kind == "recipe":
        print_table(("benchmark", "recipe"), [(name, str(path)) for name, path in sorted(benchmarks().items())])
        return
    parts = registry.load(tuple(path.resolve() for path in plugin or ()))
    entries = [parts.get(kind, name) for name in parts.names(kind)]
    print_table(
        ("name", "from", "options", "what it is"),
        [(entry.name, entry.owner, _options(entry), entry.summary) for entry in entries],
    )


def _options(entry: Any) -> str:
    from rdcbench.registry import given_to

    shown = []
    for name, parameter in entry.options().items():
        if name not in given_to(entry.kind):
            default = "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"
            shown.append(f"{name}{default}")
    return "\n".join(shown)


def schema(what: Annotated[str, typer.Argument(help="recipe or row.")] = "recipe") -> None:
    """Print the JSON Schema of recipes or of rows."""
    import json

    from pydantic import BaseModel

    from rdcbench.errors import RecipeError, unknown
    from rdcbench.recipe import Recipe
    from rdcbench.results import Row

    models: dict[str, type[BaseModel]] = {"recipe": Recipe, "row": Row}
    if what not in models:
        raise RecipeError(unknown("schema", what, models))
    typer.echo(json.dumps(models[what].model_json_schema(), indent=1))

"""`rdcbench new`: a package of one's own with a part that works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rdcbench.cli.shared import Kind


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("new")(new)


def new(
    kind: Kind,
    name: Annotated[str, typer.Argument(help="Its name: letters, digits and _.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where the package's folder is made.")] = Path(),
) -> None:
    """Write an installable package with a part of this kind that works; nothing is overwritten."""
    from rdcbench import registry, scaffold
    from rdcbench.cli.tables import console

    kind = kind.replace("-", "_")
    made = scaffold.create(kind, name, folder, registry.load())
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        console.print(str(path), markup=False, highlight=False)
    steps = (f"pip install -e {made}", f"rdcbench check {name}", scaffold.run_command(kind, name))
    for line in ("\nNext:", *(f"    {step}" for step in steps)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)

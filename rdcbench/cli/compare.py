"""`rdcbench compare`: two runs, or two studies, beside each other; from files alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rdcbench.errors import RecipeError, unknown

if TYPE_CHECKING:
    from rdcbench.compare import Comparison

FORMATS = ("terminal", "md", "csv", "json")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(compare)


def compare(
    first: Annotated[Path, typer.Argument(help="A run folder, or one study of it: RUN/STUDY.", metavar="A")],
    second: Annotated[Path, typer.Argument(help="The other one, of the same kind.", metavar="B")],
    form: Annotated[str, typer.Option("--format", help="terminal, md, csv or json.")] = "terminal",
) -> None:
    """Say which differences between two runs or two studies are real: deltas, gaps, fronts, paired differences."""
    from rdcbench.compare import compare as find
    from rdcbench.compare.forms import FORMS

    if form not in FORMATS:
        raise RecipeError(unknown("format", form, FORMATS))
    found = find(first, second)
    if form == "terminal":
        _print(found)
    else:
        typer.echo(FORMS[form](found), nl=False)


def _print(found: Comparison) -> None:
    from rich.text import Text

    from rdcbench.cli.tables import console, print_table
    from rdcbench.compare.lines import answers, curve_table, legend, pair_table
    from rdcbench.report.tables import TERMINAL_COLUMNS

    curves = [line[:-1] for line in curve_table(found)]  # the answers below say what is NaN, and why
    for table in (curves, pair_table(found, TERMINAL_COLUMNS)):
        if len(table) > 1:
            print_table(table[0], table[1:])
    console.print(Text("\n".join(legend())))
    console.print()
    console.print(Text("\n".join(answers(found))))

"""The command line: one small module for each verb; heavy imports stay inside the commands."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

import rdcbench
from rdcbench.cli import bundles, check, compare, data, new, parts, results, run, streams, watch
from rdcbench.errors import RdcbenchError

app = typer.Typer(
    name="rdcbench",
    help="Measure lossy compression when rate, distortion, perception and classification pull against each other.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (run, data, parts, new, check, results, compare, streams, bundles, watch):
    module.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(rdcbench.__version__)
        raise typer.Exit


@app.callback()
def _all_verbs(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command; a handled error is one sentence and exit code 2."""
    warnings.filterwarnings("ignore")
    try:
        app()
    except RdcbenchError as error:
        print(f"rdcbench: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)

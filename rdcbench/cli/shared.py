"""Arguments and options that several verbs take, so that they are called and mean the same in all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")]
Runs = Annotated[list[Path], typer.Argument(help="Run folders.", metavar="RUN...")]
Kind = Annotated[str, typer.Argument(help="A kind of part, such as encoder, quantizer, objective, recipe.")]
Plugins = Annotated[list[Path] | None, typer.Option("--plugin", help="A single-file plugin; may be repeated.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Data folder.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never open a connection.")]

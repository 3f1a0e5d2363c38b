"""`rdcbench compress` and `rdcbench decompress`: a trained codec on files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rdcbench.cli.shared import DataDir, Plugins

Job = Annotated[str, typer.Argument(help="A trained codec: RUN/STUDY/PROTOCOL/POINT/seedN.", metavar="RUN/JOB")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("compress")(compress)
    app.command("decompress")(decompress)


def compress(
    job: Job,
    source: Annotated[Path, typer.Argument(help="PNG file, folder of PNG files, .npy or idx array.", metavar="IN")],
    target: Annotated[Path, typer.Argument(help="Stream to write.", metavar="OUT")],
    data_dir: DataDir = None,
    plugin: Plugins = None,
) -> None:
    """Compress images with a trained codec."""
    from rdcbench import files

    count, size = files.compress(job, source, target, data_dir, plugin or ())
    typer.echo(f"{target}: {count} images in {size} bytes, {8 * size / count:.3f} bits an image with the header")


def decompress(
    job: Job,
    source: Annotated[Path, typer.Argument(help="A stream.", metavar="IN")],
    target: Annotated[
        Path, typer.Argument(help=".npy or idx array, PNG file for one image, or a folder.", metavar="OUT")
    ],
    data_dir: DataDir = None,
    plugin: Plugins = None,
) -> None:
    """Decompress a stream with any decoder of the encoder that wrote it."""
    from rdcbench import files

    count = files.decompress(job, source, target, data_dir, plugin or ())
    typer.echo(f"{target}: {count} images")

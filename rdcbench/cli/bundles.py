"""`rdcbench export`, `import` and `reproduce`: a run as one file for another lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rdcbench.cli.shared import DataDir, Offline, Plugins

if TYPE_CHECKING:
    from rdcbench.bundle.reproducing import Outcome


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("export")(export)
    app.command("import")(import_)
    app.command("reproduce")(reproduce)


def export(
    run: Annotated[Path, typer.Argument(help="A finished run folder.", metavar="RUN")],
    out: Annotated[Path | None, typer.Option(help="File to write; RUN.bundle here if not given.")] = None,
    data_dir: DataDir = None,
    plugin: Plugins = None,
) -> None:
    """Write a run as one file: rows, provenance, recipe, streams and weights, but not the data set."""
    from rdcbench.bundle.sending import export as write
    from rdcbench.cli.tables import console

    target = out or Path(f"{run.resolve().name}.bundle")
    with console.status("") as status, _interruptible("nothing was written"):
        manifest = write(
            run,
            target,
            data_dir,
            [file.resolve() for file in plugin or ()],
            lambda job: status.update(f"decoding {job}"),
        )
    size = sum(member.bytes for member in manifest.files.values()) / 1e6
    typer.echo(f"{target}: {len(manifest.files)} files, {size:.1f} MB, {len(manifest.symbols)} streams decoded")


def import_(
    bundle: Annotated[Path, typer.Argument(help="A bundle.", metavar="FILE")],
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/FILE without its ending if not given.")] = None,
) -> None:
    """Make a run folder of a bundle, for leaderboard and report; a bundle with a fault is refused whole."""
    from rdcbench.bundle.receiving import import_bundle

    target = out or Path("runs") / bundle.stem
    with _interruptible("nothing was kept"):
        manifest = import_bundle(bundle, target)
    typer.echo(f"{target}: {len(manifest.files)} files; its numbers are its maker's, see `rdcbench reproduce`")


def reproduce(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or the folder it was imported to.", metavar="BUNDLE")],
    only: Annotated[list[str] | None, typer.Option(help="Only the rows of this study; may be repeated.")] = None,
    data_dir: DataDir = None,
    offline: Offline = False,
    plugin: Plugins = None,
) -> None:
    """Decode the streams of a bundle with its weights and measure again: symbols bit for bit, numbers to 1e-4."""
    from rdcbench.bundle.reproducing import reproduce as decode

    rows = agreeing = 0
    with _interruptible("the rows above are checked"):
        for outcome in decode(bundle, data_dir, offline, plugin or (), only or ()):
            rows += 1
            agreeing += outcome.agrees
            typer.echo("\n".join(_told(outcome)))
    typer.echo(f"{agreeing} of {rows} rows agree")
    if agreeing < rows:
        raise typer.Exit(1)


def _told(outcome: Outcome) -> list[str]:
    """One line for a row, and one for each thing that does not agree."""
    verdict = "agrees" if outcome.agrees else "DIFFERS"
    if outcome.error:
        return [f"{verdict:8} {outcome.job}", f"         {outcome.error}"]
    symbols = {None: "symbols not shown", True: "symbols equal", False: "symbols DIFFER"}[outcome.symbols]
    numbers = f"{len(outcome.checked)} numbers measured again, largest difference {1e-4 * outcome.largest:.1e}"
    return [
        f"{verdict:8} {outcome.job}: {symbols}, {numbers}",
        *(f"         {each.name}: {each.claimed:.6g} claimed, {each.found:.6g} found" for each in outcome.differences),
    ]


@contextmanager
def _interruptible(left: str) -> Iterator[None]:
    """Turn Ctrl-C into a sentence and exit code 130."""
    try:
        yield
    except KeyboardInterrupt as stop:
        typer.echo(f"rdcbench: interrupted; {left}.", err=True)
        raise typer.Exit(130) from stop

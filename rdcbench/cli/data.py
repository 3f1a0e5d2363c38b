"""`rdcbench data`: what is there, bring it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rdcbench.cli.shared import DataDir, Offline
from rdcbench.errors import RdcbenchError

Names = Annotated[list[str] | None, typer.Argument(help="Data sets; all if none is named.", metavar="NAME...")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Data sets on this machine.", no_args_is_help=True)
    group.command("status")(status)
    group.command("fetch")(fetch)
    group.command("verify")(verify)
    app.add_typer(group, name="data")


def status(names: Names = None, data_dir: DataDir = None) -> None:
    """Say which raw files are there."""
    from rdcbench import datafiles, registry
    from rdcbench.cli.tables import console, print_table

    parts = registry.load()
    folder = datafiles.data_folder(data_dir)
    lines = []
    for name in names or parts.names("dataset"):
        try:
            dataset = parts.build("dataset", name, {})
        except RdcbenchError as error:
            lines.append((name, "", str(error)))
            continue
        files = datafiles.status(dataset, folder)
        lines += [(name, file.name, file.state) for file in files] or [(name, "", "needs no files")]
    console.print(f"data folder: {folder}", markup=False, highlight=False)
    print_table(("data set", "file", "state"), lines)


def fetch(
    name: Annotated[str, typer.Argument(help="A data set.")],
    data_dir: DataDir = None,
    source: Annotated[Path | None, typer.Option("--from", help="Take the files out of this folder.")] = None,
    offline: Offline = False,
) -> None:
    """Bring the raw files of a data set into the data folder."""
    from rdcbench import datafiles, registry
    from rdcbench.cli.tables import console

    dataset = registry.load().build("dataset", name, {})
    folder = datafiles.data_folder(data_dir)
    told = datafiles.fetch_from(dataset, source, folder) if source else dataset.fetch(folder, offline)
    console.print(f"{name}: {told}", markup=False, highlight=False)


def verify(names: Names = None, data_dir: DataDir = None) -> None:
    """Check the digests of the raw files; a missing or wrong one is an error."""
    from rdcbench import datafiles, registry
    from rdcbench.cli.tables import console

    parts = registry.load()
    folder = datafiles.data_folder(data_dir)
    for name in names or ["mnist"]:
        dataset = parts.build("dataset", name, {})
        datafiles.verify(dataset, folder)
        console.print(f"{name}: {len(dataset.files())} file(s) with the right digest", markup=False, highlight=False)

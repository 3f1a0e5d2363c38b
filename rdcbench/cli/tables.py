"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from rdcbench.results import Row

console = Console()


def print_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print strings as a table; nothing in them is taken as markup."""
    table = Table(*(Column(title, overflow="fold") for title in header))
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console.print(table)


def print_leaderboard(rows: Sequence[Row], by: str = "distortion") -> None:
    """Print the leaderboard of some rows."""
    from rdcbench.report import leaderboard_table

    print_table(*leaderboard_table(rows, by))

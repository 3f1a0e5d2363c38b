"""Tables for the terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from rdcbench.results import Row
    from rdcbench.verify import Finding

console = Console()
INDENT = 10
"""Columns that a verdict takes."""
NAMES = frozenset({"run", "study", "protocol", "point"})
"""Columns of a leaderboard that may fold."""
NAME_WIDTH = 15
GAP = 2
"""Columns between two columns."""


def print_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print strings as a table, folded to the width of the terminal; nothing in them is taken as markup."""
    _print(header, lines, [Column(title, overflow="fold") for title in header], _width())


def print_leaderboard(rows: Sequence[Row], by: str = "overall") -> None:
    """Print the leaderboard of some rows: methods, then their points, with what the numbers mean."""
    from rdcbench.report import leaderboard_table
    from rdcbench.report.leaderboard import make_leaderboard
    from rdcbench.report.lines import legend, method_legend, method_table

    board = make_leaderboard(rows, by)
    header, *methods = method_table(board)
    for table, sentences in (
        ((header, methods), method_legend(board)),
        (leaderboard_table(board), legend(board)),
    ):
        _print_numbers(*table)
        console.print(Text("\n".join(sentences)))


def _width() -> int:
    """Columns that a table may take: those of the terminal; a file or a pipe has no edge."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else sys.maxsize


def _print_numbers(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table whose numbers stay whole: names fold, and what does not fit on the right is left out and named."""
    wide = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    least = [min(size, NAME_WIDTH) if title in NAMES else size for title, size in zip(header, wide, strict=True)]
    fits = [sum(least[: end + 1]) + GAP * (end + 1) <= _width() for end in range(len(header))]
    shown = max(sum(fits), 1)
    columns = [
        Column(title, overflow="fold", min_width=size) if title in NAMES else Column(title, no_wrap=True)
        for title, size in zip(header[:shown], least, strict=False)
    ]
    _print(header[:shown], [line[:shown] for line in lines], columns, _width())
    if shown < len(header):
        lost = ", ".join(title.split()[0] for title in header[shown:])
        console.print(
            Text(f"Not in {console.width} columns: {lost}. A wider terminal and the written forms have them.")
        )


def _print(header: Sequence[str], lines: Sequence[Sequence[str]], columns: Sequence[Column], width: int) -> None:
    table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    natural = sum(max(map(len, column)) + GAP for column in zip(header, *lines, strict=True))
    paper = console if console.width >= natural else Console(file=console.file, width=min(width, natural))
    paper.print(table)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print each claim behind its verdict, its numbers below it, folded to the width of the terminal."""
    colors = {"PASS": "green", "FAIL": "red", "UNDECIDED": "yellow"}
    for finding in findings:
        lines = [*_folded(f"{finding.claim}: {finding.says}"), *_folded(finding.numbers)]
        lines[0] = f"{finding.verdict:{INDENT}}{lines[0].lstrip()}"
        text = Text("\n".join(lines))
        text.stylize(colors[finding.verdict], 0, len(finding.verdict))
        console.print(text, soft_wrap=True)
    counts = Counter[str](finding.verdict for finding in findings)
    console.print(f"{len(findings)} claims: {', '.join(f'{counts[verdict]} {verdict}' for verdict in colors)}")


def _folded(text: str) -> list[str]:
    """Lines of the terminal's width, set in; names of rows and studies stay whole."""
    edge = " " * INDENT
    fold = textwrap.TextWrapper(console.width, edge, edge, break_long_words=False, break_on_hyphens=False)
    return fold.wrap(text)

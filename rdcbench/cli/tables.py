"""Tables for the terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from rdcbench.results import Row
    from rdcbench.verify import Finding

console = Console()
INDENT = 10
"""Columns that a verdict takes."""


def print_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print strings as a table; nothing in them is taken as markup."""
    table = Table(*(Column(title, overflow="fold") for title in header))
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console.print(table)


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
        print_table(*table)
        console.print(Text("\n".join(sentences)))


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

"""Rows to a leaderboard in the form that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from rdcbench.errors import RecipeError, unknown
from rdcbench.report.leaderboard import Leaderboard, make_leaderboard
from rdcbench.report.lines import ARROWS, FRONT, cell, identity, interval, labels, place
from rdcbench.report.markup import latex, markdown
from rdcbench.report.records import as_csv, as_json
from rdcbench.results import Row

FORMATS: Mapping[str, Callable[[Leaderboard], str]] = MappingProxyType(
    {"md": markdown, "csv": as_csv, "json": as_json, "latex": latex}
)
TERMINAL_COLUMNS = ("rate_model", "mse", "ce", "accuracy", "perception")
"""Fields that fit beside each other in a terminal; the files hold all."""


def leaderboard(rows: Sequence[Row], format: str = "md", by: str = "overall") -> str:  # noqa: A002 - the user's word
    """Write the leaderboard of some rows.

    format: "md" and "latex" hold numbers with 95 % half-widths, "csv" and "json" raw numbers with ends of intervals.
    by: "overall", "distortion", "rate", "perception" or "classification". RecipeError for another format or order.
    """
    if format not in FORMATS:
        raise RecipeError(unknown("format", format, FORMATS))
    return FORMATS[format](make_leaderboard(rows, by))


def leaderboard_table(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Header and lines of plain strings for a terminal: the most important fields, `*` at the best of each."""
    shown = [column for column in board.columns if column.name in TERMINAL_COLUMNS]
    names = [name for name in labels(board) if name != "name"]
    lines = []
    for row, rank, front, count in zip(board.rows, board.ranks, board.front, board.borda, strict=True):
        numbers = [cell(row, column.name).replace(" ± ", "±") for column in shown]
        best = ["*" * board.is_best(row, column.name) for column in shown]
        marks = [place(rank), FRONT if front else ""]
        borda = interval(count).replace(" ± ", "±")
        lines.append([*marks, *identity(row, names), borda, *map(str.__add__, numbers, best)])
    return ["rank", "", *names, "borda ↑", *(column.name + ARROWS[column.direction] for column in shown)], lines

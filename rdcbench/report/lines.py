"""What the written forms of a leaderboard share: titles, the cells that name a row, numbers, the legend."""

from __future__ import annotations

from collections.abc import Sequence

from rdcbench.report.columns import Column
from rdcbench.report.digits import format_number, format_value
from rdcbench.report.leaderboard import Leaderboard
from rdcbench.results import Row

FRONT = "●"
ARROWS = {"lower": " ↓", "higher": " ↑", "none": ""}


def cell(row: Row, name: str) -> str:
    """A number with its interval, blank where the row has none."""
    value = row.values.get(name)
    return format_value(value) if value else ""


def labels(board: Leaderboard) -> list[str]:
    """Titles of the columns that say which row it is: runs and seeds only where there are several."""
    runs = ["run", *parts_that_differ(board)] if several_runs(board) else []
    seeds = ["seeds"] if any(len(row.seeds) > 1 for row in board.rows) else []
    return [*runs, "name", "study", "point", *seeds]


def identity(row: Row, names: Sequence[str]) -> list[str]:
    """The cells of a row under some `labels`."""
    cells = {"run": row.run, "name": row.name, "study": row.study, "point": row.point, "seeds": str(len(row.seeds))}
    return [cells[name] if name in cells else row.parts.get(name, "") for name in names]


def title(column: Column) -> str:
    """Name, unit and direction of a column."""
    unit = f" [{column.unit}]" if column.unit else ""
    return f"{column.name}{unit}{ARROWS[column.direction]}"


def several_runs(board: Leaderboard) -> bool:
    """Whether rows of more than one run were merged."""
    return len({row.run for row in board.rows}) > 1


def parts_that_differ(board: Leaderboard) -> list[str]:
    """Kinds of part in which the merged rows differ: what one came to compare, such as the objective."""
    kinds = sorted({kind for row in board.rows for kind in row.parts} - {"critic"})
    return [kind for kind in kinds if len({row.parts.get(kind, "") for row in board.rows}) > 1]


def legend(board: Leaderboard) -> list[str]:
    """Sentences on order, intervals and marks, and on what two samples of real images measure."""
    seeds = any(len(row.seeds) > 1 for row in board.rows)
    second = "; the second one is over training seeds (Student's t)" if seeds else ""
    sentences = [
        f"Sorted by {board.order or 'name'}, best first.",
        f"± (or [low, high] where it is off centre): 95 % interval over test images{second}. Blank: not measured.",
        "Bold: best of its column.",
    ]
    if board.axes:
        *most, last = board.axes
        axes = f"all of {', '.join(most)} and {last}" if most else last
        sentences.append(f"{FRONT}: no other row is at least as good in {axes}, and better in one.")
    real = _real_against_real(board)
    return [*sentences, f"Real images against real ones: {real}."] if real else sentences


def _real_against_real(board: Leaderboard) -> str:
    found: dict[str, float] = {}
    for row in board.rows:
        for name, value in row.values.items():
            if value.reference is not None:
                found.setdefault(name, value.reference)
    return ", ".join(f"{name} {format_number(value)}" for name, value in sorted(found.items()))

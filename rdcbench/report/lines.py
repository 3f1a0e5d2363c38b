"""What the written forms of a leaderboard share: titles, the cells that name a row, numbers, the legend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rdcbench.report.columns import Column
from rdcbench.report.digits import format_number, format_value
from rdcbench.report.leaderboard import Leaderboard
from rdcbench.report.methods import Method
from rdcbench.results import Row, Value
from rdcbench.stats import Interval

FRONT = "●"
ARROWS = {"lower": " ↓", "higher": " ↑", "none": ""}
COST_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "encoder_parameters": "encoder",
        "receiver_bytes": "receiver",
        "macs": "MACs",
        "train_seconds": "train s",
        "encode_us": "encode µs",
        "decode_us": "decode µs",
    }
)
"""What costs are called where space is short."""


def cell(row: Row, name: str) -> str:
    """A number with its interval, blank where the row has none."""
    value = row.values.get(name)
    return format_value(value) if value else ""


def cost(number: float) -> str:
    """A cost to three significant digits, thousands as k and millions as M; blank where unknown."""
    if math.isnan(number):
        return ""
    for size, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def interval(found: Interval) -> str:
    """A number with its interval, blank where there is none."""
    value = Value(
        value=found.value, image_lo=found.lo, image_hi=found.hi, seed_lo=math.nan, seed_hi=math.nan, seed_values=[]
    )
    return format_value(value)


def place(rank: int | None) -> str:
    """A rank, blank where there is none."""
    return "" if rank is None else str(rank)


def method_table(board: Leaderboard) -> list[list[str]]:
    """The methods as plain strings, header first; costs under short names."""
    runs = several_runs(board)
    short = [COST_NAMES[column.name] for column in board.costs]
    header = ["rank", *(["run"] if runs else []), "study", "protocol", "points", "hypervolume ↑", *short]
    return [header, *(_method_line(method, board, runs) for method in board.methods)]


def _method_line(method: Method, board: Leaderboard, runs: bool) -> list[str]:
    numbers = [cost(method.costs[column.name]) for column in board.costs]
    names = [*([method.run] if runs else []), method.study, method.protocol, str(len(method.rows))]
    return [place(method.rank), *names, interval(method.volume), *numbers]


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
        f"Rows: sorted by {board.order or 'Borda count'}, best first; rows share a rank where the difference is within "
        "its interval.",
        f"Borda: share of the other rows that a row beats, over {', '.join(board.ballots) or 'nothing'}; aspects count "
        "equally.",
        f"± (or [low, high] where it is off centre): 95 % interval over test images{second}. Blank: not measured.",
        "Bold: best of its column.",
    ]
    if board.axes:
        *most, last = board.axes
        axes = f"all of {', '.join(most)} and {last}" if most else last
        sentences.append(f"{FRONT}: no other row is at least as good in {axes}, and better in one.")
    real = _real_against_real(board)
    return [*sentences, *([f"Real images against real ones: {real}."] if real else [])]


def method_legend(board: Leaderboard) -> list[str]:
    """Sentences on what methods are ranked by, and what their costs mean."""
    if board.box is None:
        return ["Methods have no rank: no row has all axes of a hypervolume."]
    return [
        f"Methods: all points of one study, ranked by the share of a box that they dominate in "
        f"{', '.join(axis.name for axis in board.box.axes)}; {board.box.text()}. Methods share a rank where the "
        "difference is within its interval. A higher rate leaves less of the box, so methods of several rates are "
        "ranked by what they send too.",
        "Costs: parameters of the encoder, bytes that the receiver keeps (weights, tables, stored images), "
        "multiply-accumulates and microseconds an image, means over the points; seconds of training, sum over the "
        "points, where a frozen encoder's own are in the study that it comes from.",
    ]


def _real_against_real(board: Leaderboard) -> str:
    found: dict[str, float] = {}
    for row in board.rows:
        for name, value in row.values.items():
            if value.reference is not None:
                found.setdefault(name, value.reference)
    return ", ".join(f"{name} {format_number(value)}" for name, value in sorted(found.items()))

"""A leaderboard for tools: CSV and JSON with raw numbers and the ends of all intervals."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rdcbench.report.leaderboard import Leaderboard
from rdcbench.report.methods import Method
from rdcbench.results import frame_records

IDENTITY = (
    "run", "name", "study", "protocol", "point", "dimensions", "levels", "seeds", "rank", "borda", "borda_lo",
    "borda_hi", "non_dominated",
)  # fmt: skip


def as_csv(board: Leaderboard) -> str:
    """One line for each row; what is not measured is empty."""
    records = _records(board)
    names = _names(records)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_finite(record.get(name), "") for name in names] for record in records)
    return buffer.getvalue()


def as_json(board: Leaderboard) -> str:
    """Strict JSON: order, meaning of the fields, methods, rows; what is not measured is null."""
    fields = {column.name: {"unit": column.unit, "direction": column.direction} for column in board.columns}
    rows = [{name: _finite(value, None) for name, value in record.items()} for record in _records(board)]
    box = board.box
    corners = (
        {axis.name: {"ideal": near, "reference": far}
         for axis, near, far in zip(box.axes, box.ideal, box.reference, strict=True)} if box else {}
    )  # fmt: skip
    whole = {
        "by": board.by, "sorted_by": board.order, "competing_in": board.axes, "ballots": board.ballots,
        "hypervolume_box": corners, "fields": fields, "methods": [_method(one) for one in board.methods], "rows": rows,
    }  # fmt: skip
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _records(board: Leaderboard) -> list[dict[str, Any]]:
    lines = zip(frame_records(board.rows), board.front, board.ranks, board.borda, strict=True)
    return [
        {
            **record,
            "rank": rank,
            "borda": count.value,
            "borda_lo": count.lo,
            "borda_hi": count.hi,
            "non_dominated": front,
        }
        for record, front, rank, count in lines
    ]


def _method(method: Method) -> dict[str, Any]:
    volume = {
        "hypervolume": method.volume.value,
        "hypervolume_lo": method.volume.lo,
        "hypervolume_hi": method.volume.hi,
    }
    record = {
        "rank": method.rank, "run": method.run, "study": method.study, "protocol": method.protocol,
        "points": len(method.rows), **volume, **method.costs,
    }  # fmt: skip
    return {name: _finite(value, None) for name, value in record.items()}


def _names(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """All names that occur: what a row is, its weights, then its numbers."""
    found: dict[str, None] = {}
    for record in records:
        found |= dict.fromkeys(record)
    weights = sorted(name for name in found if name.startswith("weight_"))
    return [*IDENTITY, *weights, *(name for name in found if name not in weights and name not in IDENTITY)]


def _finite(value: Any, missing: str | None) -> Any:
    """The value, or `missing` for what is absent or not finite."""
    absent = value is None or (isinstance(value, float) and not math.isfinite(value))
    return missing if absent else value

"""A leaderboard for tools: CSV and JSON with raw numbers and the ends of all intervals."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rdcbench.report.leaderboard import Leaderboard
from rdcbench.results import frame_records

IDENTITY = ("run", "name", "study", "protocol", "point", "dimensions", "levels", "seeds", "non_dominated")


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
    """Strict JSON: order, meaning of the fields, rows; what is not measured is null."""
    fields = {column.name: {"unit": column.unit, "direction": column.direction} for column in board.columns}
    rows = [{name: _finite(value, None) for name, value in record.items()} for record in _records(board)]
    whole = {"by": board.by, "sorted_by": board.order, "competing_in": board.axes, "fields": fields, "rows": rows}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _records(board: Leaderboard) -> list[dict[str, Any]]:
    flat = frame_records(board.rows)
    return [{**record, "non_dominated": front} for record, front in zip(flat, board.front, strict=True)]


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

"""Rows into a ranked table: order, best of each column, and which rows no other one beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rdcbench.report.columns import ASPECTS, OWN_SCALE, Column, columns, speaker
from rdcbench.results import Row


@dataclass(frozen=True)
class Leaderboard:
    """A table as data.

    order: the field that the rows are sorted by, None if no row has one for that aspect.
    axes: the fields in which rows compete. front: for each row, whether none is as good in all axes and better in one.
    best: field -> its best value, where the rows differ.
    """

    by: str
    order: str | None
    axes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    front: tuple[bool, ...]
    best: dict[str, float]

    def is_best(self, row: Row, column: str) -> bool:
        """Whether a row has the best value of a column."""
        return column in self.best and row.value(column) == self.best[column]


def make_leaderboard(rows: Sequence[Row], by: str = "distortion") -> Leaderboard:
    """Sort rows by one aspect ("distortion", "rate", "perception", "classification"), best first, blanks last."""
    shown = columns(rows)
    by_name = {column.name: column for column in shown}
    order = speaker(by, by_name)
    axes = [name for aspect in ASPECTS if (name := speaker(aspect, by_name)) is not None]
    ordered = sorted(rows, key=lambda row: _sort_key(row, [by_name[name] for name in _first(order, axes)]))
    return Leaderboard(
        by=by,
        order=order,
        axes=tuple(axes),
        columns=shown,
        rows=tuple(ordered),
        front=_undominated(ordered, [by_name[name] for name in axes]),
        best={column.name: value for column in shown if (value := _best(ordered, column)) is not None},
    )


def _first(order: str | None, axes: Sequence[str]) -> list[str]:
    return [*([order] if order else []), *(name for name in axes if name != order)]


def _cost(row: Row, column: Column) -> float:
    """The value so that less is better."""
    value = row.value(column.name)
    return -value if column.direction == "higher" else value


def _sort_key(row: Row, keys: Sequence[Column]) -> tuple[tuple[tuple[bool, float], ...], str, str]:
    costs = [_cost(row, column) for column in keys]
    return tuple((math.isnan(cost), 0.0 if math.isnan(cost) else cost) for cost in costs), row.run, row.name


def _undominated(rows: Sequence[Row], axes: Sequence[Column]) -> tuple[bool, ...]:
    """Mark the rows on the front; a row that lacks an axis cannot be compared and is not marked."""
    costs = [tuple(_cost(row, column) for column in axes) for row in rows]
    points = sorted({cost for cost in costs if all(math.isfinite(number) for number in cost)})
    if not axes or not points:
        return (False,) * len(rows)
    from rdcbench.stats import pareto_front

    kept = pareto_front(points, ["min"] * len(axes))
    front = {point for point, keep in zip(points, kept, strict=True) if keep}
    return tuple(cost in front for cost in costs)


def _best(rows: Sequence[Row], column: Column) -> float | None:
    """Best value of a column, None where no direction is better, all rows are equal, or rows do not compare."""
    values = [value for row in rows if math.isfinite(value := row.value(column.name))]
    if column.direction == "none" or column.name in OWN_SCALE or len(values) < 2 or min(values) == max(values):
        return None
    return max(values) if column.direction == "higher" else min(values)

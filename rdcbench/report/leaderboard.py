"""Rows into ranked tables: methods by hypervolume, rows by an aspect or by Borda count, with shared places."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rdcbench.errors import RecipeError, unknown
from rdcbench.report.columns import ASPECTS, COSTS, OWN_SCALE, Column, columns, field_infos, speaker
from rdcbench.report.methods import PLANES, Box, Method, make_box, make_methods
from rdcbench.report.ranks import as_costs, borda, costs_of, shared_ranks
from rdcbench.results import Row
from rdcbench.stats import Interval

BALLOTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rate": ("rate_coded",),
        "distortion": ("mse",),
        "perception": ("perception", "kid", "sliced_w2", "perception_critic"),
        "classification": ("accuracy_judge", "ce_judge"),
    }
)
"""Aspect -> the fields that vote in a Borda count: judges that trained no codec; one field where nothing is judged."""


@dataclass(frozen=True)
class Leaderboard:
    """A table as data.

    by: "overall", or one aspect. order: the field that the rows are sorted by; None: the Borda count.
    axes: the fields in which rows compete. front: for each row, whether none is as good in all axes and better in one.
    ranks: of the rows, shared where the order does not tell them apart. borda: share of other rows beaten.
    ballots: the fields that voted. methods: ranked by hypervolume in the box, which is None if no axes were measured.
    best: field -> its best value, where the rows differ.
    """

    by: str
    order: str | None
    axes: tuple[str, ...]
    columns: tuple[Column, ...]
    costs: tuple[Column, ...]
    rows: tuple[Row, ...]
    ranks: tuple[int | None, ...]
    borda: tuple[Interval, ...]
    ballots: tuple[str, ...]
    front: tuple[bool, ...]
    best: dict[str, float]
    methods: tuple[Method, ...]
    box: Box | None

    def is_best(self, row: Row, column: str) -> bool:
        """Whether a row has the best value of a column."""
        return column in self.best and row.value(column) == self.best[column]


def make_leaderboard(
    rows: Sequence[Row], by: str = "overall", reference: Mapping[str, float] = MappingProxyType({})
) -> Leaderboard:
    """Rank methods and rows.

    by: "overall" sorts rows by their Borda count over all aspects; "distortion", "rate", "perception" and
    "classification" by the field that speaks for it. Best first, blanks last. It also chooses the aspects of the
    hypervolume (`PLANES`) and of the Borda count. reference: corner of the hypervolume by field, else chosen.
    RecipeError for another order, or a field that is no axis.
    """
    if by not in PLANES:
        raise RecipeError(unknown("order", by, PLANES))
    shown = columns(rows)
    by_name = {column.name: column for column in shown}
    axes = [name for aspect in ASPECTS if (name := speaker(aspect, by_name)) is not None]
    order = None if by == "overall" else speaker(by, by_name)
    keys = [by_name[name] for name in _first(order, axes)]
    ordered = sorted(rows, key=lambda row: _sort_key(row, keys))
    counts, ballots = _count(ordered, by, by_name)
    if by == "overall":
        places = sorted(range(len(ordered)), key=lambda place: (math.isnan(counts[place].value), -counts[place].value))
        ordered, counts = [ordered[place] for place in places], [counts[place] for place in places]
    box = make_box(ordered, by_name, field_infos(ordered), by, reference)
    return Leaderboard(
        by=by,
        order=order,
        axes=tuple(axes),
        columns=shown,
        costs=tuple(column for column in COSTS if any(column.name in row.costs for row in ordered)),
        rows=tuple(ordered),
        ranks=shared_ranks(costs_of(ordered, by_name[order]) if order else as_costs(counts)),
        borda=tuple(counts),
        ballots=ballots,
        front=_undominated(ordered, [by_name[name] for name in axes]),
        best={column.name: value for column in shown if (value := _best(ordered, column)) is not None},
        methods=make_methods(ordered, box),
        box=box,
    )


def _count(rows: Sequence[Row], by: str, columns: Mapping[str, Column]) -> tuple[list[Interval], tuple[str, ...]]:
    """Borda counts of the rows, and the fields that voted: in each aspect those that all its rows have."""
    ballots = []
    for aspect in BALLOTS if by == "overall" else (by,):
        leader = speaker(aspect, columns)
        judged = [row for row in rows if leader in row.values]
        names = [name for name in BALLOTS[aspect] if judged and all(name in row.values for row in judged)]
        ballots += [names or [leader]] if leader else []
    counts = borda([[costs_of(rows, columns[name]) for name in names] for names in ballots])
    blank = [Interval(math.nan)] * len(rows)
    return list(counts) or blank, tuple(name for names in ballots for name in names)


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

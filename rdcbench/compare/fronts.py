"""Which rows of both sides together no other row beats."""

from __future__ import annotations

from dataclasses import dataclass

from rdcbench.compare.sides import Side
from rdcbench.report.leaderboard import make_leaderboard


@dataclass(frozen=True)
class Front:
    """The joint Pareto front: the axes, how many rows each side has and has on it, and which those are."""

    axes: tuple[str, ...]
    rows: tuple[int, int]
    on_front: tuple[tuple[str, ...], tuple[str, ...]]


def make_front(a: Side, b: Side) -> Front:
    """Membership in the front of all axes that rows compete in; equal rows of both sides are both on it."""
    board = make_leaderboard([*a.rows, *b.rows])
    mine, other = {id(row) for row in a.rows}, {id(row) for row in b.rows}
    kept = [row for row, front in zip(board.rows, board.front, strict=True) if front]
    return Front(
        board.axes,
        (len(a.rows), len(b.rows)),
        (tuple(row.name for row in kept if id(row) in mine), tuple(row.name for row in kept if id(row) in other)),
    )

"""Two runs, or two studies, beside each other: deltas, gaps, fronts, paired differences, and which of them are real."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rdcbench.compare.curves import Curve, make_curves
from rdcbench.compare.fronts import Front, make_front
from rdcbench.compare.pairs import Pairs, make_pairs
from rdcbench.compare.sides import Side, read_sides
from rdcbench.errors import StoreError

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """All that is known of two sides; `parts` are the kinds of part that their partners differ in."""

    a: Side
    b: Side
    curves: tuple[Curve, ...]
    front: Front
    pairs: Pairs
    parts: dict[str, tuple[str, str]]


def compare(first: Path, second: Path) -> Comparison:
    """Compare two runs, or RUN/STUDY with RUN/STUDY.

    StoreError if one is no run, if their rows do not compare, or if there is nothing that both have.
    """
    a, b = read_sides(first, second)
    curves, pairs = make_curves(a, b), make_pairs(a, b)
    if not curves and not pairs.differences:
        raise StoreError(f"{first} and {second} have nothing in common: {_apart(a, b)}.")
    return Comparison(a, b, curves, make_front(a, b), pairs, _parts(a, b))


def _apart(a: Side, b: Side) -> str:
    """Why two sides have nothing to compare, and what to do."""
    names = [sorted({row.study for row in side.rows}) for side in (a, b)]
    if set(a.studies()) & set(b.studies()):
        return "their studies have no point and no number that both measured"
    return f"studies {', '.join(names[0])} against {', '.join(names[1])}; name one of each, as RUN/STUDY"


def _parts(a: Side, b: Side) -> dict[str, tuple[str, str]]:
    """Kind of part -> the names that each side uses, where they are not the same."""
    named = [{kind: {row.parts.get(kind, "none") for row in side.rows} for kind in _kinds(a, b)} for side in (a, b)]
    return {
        kind: (", ".join(sorted(named[0][kind])), ", ".join(sorted(named[1][kind])))
        for kind in _kinds(a, b)
        if named[0][kind] != named[1][kind]
    }


def _kinds(a: Side, b: Side) -> list[str]:
    return sorted({kind for row in (*a.rows, *b.rows) for kind in row.parts})

"""The rows that a claim is about."""

from __future__ import annotations

from collections.abc import Sequence

from rdcbench.results import Row
from rdcbench.verify.verdicts import Missing


def of_studies(rows: Sequence[Row], studies: str | Sequence[str], *fields: str) -> list[Row]:
    """The rows of some studies that have all the fields; Missing if there is none."""
    names = [studies] if isinstance(studies, str) else list(studies)
    found = [row for row in rows if row.study in names and all(field in row.values for field in fields)]
    if not found:
        raise Missing(f"no row of {', '.join(names)} with {', '.join(fields) or 'values'}")
    return found


def at(rows: Sequence[Row], study: str, point: str) -> Row:
    """The row of one point of a study; Missing if there is none."""
    found = [row for row in rows if row.study == study and row.point == point]
    if not found:
        raise Missing(f"no row {study} {point}")
    return found[0]

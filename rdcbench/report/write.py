"""The report of one run in its folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rdcbench.errors import RecipeError
from rdcbench.report.figures import draw_figures
from rdcbench.report.reference import Expected, read_expected
from rdcbench.report.tables import leaderboard
from rdcbench.store import Store

TABLES = ("md", "csv")


@dataclass
class Report:
    """Files that were written, and sentences on what could not be."""

    paths: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def build_report(store: Store) -> Report:
    """Write leaderboard.md, leaderboard.csv and figures/NAME.png, .svg and .pdf into the run's folder."""
    report = Report()
    rows = store.rows()
    for form in TABLES:
        report.paths.append(store.write(f"leaderboard.{form}", leaderboard(rows, form).encode()))
    for drawn in draw_figures(store.recipe(), rows, store.arrays, _expected(store, report)):
        report.paths += [store.write(f"figures/{drawn.name}.{form}", data) for form, data in drawn.files.items()]
        report.notes += [drawn.note] if drawn.note else []
    return report


def _expected(store: Store, report: Report) -> Expected | None:
    """The run's expectations; a file that cannot be read costs the paper's points, not the figures."""
    try:
        return read_expected(store.path("expected.toml"))
    except RecipeError as error:
        report.notes.append(f"{error} The paper's points are not drawn.")
        return None

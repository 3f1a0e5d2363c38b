"""Rows to leaderboards and figures, from the files of a run: no torch, no plugins."""

from __future__ import annotations

from pathlib import Path

from rdcbench.report.kept import current_report
from rdcbench.report.tables import leaderboard, leaderboard_table
from rdcbench.report.write import Report, build_report
from rdcbench.store import Store

__all__ = ["Report", "build_report", "current_report", "leaderboard", "leaderboard_table", "write_report"]


def write_report(store: Store) -> list[Path]:
    """Write leaderboard.md, leaderboard.csv and the figures of a run; returns the files."""
    return build_report(store).paths

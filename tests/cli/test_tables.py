"""Tables: whole in a file, folded or cut at a column's edge in a narrow terminal, and what is cut is named."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rdcbench.cli import tables

HEADER = ("rank", "study", "mse ↓", "perception ↓")
LINES = [("1", "a-study-of-a-rather-long-name", "0.0463±0.0003", "217±4"), ("2", "b", "0.0491±0.0003", "221±4")]


def printed(monkeypatch: pytest.MonkeyPatch, width: int | None) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=width is not None, no_color=True, color_system=None)
    monkeypatch.setattr(tables, "console", console)
    monkeypatch.delenv("COLUMNS", raising=False)
    tables._print_numbers(HEADER, LINES)
    return file.getvalue()


def test_a_file_has_no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, None)
    assert len(next(line for line in text.splitlines() if "217±4" in line)) < 80
    assert all(cell in text for line in LINES for cell in line)


def test_numbers_stay_whole_and_names_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, 56)
    assert "0.0463±0.0003" in text
    assert "217±4" in text
    assert "a-study-of-a-rather-long-name" not in text
    assert "Not in" not in text


def test_what_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, 44)
    assert "0.0463±0.0003" in text
    assert "217±4" not in text
    assert "Not in 44 columns: perception." in text


def test_text_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(tables, "console", Console(file=file))
    tables.print_table(("state",), [("[red]done[/]",)])
    assert "[red]done[/]" in file.getvalue()

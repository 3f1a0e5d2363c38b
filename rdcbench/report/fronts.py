"""Figures of kind "front": one field against others, a panel each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rdcbench.recipe import Figure
from rdcbench.report.bars import bars_text
from rdcbench.report.bounds import bound_lines, bound_points
from rdcbench.report.columns import axis_title, field_infos
from rdcbench.report.panels import Panel, annotate, choose_looks, draw_panel, hollow, marks
from rdcbench.report.reference import PaperFigure, paper_points
from rdcbench.report.selection import (
    Selection,
    Series,
    model_rates,
    rates_text,
    several_rates,
    symbol,
    weights_text,
)
from rdcbench.report.style import (
    GREY,
    PAGE_WIDTH,
    PANEL_WIDTH,
    legend_columns,
    new_drawing,
    plain,
    set_footnotes,
    settle,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

PANEL_HEIGHT = 3.6


def front_figure(wanted: Figure, selection: Selection, paper: PaperFigure | None, remark: str) -> Drawing | None:
    """Draw a front; None if no selected row has a value on any panel.

    paper: points in print, drawn hollow with the remark, only on panels whose axes are the paper's own.
    """
    series = selection.series
    if several_rates(series):
        series = tuple(sorted(series, key=lambda one: one.rate))
    panels = [Panel(field, wanted.y, series, paper, wanted.bounds) for field in wanted.x]
    panels = [panel for panel in panels if any(marks(one, panel.x, panel.y) for one in series)]
    if not panels:
        return None
    width = PANEL_WIDTH if len(panels) == 1 else PAGE_WIDTH * len(panels) / 2
    drawing = new_drawing(width, PANEL_HEIGHT + 0.1 * len(series))
    every = drawing.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    looks = choose_looks(series)
    lines: dict[str, Artist] = {}
    for axes, panel in zip(every, panels, strict=True):
        lines = draw_panel(axes, panel, looks) | lines
        _set_titles(axes, panel, first=axes is every[0])
    _set_legend(drawing, wanted.title, _entries(panels, lines, remark))
    set_footnotes(drawing, _footnotes(wanted, selection, panels))
    settle(drawing)
    for axes, panel in zip(every, panels, strict=True):
        annotate(axes, panel, looks)
    return drawing


def _set_titles(axes: Axes, panel: Panel, first: bool) -> None:
    infos = field_infos(row for one in panel.series for row in one.rows)
    axes.set_xlabel(axis_title(panel.x, infos.get(panel.x)))
    if first:
        axes.set_ylabel(axis_title(panel.y, infos.get(panel.y)))


def _entries(panels: Sequence[Panel], lines: Mapping[str, Artist], remark: str) -> list[tuple[str, Artist]]:
    """What the legend explains: the studies that are drawn, and the hollow points if there are any."""
    series = panels[0].series
    entries = [(_label(one, series), lines[one.study]) for one in series if one.study in lines]
    papers = [(panel, curve) for panel in panels if panel.paper for curve in panel.paper.series]
    if any(paper_points(curve, panel.x, panel.y) for panel, curve in papers):
        entries.append((remark, _hollow_key()))
    return entries


def _hollow_key() -> Artist:
    from matplotlib.lines import Line2D

    look = hollow(GREY)
    return Line2D(
        [], [], linestyle="none", marker="o", markerfacecolor="none", markeredgecolor=GREY,
        markersize=look["s"] ** 0.5, markeredgewidth=look["linewidths"],
    )  # fmt: skip


def _label(one: Series, series: Sequence[Series]) -> str:
    """The study's title; its rates where the figure shows several."""
    title = plain(one.title)
    title = f" {title}" if title.startswith("_") else title  # matplotlib hides labels that start so
    if not several_rates(series):
        return title
    row, measured = one.rows[0], model_rates(one.rows)
    if math.isinf(one.rate):
        return f"{title}: no bound{f', model {measured} bit' if measured else ''}"
    rates = f"({row.dimensions}, {row.levels}): bound {one.rate_name}{f', model {measured}' if measured else ''} bit"
    alone = sum(other.rate_name == one.rate_name for other in series) == 1
    return rates if alone else f"{title} {rates}"


def _set_legend(drawing: Drawing, title: str, entries: Sequence[tuple[str, Artist]]) -> None:
    labels = [label for label, _ in entries]
    legend = drawing.legend(
        [artist for _, artist in entries],
        labels,
        loc="outside upper left",
        ncols=legend_columns(drawing, labels),
        title=plain(title),
        alignment="left",
        handlelength=1.6,
        columnspacing=1.6,
        labelspacing=0.35,
    )
    legend.get_title().set_fontweight("bold")


# ----------------------------------------------------------------------------------------------------------- footnotes


def _footnotes(wanted: Figure, selection: Selection, panels: Sequence[Panel]) -> list[str]:
    series = selection.series
    notes = []
    terms = list(dict.fromkeys(term for one in series for row in one.rows for term in row.tradeoff))
    if terms:
        notes.append(f"Small numbers: {', '.join(map(symbol, terms))} of the point.")
    notes.append(bars_text(row for one in series for row in one.rows))
    if several_rates(series):
        notes.append("Curves: (d, L) with the rate bound and the model rates of its points.")
    notes.append(rates_text(series))
    if any(bound_lines(panel.rates) for panel in panels):
        stars = " and stars" if any(bound_points(panel.rates, panel.x) for panel in panels) else ""
        notes.append(f"Dashed lines{stars}: codebooks of equal rate bound.")
    lacking = [text for field in wanted.x if (text := _lacking(series, field, wanted.y))]
    lost = [f"Not measured: {'; '.join(lacking)}."] if lacking else []
    return [" ".join(note for note in notes if note), *lost, *selection.missing]


def _lacking(series: Sequence[Series], x: str, y: str) -> str:
    """A field with the points that have no value of it; without points if none has, empty if all have."""
    texts = []
    for one in series:
        shown = {row.name for row, _, _ in marks(one, x, y)}
        lost = [weights_text(row.tradeoff) for row in one.rows if row.name not in shown]
        if lost:
            texts.append(f"{plain(one.study)} {'all points' if not shown else ', '.join(lost)}")
    if not any(marks(one, x, y) for one in series):
        return plain(x)
    return f"{plain(x)} ({'; '.join(texts)})" if texts else ""

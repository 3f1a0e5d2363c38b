"""Figures of kind "front": one field against others, a panel each, with intervals on both axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rdcbench.recipe import Figure
from rdcbench.report.bounds import bound_lines, bound_points
from rdcbench.report.columns import axis_title, field_infos
from rdcbench.report.placing import Label, Obstacles, place
from rdcbench.report.reference import PaperFigure, PaperSeries, paper_points
from rdcbench.report.selection import Selection, Series, rates_text, symbol
from rdcbench.report.style import (
    COLORS,
    GREY,
    INK,
    MARKER_SIZE,
    OTHER_MARKERS,
    PAGE_WIDTH,
    PANEL_WIDTH,
    Look,
    new_drawing,
    plain,
    set_footnotes,
    settle,
)
from rdcbench.rows import Row, Value

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

PANEL_HEIGHT = 3.5
LABELS_PER_SERIES = 3


def front_figure(wanted: Figure, selection: Selection, paper: PaperFigure | None, remark: str) -> Drawing | None:
    """Draw a front; None if no selected row has a value on any panel."""
    fields = [field for field in wanted.x if any(_marks(one, field, wanted.y) for one in selection.series)]
    if not fields:
        return None
    width = PANEL_WIDTH if len(fields) == 1 else PAGE_WIDTH * max(2, len(fields)) / 2
    drawing = new_drawing(width, PANEL_HEIGHT + 0.13 * len(selection.series))
    panels = drawing.subplots(1, len(fields), sharey=True, squeeze=False)[0]
    looks = choose_looks(selection.series)
    handles: dict[str, Artist] = {}
    for axes, field in zip(panels, fields, strict=True):
        handles |= _draw_panel(axes, field, wanted, selection, looks, paper, remark)
        infos = field_infos(row for one in selection.series for row in one.rows)
        axes.set_xlabel(axis_title(field, infos.get(field)))
        if axes is panels[0]:
            axes.set_ylabel(axis_title(wanted.y, infos.get(wanted.y)))
    _set_legend(drawing, wanted.title, handles)
    set_footnotes(drawing, _footnotes(wanted, selection, fields))
    settle(drawing)
    for axes, field in zip(panels, fields, strict=True):
        _annotate(axes, field, wanted, selection, paper)
    return drawing


def choose_looks(series: Sequence[Series]) -> dict[str, Look]:
    """Colour by rate where there are several, else by study; circles for end-to-end, another shape for each other."""
    rates = sorted({round(one.rate, 6) for one in series})
    looks: dict[str, Look] = {}
    for place_in_figure, one in enumerate(series):
        turn = rates.index(round(one.rate, 6)) if len(rates) > 1 else place_in_figure
        others = sum(look.marker != "o" for look in looks.values())
        marker = "o" if one.end_to_end else OTHER_MARKERS[others % len(OTHER_MARKERS)]
        looks[one.study] = Look(COLORS[turn % len(COLORS)], marker)
    return looks


def _marks(series: Series, x: str, y: str) -> list[tuple[Row, Value, Value]]:
    return [(row, row.values[x], row.values[y]) for row in series.rows if x in row.values and y in row.values]


# -------------------------------------------------------------------------------------------------------------- panels


def _draw_panel(
    axes: Axes,
    field: str,
    wanted: Figure,
    selection: Selection,
    looks: dict[str, Look],
    paper: PaperFigure | None,
    remark: str,
) -> dict[str, Artist]:
    """Draw one panel and give what stands in the legend."""
    handles: dict[str, Artist] = {}
    for one in selection.series:
        handles[_series_label(one, selection)] = _draw_series(axes, _marks(one, field, wanted.y), looks[one.study])
    for series in paper.series if paper else ():
        drawn = _draw_paper(axes, series, field, wanted.y, looks.get(series.study, Look(GREY, "o")))
        if drawn is not None:
            handles.setdefault(remark, _hollow_key())
    if wanted.bounds and wanted.y == "mse":
        _draw_bounds(axes, field, selection)
    return handles


def _draw_series(axes: Axes, marks: Sequence[tuple[Row, Value, Value]], look: Look) -> Artist:
    """Points joined in the order of the sweep, with intervals over images, and thinner ones over seeds."""
    xs, ys = [x.value for _, x, _ in marks], [y.value for _, _, y in marks]
    (line,) = axes.plot(
        xs, ys, color=look.color, marker=look.marker, markersize=MARKER_SIZE, markeredgewidth=0, zorder=4
    )
    images = {"linewidth": 1.5, "alpha": 0.55, "zorder": 3}
    seeds = {"linewidth": 0.6, "alpha": 0.9, "zorder": 2}
    for part, style in (("image", images), ("seed", seeds)):
        x_ends = [(getattr(x, f"{part}_lo"), getattr(x, f"{part}_hi")) for _, x, _ in marks]
        y_ends = [(getattr(y, f"{part}_lo"), getattr(y, f"{part}_hi")) for _, _, y in marks]
        across = [(y, lo, hi) for y, (lo, hi) in zip(ys, x_ends, strict=True) if hi > lo]
        upright = [(x, lo, hi) for x, (lo, hi) in zip(xs, y_ends, strict=True) if hi > lo]
        if across:
            axes.hlines(*zip(*across, strict=True), color=look.color, label=f"_{part} interval, x", **style)
        if upright:
            axes.vlines(*zip(*upright, strict=True), color=look.color, label=f"_{part} interval, y", **style)
    return line


def _draw_paper(axes: Axes, series: PaperSeries, x: str, y: str, look: Look) -> Artist | None:
    """Hollow points, only where both axes are the paper's own."""
    points = paper_points(series, x, y)
    if not points:
        return None
    style = {"facecolors": "none", "edgecolors": look.color, "linewidths": 0.8, "alpha": 0.8, "zorder": 2.5}
    xs, ys = zip(*points, strict=True)
    return axes.scatter(xs, ys, s=(MARKER_SIZE + 0.5) ** 2, marker=look.marker, label="_paper", **style)


def _hollow_key() -> Artist:
    from matplotlib.lines import Line2D

    style = {"linestyle": "none", "marker": "o", "markerfacecolor": "none", "markeredgecolor": GREY}
    return Line2D([], [], markersize=MARKER_SIZE, markeredgewidth=0.8, **style)


def _draw_bounds(axes: Axes, field: str, selection: Selection) -> None:
    rates = [one.rate for one in selection.series]
    for line in bound_lines(rates):
        axes.axhline(line.mse, color=INK, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1, label="_codebook")
    for point in bound_points(rates, field):
        axes.scatter([point.x], [point.y], s=40, marker="*", color=INK, linewidths=0, zorder=5, label="_code")


# ---------------------------------------------------------------------------------------------------------------- text


def _series_label(one: Series, selection: Selection) -> str:
    """The study's title; its rate where the figure shows several."""
    title = plain(one.title)
    title = f" {title}" if title.startswith("_") else title
    if len({round(other.rate, 6) for other in selection.series}) == 1:
        return title
    row = one.rows[0]
    return f"(d, L) = ({row.dimensions}, {row.levels}): {one.rate:.3g} bit/image"


def _set_legend(drawing: Drawing, title: str, handles: dict[str, Artist]) -> None:
    columns = 1 if drawing.get_figwidth() < PAGE_WIDTH else 2
    legend = drawing.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper left",
        ncols=columns,
        title=plain(title),
        alignment="left",
        handlelength=1.6,
        columnspacing=1.6,
        labelspacing=0.35,
    )
    legend.get_title().set_fontweight("bold")


def _footnotes(wanted: Figure, selection: Selection, fields: Sequence[str]) -> list[str]:
    notes = []
    terms = list(dict.fromkeys(term for one in selection.series for row in one.rows for term in row.tradeoff))
    if terms:
        notes.append(f"Small numbers: {', '.join(map(symbol, terms))} of the point.")
    several = any(len(row.seeds) > 1 for one in selection.series for row in one.rows)
    bars = "Bars: 95 % intervals over test images"
    notes.append(f"{bars}; thin bars: over training seeds." if several else f"{bars}.")
    notes.append(rates_text(selection.series))
    lacking = [f"{field} ({_lacking(selection, field, wanted.y)})" for field in wanted.x if field not in fields]
    partly = [(field, _lacking(selection, field, wanted.y)) for field in fields]
    lacking += [f"{field} ({points})" for field, points in partly if points]
    missing = [f"Not measured: {'; '.join(lacking)}."] if lacking else []
    return [" ".join(note for note in notes if note), *missing, *selection.missing]


def _lacking(selection: Selection, x: str, y: str) -> str:
    """Points that a panel does not show because a field was not measured."""
    texts = []
    for one in selection.series:
        shown = {row.name for row, _, _ in _marks(one, x, y)}
        lost = [row for row in one.rows if row.name not in shown]
        if lost:
            points = "all points" if not shown else ", ".join(_weights(row) for row in lost)
            texts.append(f"{one.study} {points}")
    return "; ".join(texts)


def _weights(row: Row) -> str:
    return ", ".join(f"{weight:g}" for weight in row.tradeoff.values())


def _annotate(axes: Axes, field: str, wanted: Figure, selection: Selection, paper: PaperFigure | None) -> None:
    """Write weights beside some points, and names beside the codebooks, where nothing is covered."""
    obstacles = Obstacles(axes)
    labels: list[Label] = []
    for one in selection.series:
        marks = _marks(one, field, wanted.y)
        points = [(x.value, y.value) for _, x, y in marks]
        obstacles.add_points(points, MARKER_SIZE)
        obstacles.add_line(points)
        for _, x, y in marks:
            for ends in (((x.image_lo, y.value), (x.image_hi, y.value)), ((x.value, y.image_lo), (x.value, y.image_hi))):
                if all(math.isfinite(number) for end in ends for number in end):
                    obstacles.add_line(ends)
        chosen = _spread(len(marks), LABELS_PER_SERIES)
        labels += [Label(*points[index], _weights(marks[index][0])) for index in chosen]
    for series in paper.series if paper else ():
        points = paper_points(series, field, wanted.y)
        if points:
            obstacles.add_points(points, MARKER_SIZE)
    if wanted.bounds and wanted.y == "mse":
        labels = [*_bound_labels(axes, field, selection, obstacles), *labels]
    place(axes, labels, obstacles)


def _bound_labels(axes: Axes, field: str, selection: Selection, obstacles: Obstacles) -> list[Label]:
    rates = [one.rate for one in selection.series]
    low, high = axes.get_xlim()
    for line in bound_lines(rates):
        obstacles.add_line([(low, line.mse), (high, line.mse)])
    points = bound_points(rates, field)
    for point in points:
        obstacles.add_points([(point.x, point.y)], 7)
    labels = [Label(point.x, point.y, point.text, INK, needed=True) for point in points]
    named = {27} if points else set()
    for line in bound_lines(rates):
        if line.codewords not in named:
            text = f"{line.codewords}-means codebook, {math.log2(line.codewords):.3g} bit"
            labels.append(Label(low + 0.5 * (high - low), line.mse, text, INK, needed=True))
    return labels


def _spread(count: int, wanted: int) -> list[int]:
    """Indices of a few points: both ends first, then evenly between."""
    if count <= wanted:
        return list(range(count))
    inner = [round(step * (count - 1) / (wanted - 1)) for step in range(1, wanted - 1)]
    return [0, count - 1, *inner]

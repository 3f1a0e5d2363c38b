"""Figures of kind "surface": a sweep over two weights, drawn as a net on two fields with a third as colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rdcbench.recipe import Figure
from rdcbench.report.bars import bars_text, draw_bars, make_room
from rdcbench.report.columns import ASPECTS, aspect_of, axis_title, field_infos
from rdcbench.report.placing import Label, Obstacles, place
from rdcbench.report.selection import Selection, rates_text, symbol
from rdcbench.report.style import (
    GREY,
    PAGE_WIDTH,
    PALE,
    PANEL_WIDTH,
    new_drawing,
    plain,
    set_footnotes,
    settle,
)
from rdcbench.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure as Drawing

COLOR_MAPS = {"lower": "cividis_r", "higher": "cividis", "none": "cividis"}
"""Bright is better; made for colour-blind readers (Nunez, Anderton and Renslow 2018)."""
LINES = ("-", "--")
"""Nets: the first weight varies along solid lines, the second along dashed ones."""
PANEL_HEIGHT = 3.9


def surface_figure(wanted: Figure, selection: Selection) -> Drawing | None:
    """Draw a net on each field of x; None if no row has the fields."""
    rows = [row for one in selection.series for row in one.rows]
    fields = [field for field in wanted.x if _drawable(rows, field, wanted.y)]
    if not fields:
        return None
    infos = field_infos(rows)
    drawing = new_drawing(PANEL_WIDTH + 0.6 if len(fields) == 1 else PAGE_WIDTH * len(fields) / 2, PANEL_HEIGHT)
    drawing.suptitle(plain(wanted.title), x=0.01, ha="left", fontsize=9, fontweight="bold")
    panels = drawing.subplots(1, len(fields), sharey=True, squeeze=False)[0]
    for axes, field in zip(panels, fields, strict=True):
        shown = _drawable(rows, field, wanted.y)
        third = third_field(field, wanted.y, shown)
        painted = _draw_net(axes, field, wanted.y, third, shown)
        axes.set_xlabel(axis_title(field, infos.get(field)))
        if third is not None:
            side = "right" if len(fields) == 1 else "top"
            bar = drawing.colorbar(painted, ax=axes, location=side, aspect=35, pad=0.02)
            bar.set_label(axis_title(third, infos.get(third)))
            bar.outline.set_visible(False)
    panels[0].set_ylabel(axis_title(wanted.y, infos.get(wanted.y)))
    set_footnotes(drawing, _footnotes(wanted, selection, fields, rows))
    settle(drawing)
    for axes, field in zip(panels, fields, strict=True):
        _annotate(axes, field, wanted.y, _drawable(rows, field, wanted.y))
    return drawing


def third_field(x: str, y: str, rows: Sequence[Row]) -> str | None:
    """The field that colours the points: of distortion, perception, classification the one on neither axis."""
    shown = {aspect_of(x), aspect_of(y)}
    for aspect in ("distortion", "perception", "classification"):
        if aspect not in shown:
            return next((name for name in ASPECTS[aspect] if all(name in row.values for row in rows)), None)
    return None


def _drawable(rows: Sequence[Row], x: str, y: str) -> list[Row]:
    return [row for row in rows if x in row.values and y in row.values]


def _net_terms(rows: Sequence[Row]) -> list[str]:
    """The weights that vary."""
    terms = dict.fromkeys(term for row in rows for term in row.tradeoff)
    return [term for term in terms if len({row.tradeoff.get(term, 0.0) for row in rows}) > 1]


def _threads(rows: Sequence[Row], along: str) -> list[list[Row]]:
    """Rows that differ in one weight only, joined in its order."""
    groups: dict[tuple[tuple[str, float], ...], list[Row]] = {}
    for row in rows:
        rest = tuple(sorted((term, weight) for term, weight in row.tradeoff.items() if term != along))
        groups.setdefault(rest, []).append(row)
    return [sorted(group, key=lambda row: row.tradeoff.get(along, 0.0)) for group in groups.values()]


def _draw_net(axes: Axes, x: str, y: str, third: str | None, rows: Sequence[Row]) -> PathCollection:
    for along, style in zip(_net_terms(rows), LINES, strict=False):
        for thread in _threads(rows, along):
            places = [(row.value(x), row.value(y)) for row in thread]
            axes.plot(*zip(*places, strict=True), color=GREY, linewidth=0.7, linestyle=style, zorder=2, label="_net")
    for part in ("image", "seed"):
        draw_bars(axes, rows, x, y, part, PALE)
    make_room(axes, rows, x, y)
    axes.margins(0.26, 0.14)
    colors = [row.value(third) for row in rows] if third else GREY
    xs, ys = [row.value(x) for row in rows], [row.value(y) for row in rows]
    info = field_infos(rows).get(third or "")
    shades = COLOR_MAPS[info.direction if info else "none"]
    return axes.scatter(xs, ys, c=colors, cmap=shades, s=44, edgecolors="white", linewidths=0.7, zorder=3)


def _annotate(axes: Axes, x: str, y: str, rows: Sequence[Row]) -> None:
    """Name each thread at its last point by the weight that stays the same along it."""
    obstacles = Obstacles(axes)
    obstacles.add_points([(row.value(x), row.value(y)) for row in rows], 8)
    terms = _net_terms(rows)
    labels = []
    for along in terms:
        for thread in _threads(rows, along):
            places = [(row.value(x), row.value(y)) for row in thread]
            obstacles.add_line(places)
            weights = thread[-1].tradeoff
            fixed = [f"{symbol(term)} = {weights.get(term, 0.0):g}" for term in terms if term != along]
            if fixed and len(thread) > 1:
                labels.append(Label(*places[-1], ", ".join(fixed), needed=True, away_from=places[-2]))
    place(axes, labels, obstacles)


def _footnotes(wanted: Figure, selection: Selection, fields: Sequence[str], rows: Sequence[Row]) -> list[str]:
    names = [symbol(term) for term in _net_terms(rows)]
    lines = f"Along solid lines only {names[0]} changes, along dashed ones only {names[1]}. " if len(names) == 2 else ""
    notes = [f"{lines}{bars_text(rows)} {rates_text(selection.series)}".strip()]
    lost = []
    for field in wanted.x:
        count = len(rows) - len(_drawable(rows, field, wanted.y))
        lost += [f"{field} ({'all points' if field not in fields else f'{count} points'})"] if count else []
    return [*notes, *([f"Not measured: {', '.join(lost)}."] if lost else []), *selection.missing]

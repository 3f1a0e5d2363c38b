"""One panel of a front: the rows with their intervals, the paper's points, the codebooks, and names beside them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rdcbench.report.bars import draw_bars, make_room, segments
from rdcbench.report.bounds import bound_lines, bound_points
from rdcbench.report.placing import Label, Obstacles, place
from rdcbench.report.reference import PaperFigure, paper_points
from rdcbench.report.selection import Series, several_rates
from rdcbench.report.style import COLORS, GREY, INK, MARKER_SIZE, OTHER_MARKERS, Look, darker
from rdcbench.results import Row, Value

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

Mark = tuple[Row, Value, Value]

STAR_SIZE = 6.5


@dataclass(frozen=True)
class Panel:
    """What one panel shows: fields x and y of some series; `paper` and `bounds` only where they belong."""

    x: str
    y: str
    series: tuple[Series, ...]
    paper: PaperFigure | None
    bounds: bool

    @property
    def rates(self) -> list[float]:
        """Rate bounds at which codebooks are drawn; none but on axes of distortion."""
        return [one.rate for one in self.series] if self.bounds and self.y == "mse" else []


def marks(series: Series, x: str, y: str) -> list[Mark]:
    """The rows of a series that have both fields."""
    shown = [row for row in series.rows if math.isfinite(row.value(x)) and math.isfinite(row.value(y))]
    return [(row, row.values[x], row.values[y]) for row in shown if x in row.values and y in row.values]


def choose_looks(series: Sequence[Series]) -> dict[str, Look]:
    """Colour by rate where there are several, else by study; circles for end-to-end, another shape for each other.

    Where the colours are used up, end-to-end curves have another shape too.
    """
    rates = sorted({one.rate_name for one in series}, key=float)  # those without a bound, infinite, come last
    looks: dict[str, Look] = {}
    shapes = itertools.cycle(OTHER_MARKERS)
    for index, one in enumerate(series):
        turn = rates.index(one.rate_name) if several_rates(series) else index
        marker = "o" if one.end_to_end and turn < len(COLORS) else next(shapes)
        looks |= dict.fromkeys(one.studies, Look(COLORS[turn % len(COLORS)], marker))
    return looks


# ------------------------------------------------------------------------------------------------------------- drawing


def draw_panel(axes: Axes, panel: Panel, looks: Mapping[str, Look]) -> dict[str, Artist]:
    """Draw all but the small names; returns the line of each study that the panel shows."""
    lines: dict[str, Artist] = {}
    for one in panel.series:
        points = marks(one, panel.x, panel.y)
        if points:
            look = looks[one.study]
            lines[one.study] = _draw_series(axes, points, look)
            for part in ("image", "seed"):
                draw_bars(axes, [row for row, _, _ in points], panel.x, panel.y, part, look.color)
    for series in panel.paper.series if panel.paper else ():
        in_print = paper_points(series, panel.x, panel.y)
        if in_print:
            look = looks.get(series.study, Look(GREY, "o"))
            xs, ys = zip(*in_print, strict=True)
            axes.scatter(xs, ys, marker=look.marker, label="_paper", **hollow(look.color))
    _draw_bounds(axes, panel, looks)
    make_room(axes, [row for one in panel.series for row, _, _ in marks(one, panel.x, panel.y)], panel.x, panel.y)
    return lines


def _draw_bounds(axes: Axes, panel: Panel, looks: Mapping[str, Look]) -> None:
    for line in bound_lines(panel.rates):
        color = _bound_color(panel, line.rate, looks)
        axes.axhline(line.mse, color=color, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1, label="_codebook")
    for point in bound_points(panel.rates, panel.x):
        star: dict[str, Any] = {"s": STAR_SIZE**2, "marker": "*", "linewidths": 0, "zorder": 5, "label": "_code"}
        axes.scatter([point.x], [point.y], color=_bound_color(panel, point.rate, looks), **star)


def hollow(color: str) -> dict[str, Any]:
    """The look of points that are not ours."""
    size = (MARKER_SIZE + 0.5) ** 2
    return {"s": size, "facecolors": "none", "edgecolors": color, "linewidths": 0.8, "zorder": 4.5}


def _draw_series(axes: Axes, points: Sequence[Mark], look: Look) -> Artist:
    """Points joined in the order of the sweep."""
    xs, ys = [x.value for _, x, _ in points], [y.value for _, _, y in points]
    edge: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.4}
    (line,) = axes.plot(xs, ys, color=look.color, marker=look.marker, markersize=MARKER_SIZE, zorder=4, **edge)
    return line


def _bound_color(panel: Panel, rate: float, looks: Mapping[str, Look]) -> str:
    """Ink; in a figure of several rates the colour of that rate."""
    same = [looks[one.study].color for one in panel.series if abs(one.rate - rate) < 1e-6]
    return same[0] if same and several_rates(panel.series) else INK


# --------------------------------------------------------------------------------------------------------------- names


def annotate(axes: Axes, panel: Panel, looks: Mapping[str, Look]) -> None:
    """Write weights beside some points and names beside the codebooks, where nothing is covered."""
    obstacles = Obstacles(axes)
    for one in panel.series:
        _keep_clear(obstacles, marks(one, panel.x, panel.y), panel)
    for series in panel.paper.series if panel.paper else ():
        obstacles.add_points(paper_points(series, panel.x, panel.y), MARKER_SIZE)
    labels = _bound_labels(axes, panel, obstacles, looks)
    many = len(panel.series) > 2
    for one in panel.series:
        shown = marks(one, panel.x, panel.y)
        for index in _spread(len(shown), 2 if many else 3):
            row, x, y = shown[index]
            color = darker(looks[one.study].color)
            labels.append(Label(x.value, y.value, weights(row), color))
    place(axes, labels, obstacles)


def weights(row: Row) -> str:
    """The weights of a point as bare numbers."""
    return ", ".join(f"{weight:g}" for weight in row.tradeoff.values())


def _keep_clear(obstacles: Obstacles, points: Sequence[Mark], panel: Panel) -> None:
    """Keep labels off markers, lines and bars."""
    places = [(x.value, y.value) for _, x, y in points]
    obstacles.add_points(places, MARKER_SIZE)
    obstacles.add_line(places)
    for part in ("image", "seed"):
        for side in ("x", "y"):
            for bar in segments([row for row, _, _ in points], panel.x, panel.y, part, side):
                obstacles.add_line(bar)


def _bound_labels(axes: Axes, panel: Panel, obstacles: Obstacles, looks: Mapping[str, Look]) -> list[Label]:
    """Names of the codebooks: at their star, else at the middle of their line."""
    left, right = axes.get_xlim()
    stars = bound_points(panel.rates, panel.x)
    obstacles.add_points([(star.x, star.y) for star in stars], STAR_SIZE)
    labels = []
    for star in stars:
        color = darker(_bound_color(panel, star.rate, looks))
        labels.append(Label(star.x, star.y, star.text, color, needed=True))
    for line in bound_lines(panel.rates):
        obstacles.add_line([(left, line.mse), (right, line.mse)])
        if all(star.y != line.mse for star in stars):
            color = darker(_bound_color(panel, line.rate, looks))
            middle = (left + right) / 2
            labels.append(Label(middle, line.mse, line.text, color, needed=True))
    return labels


def _spread(count: int, wanted: int) -> list[int]:
    """Indices of a few points: both ends first, then evenly between."""
    if count <= wanted:
        return list(range(count))
    inner = [round(step * (count - 1) / (wanted - 1)) for step in range(1, wanted - 1)]
    return [0, count - 1, *inner]

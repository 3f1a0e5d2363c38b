"""Figures of kind "grid": reconstructions of chosen points under their input, studies beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rdcbench.recipe import Figure
from rdcbench.report.digits import decimals
from rdcbench.report.samples import Images, sample_images
from rdcbench.report.selection import Selection, Series, weights_text
from rdcbench.report.style import GREY, INK, PAGE_WIDTH, new_drawing, plain, set_footnotes
from rdcbench.results import Row, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

Samples = Callable[[str], Mapping[str, npt.NDArray[Any]]]

IMAGES = 10
GAP = 2
STRIP_HEIGHT, GROUP_GAP, TITLE_HEIGHT = 0.52, 0.07, 0.3
SHORT_NAMES = (("mse", "D"), ("ce", "CE"), ("accuracy", "acc."), ("perception", "P"))
"""What is written beside a strip."""


class Strip(NamedTuple):
    """One line of images: [n, height, width(, 3)]."""

    point: str
    label: str
    numbers: str
    images: Images


def grid_figure(wanted: Figure, selection: Selection, samples: Samples) -> Drawing | None:
    """Draw a grid; None if no selected row has sample images."""
    pairs = _points(selection)
    names = _labels(pairs)
    inputs: Images | None = None
    strips: list[Strip] = []
    odd: list[str] = []
    for _, row in pairs:
        found = _load(row, samples)
        if found is None:
            continue
        source, decoded = found
        inputs = source if inputs is None else inputs
        if not np.array_equal(source, inputs):
            odd.append(row.name)
            continue
        strips.append(Strip(row.point, names[row.name], _numbers(row), decoded))
    if inputs is None:
        return None
    drawing = _draw(wanted.title, inputs, strips, {row.point: weights_text(row.tradeoff) for _, row in pairs})
    other = [f"Left out, because they decode other images: {', '.join(map(plain, odd))}."] if odd else []
    set_footnotes(drawing, [*other, *selection.missing])
    return drawing


def _points(selection: Selection) -> list[tuple[Series, Row]]:
    """Rows grouped by operating point, weights rising, studies in the figure's order within each."""
    every = [(one, row) for one in selection.series for row in one.rows]
    kinds = list(dict.fromkeys(tuple(row.tradeoff) for _, row in every))
    return sorted(every, key=lambda pair: (kinds.index(tuple(pair[1].tradeoff)), *pair[1].tradeoff.values()))


def _labels(pairs: Sequence[tuple[Series, Row]]) -> dict[str, str]:
    """Row name -> what tells it from the others at its point: the protocol where that suffices, else the study."""
    found = {}
    for one, row in pairs:
        same = [other for other, peer in pairs if peer.point == row.point and peer.protocol == row.protocol]
        found[row.name] = plain(row.protocol if len(same) == 1 else one.study)
    return found


def _load(row: Row, samples: Samples) -> tuple[Images, Images] | None:
    """Original and decoded images of the first seed that kept some."""
    for key in row.keys:
        if (pair := sample_images(samples(key), IMAGES)) is not None:
            return _as_pictures(pair[0]), _as_pictures(pair[1])
    return None


def _as_pictures(images: Images) -> Images:
    """[n, channels, height, width] to what a picture is drawn from; two channels or more than three: the first."""
    return images.transpose(0, 2, 3, 1) if images.shape[1] == 3 else images[:, 0]


def _numbers(row: Row) -> str:
    """The row's main numbers, with the digits that their intervals support."""
    return "\n".join(f"{short} {_short(row.values[name])}" for name, short in SHORT_NAMES if name in row.values)


def _short(value: Value) -> str:
    half = (value.image_hi - value.image_lo) / 2
    return f"{value.value:.{decimals(half)}f}" if half > 0 else f"{value.value:.3g}"


def _draw(title: str, inputs: Images, strips: list[Strip], weights: Mapping[str, str]) -> Drawing:
    """Input on top, then a group of strips for each operating point."""
    heights = [1.0]
    for previous, strip in zip(["", *(strip.point for strip in strips)], strips, strict=False):
        heights += [GROUP_GAP / STRIP_HEIGHT] if strip.point != previous else []
        heights.append(1.0)
    height = STRIP_HEIGHT * sum(heights) + TITLE_HEIGHT
    drawing = new_drawing(PAGE_WIDTH, height)
    engine: Any = drawing.get_layout_engine()
    engine.set(h_pad=0.01, hspace=0.0, rect=(0, 0.01, 1, 0.99 - TITLE_HEIGHT / height))
    drawing.suptitle(plain(title), x=0.01, y=1 - 0.06 / height, ha="left", va="top", fontsize=9, fontweight="bold")
    grid = drawing.add_gridspec(len(heights), 1, height_ratios=heights)
    places = [index for index, height in enumerate(heights) if height == 1.0]
    _draw_strip(drawing.add_subplot(grid[0]), Strip("", "input", "", inputs), "")
    seen = ""
    for index, strip in zip(places[1:], strips, strict=True):
        axes = drawing.add_subplot(grid[index])
        _draw_strip(axes, strip, weights[strip.point] if strip.point != seen else "")
        seen = strip.point
    return drawing


def _draw_strip(axes: Axes, strip: Strip, weight: str) -> None:
    axes.imshow(_side_by_side(strip.images), cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    label = f"{weight}\n{strip.label}" if weight else strip.label
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=7, color=INK, linespacing=1.5)
    style: dict[str, Any] = {"fontsize": 5.5, "color": GREY, "va": "center", "linespacing": 1.15}
    axes.annotate(strip.numbers, (1, 0.5), (5, 0), "axes fraction", textcoords="offset points", **style)


def _side_by_side(images: Images) -> Images:
    """One wide picture, with a white gap between images."""
    gap = np.full((images.shape[1], GAP, *images.shape[3:]), 255, dtype=np.uint8)
    pieces = [piece for image in images for piece in (image, gap)][:-1]
    return np.concatenate(pieces, axis=1)

"""Small labels beside points, where they cover nothing; a label that finds no room is left out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Boxes = npt.NDArray[np.float64]
"""Rectangles in pixels, shape (n, 4): left, bottom, right, top."""

_DISTANCES = (6.0, 8.0, 11.0)
_ANGLES = (45, 135, -45, -135, 90, -90, 0, 180)
_SAMPLE = 3.0


@dataclass(frozen=True)
class Label:
    """Text that belongs to a point in data units.

    needed: placed before others, and never left out. away_from: a point on whose far side the text is best.
    """

    x: float
    y: float
    text: str
    color: str = "#222222"
    needed: bool = False
    away_from: tuple[float, float] | None = None


class Obstacles:
    """What labels of one panel must not cover, in pixels."""

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        self.scale = axes.figure.dpi / 72.0
        self._boxes: list[Boxes] = []
        self.points = np.empty((0, 2))

    def pixels(self, xy: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
        """Data units to pixels, shape (n, 2)."""
        return np.asarray(self._axes.transData.transform(np.asarray(xy, dtype=np.float64).reshape(-1, 2)))

    def add_points(self, xy: Sequence[tuple[float, float]], size: float) -> None:
        """Keep clear of markers of that size in typographic points."""
        centers = self.pixels(xy)
        self.points = np.concatenate([self.points, centers])
        reach = size * self.scale / 2 + 1
        self._boxes.append(np.concatenate([centers - reach, centers + reach], axis=1))

    def add_line(self, xy: Sequence[tuple[float, float]]) -> None:
        """Keep clear of a line through data points."""
        corners = self.pixels(xy)
        for start, end in itertools.pairwise(corners):
            steps = max(2, math.ceil(float(np.hypot(*(end - start))) / (_SAMPLE * self.scale)))
            along = start + np.linspace(0, 1, steps)[:, None] * (end - start)
            self._boxes.append(np.concatenate([along - 1, along + 1], axis=1))

    def add_box(self, box: Boxes) -> None:
        """Keep clear of a rectangle."""
        self._boxes.append(box.reshape(1, 4))

    def boxes(self) -> Boxes:
        """All rectangles, those outside the panel included."""
        return np.concatenate(self._boxes) if self._boxes else np.empty((0, 4))


def place(axes: Axes, labels: Sequence[Label], obstacles: Obstacles, size: float = 6.5) -> list[str]:
    """Write labels near their points, needed ones first; returns the texts that found a place."""
    placed = []
    for label in sorted(labels, key=lambda label: not label.needed):
        text = axes.text(0, 0, label.text, fontsize=size, color=label.color, ha="left", va="bottom", zorder=6)
        text.set_in_layout(False)
        extent = text.get_window_extent()
        box = _best_box(axes, label, (extent.width, extent.height), obstacles)
        if box is None:
            text.remove()
            continue
        text.set_position(tuple(axes.transData.inverted().transform(box[:2])))
        obstacles.add_box(box)
        placed.append(label.text)
    return placed


def _best_box(axes: Axes, label: Label, size: tuple[float, float], obstacles: Obstacles) -> Boxes | None:
    """The nearest free place, else the one that covers least if the label is needed."""
    center = obstacles.pixels([(label.x, label.y)])[0]
    taken, frame = obstacles.boxes(), axes.get_window_extent()
    angles = _angles(label, center, obstacles)
    least, kept = math.inf, None
    for distance in _DISTANCES:
        for angle in angles:
            box = _box(center, distance * obstacles.scale, math.radians(angle), size)
            if box[0] < frame.x0 or box[1] < frame.y0 or box[2] > frame.x1 or box[3] > frame.y1:
                continue
            covered = _overlap(box, taken) + 1e4 * _is_nearer_to_another(box, center, obstacles.points)
            if covered == 0:
                return box
            if covered < least:
                least, kept = covered, box
    return kept if label.needed else None


def _angles(label: Label, center: npt.NDArray[np.float64], obstacles: Obstacles) -> list[int]:
    """Directions to try, in degrees: diagonals first, or those that point away from a given place."""
    if label.away_from is None:
        return list(_ANGLES)
    across, up = center - obstacles.pixels([label.away_from])[0]
    best = math.degrees(math.atan2(up, across))
    return sorted(_ANGLES, key=lambda angle: abs((angle - best + 180) % 360 - 180))


def _box(center: npt.NDArray[np.float64], distance: float, angle: float, size: tuple[float, float]) -> Boxes:
    """The rectangle of that size whose edge is `distance` away in that direction."""
    across, up = math.cos(angle), math.sin(angle)
    left = center[0] + across * distance - size[0] * (1 - round(across)) / 2
    bottom = center[1] + up * distance - size[1] * (1 - round(up)) / 2
    return np.array([left, bottom, left + size[0], bottom + size[1]])


def _overlap(box: Boxes, taken: Boxes) -> float:
    """Area that a rectangle shares with others."""
    across = np.minimum(box[2], taken[:, 2]) - np.maximum(box[0], taken[:, 0])
    up = np.minimum(box[3], taken[:, 3]) - np.maximum(box[1], taken[:, 1])
    return float((across.clip(0) * up.clip(0)).sum())


def _is_nearer_to_another(box: Boxes, center: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> bool:
    """Whether a reader would take the label for that of another point."""
    away = np.maximum(np.maximum(box[:2] - points, points - box[2:]), 0)
    distance = np.hypot(away[:, 0], away[:, 1])
    others = distance[np.hypot(*(points - center).T) > 1]
    own = float(np.hypot(*np.maximum(np.maximum(box[:2] - center, center - box[2:]), 0)))
    return bool(len(others) and others.min() < own)

import numpy as np
import pytest

from rdcbench.report.placing import Label, Obstacles, place
from rdcbench.report.style import new_drawing, settle, styled


@pytest.fixture
def axes():
    with styled():
        drawing = new_drawing(4, 3)
        axes = drawing.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        settle(drawing)
        yield axes


def boxes(axes):
    return [text.get_window_extent() for text in axes.texts]


def test_labels_cover_neither_each_other_nor_points_and_stay_inside(axes):
    points = [tuple(point) for point in np.random.default_rng(1).uniform(0.05, 0.95, (25, 2))]
    obstacles = Obstacles(axes)
    obstacles.add_points(points, 5)
    place(axes, [Label(*point, "0.015") for point in points], obstacles)
    found = boxes(axes)
    assert len(found) > 8
    pixels = obstacles.pixels(points)
    for index, box in enumerate(found):
        assert not any(box.overlaps(other) for other in found[index + 1 :])
        assert not any(box.contains(*pixel) for pixel in pixels)
        assert axes.get_window_extent().count_contains([box.min, box.max]) == 2


def test_no_room_no_label_unless_it_is_needed(axes):
    obstacles = Obstacles(axes)
    for height in np.linspace(0, 1, 200):
        obstacles.add_line([(0, height), (1, height)])
    assert place(axes, [Label(0.5, 0.5, "optional")], obstacles) == []
    assert place(axes, [Label(0.5, 0.5, "optional"), Label(0.5, 0.5, "needed", needed=True)], obstacles) == ["needed"]


def test_a_label_is_not_nearer_to_another_point(axes):
    obstacles = Obstacles(axes)
    points = [(0.5, 0.5), (0.53, 0.53)]
    obstacles.add_points(points, 5)
    place(axes, [Label(0.5, 0.5, "mine")], obstacles)
    (box,) = boxes(axes)
    own, other = obstacles.pixels(points)
    center = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
    assert np.hypot(*(center - own)) < np.hypot(*(center - other))


def test_away_from_goes_to_the_far_side(axes):
    obstacles = Obstacles(axes)
    place(axes, [Label(0.5, 0.5, "left", away_from=(0.9, 0.5))], obstacles)
    (box,) = boxes(axes)
    assert box.x1 < obstacles.pixels([(0.5, 0.5)])[0][0]


def test_labels_leave_the_layout_alone(axes):
    place(axes, [Label(0.5, 0.5, "x")], Obstacles(axes))
    assert not axes.texts[0].get_in_layout()

import pytest

from rdcbench.report.bars import bars_text, draw_bars, ends, make_room, segments
from rdcbench.report.style import new_drawing, styled
from rdcbench.results import FieldInfo

from .fake import FIELDS, make_cell, make_recipe, rows_of

BOUNDED = {**FIELDS, "accuracy": FieldInfo(unit="share", direction="higher", lower=0.0, upper=1.0)}


def row_of(*seeds, **values):
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    cells = [
        make_cell(recipe, "a", {}, {"mse": mse, "accuracy": 0.99, **values}, seed, BOUNDED)
        for seed, mse in enumerate(seeds)
    ]
    return rows_of(cells)[0]


def test_ends_stay_within_what_the_field_can_be():
    assert ends(row_of(0.05), "mse", "image") == pytest.approx((0.0496, 0.0504))
    assert ends(row_of(0.05, accuracy=0.999), "accuracy", "image") == (pytest.approx(0.994), 1.0)


def test_no_interval_no_bar():
    row = row_of(0.05, rate_bound=4.75)
    assert ends(row, "mse", "seed") is None
    assert ends(row, "rate_bound", "image") is None
    assert segments([row], "rate_bound", "mse", "image", "x") == []


def test_segments_run_along_their_axis_through_the_point():
    ((start, end),) = segments([row_of(0.05)], "accuracy", "mse", "image", "y")
    assert start == pytest.approx((0.99, 0.0496))
    assert end == pytest.approx((0.99, 0.0504))


def test_endless_intervals_of_two_seeds_do_not_squeeze_the_points():
    row, other = row_of(0.04, 0.06), row_of(0.07)
    low, high = ends(row, "mse", "seed")
    with styled():
        axes = new_drawing(3, 3).subplots()
        axes.plot([0.99, 0.5], [0.05, 0.07])
        for part in ("image", "seed"):
            draw_bars(axes, [row, other], "accuracy", "mse", part, "black")
        make_room(axes, [row, other], "accuracy", "mse")
        bottom, top = axes.get_ylim()
    assert high - low > 0.2
    assert top - bottom < 0.045
    assert bottom < 0.0495


def test_text_mentions_seeds_only_where_there_are_some():
    assert bars_text([row_of(0.05)]) == "Bars: 95 % intervals over test images."
    assert "training seeds" in bars_text([row_of(0.05, 0.06)])

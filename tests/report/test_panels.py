import math

import pytest

from rdcbench.recipe import Figure
from rdcbench.report.panels import Panel, choose_looks, draw_panel, marks
from rdcbench.report.reference import PaperFigure
from rdcbench.report.selection import select
from rdcbench.report.style import new_drawing, styled

from .fake import STUDY, make_cell, make_recipe, rows_of

PAPER = PaperFigure.model_validate(
    {"series": [{"study": "rdc", "points": [{"mse": 0.05, "ce": 1.0, "perception_own": 3.0}]}]}
)
VALUES = {"mse": 0.05, "ce": 0.4, "accuracy": 0.9, "rate_bound": 3 * math.log2(3)}


def series_of(studies=None, seeds=1, values=VALUES):
    recipe = make_recipe(studies or {"rdc": STUDY, "uni": {**STUDY, "protocol": "universal"}}, {})
    cells = [
        make_cell(recipe, name, tradeoff, {**values, "mse": values["mse"] + 0.001 * seed}, seed)
        for name, study in recipe.studies.items()
        for tradeoff in study.tradeoffs()
        for seed in range(seeds)
    ]
    return select(recipe, Figure(title="t", studies=list(recipe.studies)), rows_of(cells)).series


def drawn(x="ce", series=None, paper=PAPER, bounds=True, y="mse"):
    with styled():
        axes = new_drawing(4, 3).subplots()
        panel = Panel(x, y, series or series_of(), paper, bounds)
        draw_panel(axes, panel, choose_looks(panel.series))
    return axes


def named(axes, label):
    return [artist for artist in axes.get_children() if artist.get_label() == label]


def bars(axes, label):
    return [bar.tolist() for found in named(axes, label) for bar in found.get_segments()]


def test_bars_over_images_on_both_axes_of_every_point():
    axes = drawn()
    assert len(bars(axes, "_image x")) == len(bars(axes, "_image y")) == 6
    assert bars(axes, "_image y")[0] == [pytest.approx([0.4, 0.0496]), pytest.approx([0.4, 0.0504])]
    assert bars(axes, "_image x")[0] == [pytest.approx([0.388, 0.05]), pytest.approx([0.412, 0.05])]
    assert not bars(axes, "_seed y")


def test_bars_over_seeds_are_thinner_and_only_there_with_several_seeds():
    axes = drawn(series=series_of(seeds=3))
    image, seed = named(axes, "_image y")[0], named(axes, "_seed y")[0]
    assert seed.get_linewidth()[0] < image.get_linewidth()[0]
    assert len(bars(axes, "_seed y")) == 6


def test_a_field_without_interval_has_no_bar():
    axes = drawn(x="rate_bound")
    assert not bars(axes, "_image x")
    assert len(bars(axes, "_image y")) == 6


def test_end_to_end_is_a_filled_circle_and_universal_another_shape():
    line, other = [line for line in drawn().lines if line.get_marker() != "None" and line.get_label() != "_codebook"][
        :2
    ]
    assert (line.get_marker(), other.get_marker()) == ("o", "s")
    assert line.get_markerfacecolor() == line.get_color() != other.get_color()


def test_points_are_joined_in_the_order_of_the_sweep():
    values = {0.0: 1.4, 0.005: 0.3, 0.015: 0.5}
    recipe = make_recipe({"rdc": STUDY}, {})
    cells = [make_cell(recipe, "rdc", {"classification": w}, {"mse": 0.05, "ce": ce}) for w, ce in values.items()]
    series = select(recipe, Figure(title="t", studies=["rdc"]), rows_of(cells[::-1])).series
    assert list(drawn(series=series, bounds=False, paper=None).lines[0].get_xdata()) == [1.4, 0.3, 0.5]


@pytest.mark.parametrize(("x", "count"), [("ce", 1), ("perception_own", 1), ("accuracy", 0), ("perception", 0)])
def test_hollow_points_only_on_the_papers_axes(x, count):
    found = named(drawn(x, series_of(values={**VALUES, "perception": 50.0, "perception_own": 2.0})), "_paper")
    assert len(found) == count
    for points in found:
        assert len(points.get_facecolor()) == 0
        assert len(points.get_edgecolor()) == 1


def test_no_hollow_points_when_y_is_not_the_papers():
    assert not named(drawn("ce", y="accuracy"), "_paper")


def test_codebooks_only_where_the_recipe_says_so_and_y_is_distortion():
    assert [line.get_ydata()[0] for line in named(drawn(), "_codebook")] == [0.042928]
    assert len(named(drawn(), "_code")) == 2
    assert not named(drawn(bounds=False), "_codebook")
    assert not named(drawn(y="accuracy"), "_codebook")
    assert len(named(drawn("accuracy"), "_code")) == 2


def test_colour_by_rate_when_there_are_several():
    studies = {
        "a": STUDY,
        "b": {**STUDY, "dimensions": 2},
        "b2": {**STUDY, "dimensions": 2, "protocol": "universal"},
    }
    series = series_of(studies, values={"mse": 0.05, "ce": 0.4})
    looks = choose_looks(series)
    assert looks["b"].color == looks["b2"].color != looks["a"].color
    assert looks["b"].marker == "o" != looks["b2"].marker
    axes = drawn(series=series)
    colors = {line.get_ydata()[0]: line.get_color() for line in named(axes, "_codebook")}
    assert colors == {0.050936: looks["b"].color, 0.042928: looks["a"].color}


def test_of_eight_curves_no_two_look_the_same():
    """There are six colours: what is drawn in one for the second time has another shape."""
    looks = choose_looks(series_of({f"s{n}": {**STUDY, "title": f"s{n}"} for n in range(8)}))
    assert len({(look.color, look.marker) for look in looks.values()}) == 8


def test_points_that_lack_a_field_are_left_out():
    (one,) = series_of({"rdc": STUDY}, values={"mse": 0.05, "rate_bound": math.inf})
    assert marks(one, "ce", "mse") == []
    assert marks(one, "rate_bound", "mse") == []
    assert len(marks(one, "mse", "mse")) == 3


def test_many_studies_get_many_looks():
    studies = {f"s{index}": {**STUDY, "protocol": "universal"} for index in range(9)}
    looks = choose_looks(series_of(studies))
    assert len(set(looks.values())) >= 6

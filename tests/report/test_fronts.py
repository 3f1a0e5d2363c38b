import math

import pytest

from rdcbench.recipe import Figure
from rdcbench.report.fronts import front_figure
from rdcbench.report.reference import PaperFigure
from rdcbench.report.selection import select
from rdcbench.report.style import styled

from .fake import STUDY, make_cell, make_recipe, rows_of

PAPER = PaperFigure.model_validate({"series": [{"study": "rdc", "points": [{"mse": 0.05, "ce": 1.0}]}]})
REMARK = "paper (other critic and classifier)"
WEIGHTS = [0.0, 0.005, 0.015]


def figure(x=("ce", "accuracy"), studies=None, cells=None, **more):
    recipe = make_recipe(studies or {"rdc": STUDY, "uni": {**STUDY, "protocol": "universal"}}, {})
    wanted = Figure(title="A figure for $5", studies=list(recipe.studies), x=list(x), **more)
    if cells is None:
        cells = [
            make_cell(
                recipe, name, {"classification": w}, {"mse": 0.05 + w / 10, "ce": 1 - 40 * w, "accuracy": 0.8 + w}
            )
            for name in recipe.studies
            for w in WEIGHTS
        ]
    else:
        cells = cells(recipe)
    with styled():
        return front_figure(wanted, select(recipe, wanted, rows_of(cells)), PAPER, REMARK)


def legend_of(drawing):
    return [text.get_text() for text in drawing.legends[0].get_texts()]


def footnote(drawing):
    return " ".join(drawing._supxlabel.get_text().split())


def test_a_panel_for_each_field_with_titles_that_say_what_is_better():
    left, right = figure().axes
    assert left.get_xlabel() == "Classification: cross-entropy [nat]   ← better"
    assert right.get_xlabel() == "Classification: accuracy   better →"
    assert left.get_ylabel().startswith("Distortion")
    assert left.get_ylim() == right.get_ylim()


def test_legend_has_studies_the_remark_and_the_title():
    drawing = figure()
    assert legend_of(drawing) == ["rdc", "uni", REMARK]
    assert drawing.legends[0].get_title().get_text() == r"A figure for \$5"


def test_no_remark_without_hollow_points():
    assert legend_of(figure(x=["accuracy"])) == ["rdc", "uni"]


def test_several_rates_are_told_by_d_l_and_bits_in_rising_order():
    studies = {"high": {**STUDY, "dimensions": 4, "levels": 4}, "low": {**STUDY, "dimensions": 2}}
    assert legend_of(figure(studies=studies))[:2] == ["(2, 3): bound 3.17 bit", "(4, 4): bound 8 bit"]


def test_a_study_without_a_bound_is_told_so_among_several_rates():
    studies = {"high": {**STUDY, "dimensions": 4, "levels": 4}, "low": {**STUDY, "dimensions": 2}, "jpeg": STUDY}

    def cells(recipe):
        values = {"mse": 0.05, "ce": 1.0, "rate_model": 9.0}
        bounds = {"high": 8.0, "low": 2 * math.log2(3), "jpeg": math.inf}
        return [
            make_cell(recipe, name, {"classification": 0.0}, {**values, "rate_bound": bounds[name]}) for name in bounds
        ]

    assert "jpeg: no bound, model 9.00 bit" in legend_of(figure(studies=studies, cells=cells))


def test_missing_fields_points_and_studies_stand_in_the_footnote():
    def cells(recipe):
        return [
            make_cell(recipe, "rdc", {"classification": 0.0}, {"mse": 0.05, "ce": 1.0}),
            make_cell(recipe, "rdc", {"classification": 0.015}, {"mse": 0.05, "ce": 0.3, "accuracy": 0.9}),
        ]

    text = footnote(figure(x=("ce", "accuracy", "perception"), cells=cells))
    assert r"Not measured: accuracy (rdc $\lambda_c$ = 0); perception." in text
    assert r"Missing: rdc ($\lambda_c$ = 0.005); uni (all points)." in text


def test_a_panel_that_nothing_was_measured_for_is_left_out():
    assert len(figure(x=("ce", "perception")).axes) == 1
    assert figure(x=("perception",)) is None


def test_weights_stand_at_some_points_and_cover_nothing():
    for axes in figure().axes:
        texts = [text for text in axes.texts if text.get_text() in {"0", "0.005", "0.015"}]
        assert texts
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(box.overlaps(other) for index, box in enumerate(boxes) for other in boxes[index + 1 :])


def test_footnote_explains_bars_numbers_and_codebooks():
    text = footnote(figure(bounds=True))
    assert r"Small numbers: $\lambda_c$ of the point." in text
    assert "Bars: 95 % intervals over test images." in text
    assert "stars: codebooks of equal rate bound" in text


@pytest.mark.parametrize("name", ["_hidden", "$\\frac", "漢字", "x" * 300])
def test_odd_titles_are_drawn(name):
    drawing = figure(studies={"s": {**STUDY, "title": name}})
    assert len(legend_of(drawing)) == 2

import numpy as np
import pytest

from rdcbench.recipe import Figure
from rdcbench.report.grids import grid_figure
from rdcbench.report.selection import select
from rdcbench.report.style import styled

from .fake import STUDY, make_cell, make_recipe, rows_of, sample_arrays

POINTS = ["classification=0", "classification=0.015"]


def grid(samples, points=POINTS, studies=None):
    recipe = make_recipe(studies or {"rdc": STUDY, "uni": {**STUDY, "protocol": "universal"}}, {})
    cells = [
        make_cell(recipe, name, tradeoff, {"mse": 0.0467, "ce": 0.4})
        for name, study in recipe.studies.items()
        for tradeoff in study.tradeoffs()
    ]
    wanted = Figure(title="t", kind="grid", studies=list(recipe.studies), points=points)
    keys = {cell.key: cell for cell in cells}
    with styled():
        return grid_figure(wanted, select(recipe, wanted, rows_of(cells)), lambda key: samples(keys[key]))


def labels(drawing):
    return [axes.get_ylabel().replace("\u00a0", " ").split("\n") for axes in drawing.axes]


def test_input_on_top_then_end_to_end_beside_universal_at_each_point():
    assert labels(grid(lambda cell: sample_arrays())) == [
        ["input"],
        [r"$\lambda_c$ = 0", "end-to-end"],
        ["universal"],
        [r"$\lambda_c$ = 0.015", "end-to-end"],
        ["universal"],
    ]


def test_pictures_are_the_samples():
    drawing = grid(lambda cell: sample_arrays(1))
    shown = [axes.images[0].get_array() for axes in drawing.axes[:2]]
    arrays = sample_arrays(1)
    for picture, images in zip(shown, (arrays["sample_x"], arrays["sample_x_hat"]), strict=True):
        assert picture.shape == (28, 10 * 28 + 9 * 2)
        assert np.array_equal(picture[:, 30:58], images[1, 0])


def test_colour_images():
    drawing = grid(lambda cell: sample_arrays(shape=(3, 8, 8)))
    assert drawing.axes[1].images[0].get_array().shape == (8, 98, 3)


def test_numbers_beside_each_strip():
    text = grid(lambda cell: sample_arrays()).axes[1].texts[0].get_text()
    assert text == "D 0.0467\nCE 0.400"


def test_all_points_if_none_are_chosen():
    assert len(grid(lambda cell: sample_arrays(), points=[]).axes) == 7


def test_two_studies_of_one_protocol_are_told_by_name():
    found = labels(grid(lambda cell: sample_arrays(), studies={"a": STUDY, "b": STUDY}))
    assert [label[-1] for label in found[1:3]] == ["a", "b"]


def test_other_inputs_are_never_shown_under_this_one():
    def samples(cell):
        arrays = sample_arrays()
        return arrays if cell.job.name.startswith("rdc") else {**arrays, "sample_x": arrays["sample_x"] + 1}

    drawing = grid(samples)
    assert len(drawing.axes) == 3
    assert "they decode other images: uni/universal" in drawing._supxlabel.get_text()


def test_rows_without_samples_are_left_out_and_none_at_all_is_no_figure():
    drawing = grid(lambda cell: sample_arrays() if cell.job.name.startswith("rdc") else {})
    assert len(drawing.axes) == 3
    assert grid(lambda cell: {}) is None


@pytest.mark.parametrize("count", [1, 3])
def test_few_samples(count):
    assert grid(lambda cell: sample_arrays(count=count)).axes[0].images[0].get_array().shape[1] == count * 30 - 2

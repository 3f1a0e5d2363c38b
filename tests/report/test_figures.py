from rdcbench.report.figures import draw_figures
from rdcbench.report.reference import Expected

from .fake import STUDY, make_cell, make_recipe, rows_of, sample_arrays

FIGURES = {
    "front": {"title": "f", "studies": ["rdc"], "reference": "fig4a"},
    "grid": {"title": "g", "kind": "grid", "studies": ["rdc"]},
    "surface": {"title": "s", "kind": "surface", "studies": ["rdc"], "x": ["ce"]},
}
EXPECTED = Expected.model_validate({"points": {"fig4a": {"series": [{"points": [{"mse": 0.05, "ce": 1.0}]}]}}})


def drawn(figures=FIGURES, values=None, expected=EXPECTED, samples=lambda key: sample_arrays()):
    recipe = make_recipe({"rdc": STUDY, "empty": STUDY}, figures)
    found = {"mse": 0.05, "ce": 0.4} if values is None else values
    rows = rows_of([make_cell(recipe, "rdc", {"classification": w}, found) for w in (0.0, 0.005)])
    return {one.name: one for one in draw_figures(recipe, rows, samples, expected)}


def test_every_kind_as_png_svg_and_pdf():
    for one in drawn().values():
        assert one.files["png"].startswith(b"\x89PNG")
        assert b"</svg>" in one.files["svg"]
        assert one.files["pdf"].startswith(b"%PDF")
        assert one.note == ""


def test_what_cannot_be_drawn_is_skipped_with_a_note():
    notes = {name: one.note for name, one in drawn(values={"psnr": 1.0}, samples=lambda key: {}).items()}
    assert notes == {
        "front": "figure front: left out, no row has mse with ce",
        "grid": "figure grid: left out, no row has sample images",
        "surface": "figure surface: left out, no row has mse with ce",
    }
    (one,) = drawn({"f": {"title": "f", "studies": ["empty"]}}).values()
    assert (one.files, one.note) == ({}, "figure f: left out, no finished row of empty")


def test_a_reference_that_is_not_there_is_noted_and_the_figure_drawn():
    one = drawn({"f": {"title": "f", "studies": ["rdc"], "reference": "fig9"}})["f"]
    assert one.files
    assert one.note == "figure f: expected.toml has no table points.fig9"
    assert drawn(expected=None)["front"].files


def test_drawing_twice_gives_the_same_bytes():
    assert drawn() == drawn()

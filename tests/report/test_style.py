import logging
import re

import matplotlib
import pytest

from rdcbench.report.style import (
    COLORS,
    darker,
    legend_columns,
    new_drawing,
    plain,
    rendered,
    set_footnotes,
    settle,
    styled,
)


def brightness(color):
    return sum(int(color[start : start + 2], 16) for start in (1, 3, 5))


def test_a_users_settings_neither_change_figures_nor_are_changed():
    with matplotlib.rc_context({"font.size": 40, "lines.linewidth": 9}):
        with styled():
            assert matplotlib.rcParams["font.size"] == 8
        assert matplotlib.rcParams["font.size"] == 40
        assert matplotlib.rcParams["lines.linewidth"] == 9


def test_backend_and_logger_stay_as_they_are():
    backend, level = matplotlib.rcParams._get("backend"), logging.getLogger("matplotlib").level
    with styled():
        pass
    assert matplotlib.rcParams._get("backend") == backend
    assert logging.getLogger("matplotlib").level == level


def test_glyphs_that_no_font_has_warn_nobody(recwarn):
    with styled():
        drawing = new_drawing(2, 1)
        drawing.text(0, 0, "\U0001f600 漢字")
        rendered(drawing, "png")
    assert not recwarn.list


def test_same_figure_same_bytes():
    def draw():
        with styled():
            drawing = new_drawing(2, 1)
            drawing.subplots().plot([1, 2])
            return rendered(drawing, "png"), rendered(drawing, "svg"), rendered(drawing, "pdf")

    first = draw()
    assert first == draw()
    assert first[0].startswith(b"\x89PNG")
    assert b"<svg" in first[1]
    assert first[2].startswith(b"%PDF")


def test_a_pdf_names_no_day_and_needs_no_font():
    with styled():
        drawing = new_drawing(2, 1)
        drawing.subplots().plot([1, 2])
        settle(drawing)
        before = rendered(drawing, "png")
        pdf = rendered(drawing, "pdf")
        assert rendered(drawing, "png") == before, "a PDF in between changes nothing"
    assert b"CreationDate" not in pdf
    assert b"/BaseFont" not in pdf


def test_png_is_large_enough_for_print():
    with styled():
        png = rendered(new_drawing(2, 1), "png")
    assert int.from_bytes(png[16:20], "big") == 400


@pytest.mark.parametrize("name", ["costs $5", "$x$", r"$\frac{$", "a\nb"])
def test_any_name_can_be_drawn_as_itself(name):
    with styled():
        drawing = new_drawing(2, 1)
        drawing.text(0, 0, plain(name))
        rendered(drawing, "png")


def test_footnotes_wrap_within_the_figure():
    with styled():
        drawing = new_drawing(4, 2)
        drawing.subplots()
        set_footnotes(drawing, [f"universal-{index} 4.25–4.50," * 8 for index in range(2)])
        settle(drawing)
        for text in drawing.texts:
            assert text.get_window_extent().x1 <= drawing.bbox.x1


def test_small_text_is_darker_than_its_series():
    assert all(
        re.fullmatch("#[0-9a-f]{6}", darker(color)) and brightness(darker(color)) < brightness(color)
        for color in COLORS
    )


def test_legend_columns_follow_the_longest_label():
    drawing = new_drawing(7.2, 3)
    assert legend_columns(drawing, ["short"]) == 4
    assert legend_columns(drawing, ["x" * 200]) == 1

import pytest

from rdcbench.recipe import Figure
from rdcbench.report.selection import select
from rdcbench.report.style import styled
from rdcbench.report.surfaces import surface_figure, third_field

from .fake import make_cell, make_recipe, rows_of

P, C = [0.0, 0.005, 0.015], [0.0, 0.01]


def surface(x=("perception",), y="ce", drop=0, lacking=()):
    recipe = make_recipe({"rdpc": {"protocol": "end-to-end", "sweep": {"perception": P, "classification": C}}}, {})
    cells = []
    for p in P:
        for c in C:
            values = {"mse": 0.045 + p + c / 10, "perception": 160 - 8000 * p - 100 * c, "ce": 1.4 - 100 * c - p}
            values["accuracy"] = 0.8 + 10 * c
            cells.append(make_cell(recipe, "rdpc", {"perception": p, "classification": c}, values))
    cells = [
        cell.model_copy(update={"values": {key: v for key, v in cell.values.items() if key not in lacking or index}})
        for index, cell in enumerate(cells[drop:])
    ]
    wanted = Figure(title="t", kind="surface", studies=["rdpc"], x=list(x), y=y)
    with styled():
        return surface_figure(wanted, select(recipe, wanted, rows_of(cells)))


def test_a_net_of_all_threads_with_the_third_field_as_colour():
    axes, bar = surface().axes
    assert len([line for line in axes.lines if line.get_label() == "_net"]) == len(P) + len(C)
    assert bar.get_ylabel() == "Distortion: MSE per pixel   ← better"
    (points,) = [found for found in axes.collections if not found.get_label().startswith("_image")]
    assert points.get_array().min() == pytest.approx(0.045)
    assert points.get_cmap().name == "cividis_r"


def test_bars_on_both_axes():
    axes = surface().axes[0]
    for side in ("x", "y"):
        (bars,) = [found for found in axes.collections if found.get_label() == f"_image {side}"]
        assert len(bars.get_segments()) == 6


def test_every_thread_is_named_by_the_weight_that_stays():
    texts = sorted(text.get_text() for text in surface().axes[0].texts)
    assert texts == sorted([r"$\lambda_c$ = 0", r"$\lambda_c$ = 0.01"] + [rf"$\lambda_p$ = {weight:g}" for weight in P])


def test_names_do_not_cover_each_other():
    for axes in surface(x=("perception", "accuracy"), y="mse").axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(box.overlaps(other) for index, box in enumerate(boxes) for other in boxes[index + 1 :])


def test_panels_share_y_and_have_a_bar_each():
    drawing = surface(x=("perception", "accuracy"), y="mse")
    assert len(drawing.axes) == 4
    assert drawing.axes[0].get_ylim() == drawing.axes[1].get_ylim()


@pytest.mark.parametrize(
    ("x", "y", "third"),
    [
        ("perception", "ce", "mse"),
        ("ce", "mse", "perception"),
        ("perception", "mse", "accuracy"),
        ("mse", "psnr", None),
    ],
)
def test_third_field_is_what_neither_axis_shows(x, y, third):
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    values = {"mse": 1, "ce": 1, "accuracy": 1} | ({} if third is None else {"perception": 1})
    assert third_field(x, y, rows_of([make_cell(recipe, "a", {}, values)])) == third


def test_missing_points_are_named_and_none_is_no_figure():
    drawing = surface(drop=1, lacking=("ce",))
    text = " ".join(drawing._supxlabel.get_text().split())
    assert r"Missing: rdpc ($\lambda_p$ = 0, $\lambda_c$ = 0)." in text
    assert "Not measured: perception (1 points)." in text
    assert surface(x=("kid",)) is None


def test_one_weight_only():
    drawing = surface(drop=5)
    assert len(drawing.axes[0].lines) == 0

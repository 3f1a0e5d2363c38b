"""The figures of a recipe, from rows: drawn with what there is, and saying what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rdcbench.recipe import Figure, Recipe
from rdcbench.report.fronts import front_figure
from rdcbench.report.grids import Samples, grid_figure
from rdcbench.report.reference import Expected
from rdcbench.report.selection import select
from rdcbench.report.style import rendered, styled
from rdcbench.report.surfaces import surface_figure
from rdcbench.results import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

FORMS = ("png", "svg", "pdf")


class Drawn(NamedTuple):
    """One figure: its files as bytes by form, or none and the reason."""

    name: str
    files: dict[str, bytes]
    note: str = ""


def draw_figures(recipe: Recipe, rows: Sequence[Row], samples: Samples, expected: Expected | None) -> list[Drawn]:
    """Draw every figure of a recipe.

    samples: gives the arrays of a cell by its key, as `Store.arrays` does. expected: the paper's points, if any.
    """
    drawn = []
    for name, wanted in recipe.figures.items():
        with styled():
            drawing, note = draw(recipe, wanted, rows, samples, expected)
            files = {form: rendered(drawing, form) for form in FORMS} if drawing else {}
        drawn.append(Drawn(name, files, f"figure {name}: {note}" if note else ""))
    return drawn


def draw(
    recipe: Recipe, wanted: Figure, rows: Sequence[Row], samples: Samples, expected: Expected | None
) -> tuple[Drawing | None, str]:
    """Draw one figure; None with a note where nothing of it was measured. Call it within `styled()`."""
    selection = select(recipe, wanted, rows)
    if not selection.series:
        return None, f"left out, no finished row of {', '.join(wanted.studies)}"
    paper = expected.points.get(wanted.reference) if expected else None
    note = f"expected.toml has no table points.{wanted.reference}" if wanted.reference and paper is None else ""
    if wanted.kind == "grid":
        drawing, lacks = grid_figure(wanted, selection, samples), "sample images"
    elif wanted.kind == "surface":
        drawing, lacks = surface_figure(wanted, selection), f"{wanted.y} with {' or '.join(wanted.x)}"
    else:
        remark = expected.remark if expected else ""
        drawing, lacks = front_figure(wanted, selection, paper, remark), f"{wanted.y} with {' or '.join(wanted.x)}"
    return drawing, note if drawing else f"left out, no row has {lacks}"

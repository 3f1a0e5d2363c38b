"""A stored run whose names are as hostile as those of a stranger's bundle may be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from report.fake import STUDY, make_cell, make_recipe, make_store  # tests/ is on the path: tests/conftest.py

from rdcbench.store import Store

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>@@DATA@@"
EXPECTED = """
schema_version = 1
remark = "paper"
[points.fig]
[[points.fig.series]]
study = "rdc"
label = "print"
points = [{ mse = 0.047, ce = 0.9 }]
"""


def make_run(root: Path, title: str = "A run", studies: int = 2, points: int = 3) -> Store:
    """A run of some studies of classification weights, with images, a figure, the paper's points and bounds."""
    sweep = {"classification": [round(0.001 * number, 4) for number in range(points)]}
    names = ["rdc", *(f"rdc-{number}" for number in range(1, studies))]
    table = {"rdc": {**STUDY, "title": title, "sweep": sweep}} | {name: {**STUDY, "sweep": sweep} for name in names[1:]}
    figure = {"title": title, "studies": names, "x": ["ce", "accuracy_judge"], "reference": "fig", "bounds": True}
    recipe = make_recipe(table, {"fig": figure}, "fake").model_copy(update={"title": title})
    cells = []
    for place, name in enumerate(names):
        for number, weight in enumerate(sweep["classification"]):
            values = {
                "mse": 0.046 + 0.001 * number + 0.0001 * place, "ce": 1.5 / (1 + number) + 0.01 * place,
                "accuracy_judge": 0.6 + 0.1 * number / points, "perception": 90.0 - number - place,
                "rate_coded": 4.7, "rate_bound": math.log2(27),
            }  # fmt: skip
            cells.append(make_cell(recipe, name, {"classification": weight}, values))
    return make_store(root, recipe, cells, expected=EXPECTED)


def put_receiver_bytes(store: Store) -> None:
    """Give the rows of a run 0, 1000, 2000... bytes at the receiver."""
    for number, row in enumerate(store.rows()):
        (key,) = row.keys
        cell = store.cell(key)
        assert cell is not None
        store.write_cell(cell.model_copy(update={"costs": {"receiver_bytes": 1000.0 * number}}), {})


@pytest.fixture
def evil(tmp_path: Path) -> Store:
    """A run whose title is an attack."""
    return make_run(tmp_path / "evil", EVIL)

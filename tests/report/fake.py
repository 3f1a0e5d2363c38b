"""A run that was never trained: the paper's points as cells, with random images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rdcbench.jobs import Job, Plan, point_name
from rdcbench.recipe import PartSpec, Recipe
from rdcbench.results import Cell, CellValue, FieldInfo, Row, make_row
from rdcbench.store import Store

HALF = {
    "mse": 0.0004, "ce": 0.012, "accuracy": 0.005, "perception": 3.0, "perception_own": 0.08, "rate_model": 0.006,
    "accuracy_judge": 0.005, "psnr": 0.04, "ssim": 0.003, "sliced_w2": 0.004, "ce_judge": 0.02,
}  # fmt: skip
FIELDS = {
    "rate_bound": FieldInfo(unit="bit/image", direction="lower"),
    "rate_model": FieldInfo(unit="bit/image", direction="lower"),
    "rate_coded": FieldInfo(unit="bit/image", direction="lower"),
    "mse": FieldInfo(unit="1/pixel", direction="lower"),
    "psnr": FieldInfo(unit="dB", direction="higher"),
    "ssim": FieldInfo(unit="", direction="higher"),
    "ce": FieldInfo(unit="nat", direction="lower"),
    "accuracy": FieldInfo(unit="", direction="higher"),
    "ce_judge": FieldInfo(unit="nat", direction="lower"),
    "accuracy_judge": FieldInfo(unit="", direction="higher"),
    "perception": FieldInfo(unit="", direction="lower"),
    "perception_own": FieldInfo(unit="", direction="lower"),
    "sliced_w2": FieldInfo(unit="", direction="lower"),
}
STUDY = {"protocol": "end-to-end", "sweep": {"classification": [0.0, 0.005, 0.015]}}


def make_recipe(studies: Mapping[str, Any], figures: Mapping[str, Any], name: str = "fake") -> Recipe:
    """A recipe with these tables."""
    return Recipe.model_validate(
        {
            "name": name,
            "dataset": {"name": "mnist"},
            "training": {"steps": 1, "batch": 1, "learning_rate": 0.1},
            "studies": studies,
            "figures": figures,
        }
    )


def make_cell(
    recipe: Recipe,
    study: str,
    tradeoff: Mapping[str, float],
    values: Mapping[str, float],
    seed: int = 0,
    fields: Mapping[str, FieldInfo] = FIELDS,
    references: Mapping[str, float] | None = None,
) -> Cell:
    """A finished cell; known fields get a plausible interval over images."""
    table = recipe.studies[study]
    name = f"{study}/{table.protocol.name}/{point_name(tradeoff)}/seed{seed}"
    job = Job(
        name=name, seed=seed, dataset=recipe.dataset, dimensions=table.dimensions, levels=table.levels,
        tradeoff=dict(tradeoff), parts={"decoder": PartSpec(name="mlp")},
    )  # fmt: skip
    real = references or {}
    numbers = {
        key: CellValue(
            value=value, image_lo=value - HALF.get(key, 0), image_hi=value + HALF.get(key, 0), reference=real.get(key)
        )
        for key, value in values.items()
    }
    return Cell(
        key=f"{abs(hash(name)):020x}"[:20], train_key="t", job=job, values=numbers,
        fields={key: fields[key] for key in values if key in fields}, costs={"train_seconds": 12.5}, data_digest="d",
    )  # fmt: skip


def rows_of(cells: Sequence[Cell], run: str = "fake") -> list[Row]:
    """Rows as a store would give them."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.job.row, []).append(cell)
    return [make_row(name, group, run) for name, group in groups.items()]


def simple_rows(values: Mapping[str, Mapping[str, float]], study: str = "rdc") -> list[Row]:
    """One row for each entry of point weight -> fields, in one classification study."""
    recipe = make_recipe({study: STUDY}, {})
    cells = [make_cell(recipe, study, {"classification": float(weight)}, found) for weight, found in values.items()]
    return rows_of(cells)


def sample_arrays(seed: int = 0, shape: tuple[int, ...] = (1, 28, 28), count: int = 40) -> dict[str, Any]:
    """Input images, always the same, and random reconstructions."""
    x = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    x_hat = np.random.default_rng(seed + 1).integers(0, 256, (count, *shape), dtype=np.uint8)
    return {"sample_x": x, "sample_x_hat": x_hat, "sample_index": np.arange(count)}


def make_store(root: Path, recipe: Recipe, cells: Sequence[Cell], arrays: Any = None, expected: str = "") -> Store:
    """A run folder with these cells; `arrays` maps a cell to its arrays (random images if None)."""
    store = Store(root)
    store.create(recipe, {"schema_version": 1}, expected)
    for index, cell in enumerate(cells):
        store.write_cell(cell, sample_arrays(index) if arrays is None else arrays(cell))
    keys = {cell.job.name: cell.key for cell in cells}
    store.write_plan(Plan(jobs=[cell.job for cell in cells], train_keys=keys, keys=keys, data_digest="d"))
    return store

"""Fields of a row that follow from what was measured, image by image, so that no run is needed for them. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rdcbench.results import Cell, CellValue, FieldInfo

GAP = "classification_gap"
JUDGE, OWN = "ce_judge", "ce"
NORMAL_95 = 1.959963984540054
SOURCE = "ce_judge - ce"

Arrays = Mapping[str, npt.NDArray[Any]]


def with_derived(cell: Cell, arrays: Callable[[tuple[str, ...]], Arrays]) -> Cell:
    """Add the classification gap: the held-out judge's cross-entropy minus that of the codec's own classifier, in nats.

    It says how much better the own classifier likes a row than the judge does. Its interval is that of the mean of the
    differences, image by image; where a cell kept none, that of two independent means, which is wider. A cell that
    lacks either field stays as it is. arrays: gives the per-image arrays of some fields.
    """
    if GAP in cell.values or not {JUDGE, OWN} <= set(cell.values):
        return cell
    judge, own = cell.values[JUDGE], cell.values[OWN]
    kept = arrays((JUDGE, OWN))
    half = _paired(kept[JUDGE], kept[OWN]) if {JUDGE, OWN} <= set(kept) else _independent(judge, own)
    value = judge.value - own.value
    unit = cell.fields[JUDGE].unit if JUDGE in cell.fields else "nat"
    info = FieldInfo(unit=unit, direction="none", version="1", source=SOURCE)
    gap = CellValue(value=value, image_lo=value - half, image_hi=value + half)
    return cell.model_copy(update={"values": {**cell.values, GAP: gap}, "fields": {**cell.fields, GAP: info}})


def _paired(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """Half-width of the interval of the mean difference of two arrays over the same images."""
    with np.errstate(invalid="ignore"):  # values that are not numbers give an interval that is none
        return NORMAL_95 * float(np.std(first.astype(np.float64) - second)) / math.sqrt(len(first))


def _independent(first: CellValue, second: CellValue) -> float:
    return math.hypot(*((value.image_hi - value.image_lo) / 2 for value in (first, second)))

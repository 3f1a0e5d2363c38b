"""What one evaluation found: numbers become values with intervals, or are refused."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rdcbench.errors import RdcbenchError
from rdcbench.records import Field, Measurement
from rdcbench.results import CellValue, FieldInfo
from rdcbench.stats import Counts, Interval, bootstrap_interval, count_matrix, jackknife_interval

DRAWS = 1000


@dataclass
class Evaluation:
    """What one evaluation found: values with intervals, what the fields mean, per-image arrays, and costs."""

    values: dict[str, CellValue] = field(default_factory=dict)
    fields: dict[str, FieldInfo] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        name: str,
        meaning: Field,
        measured: Measurement,
        source: str,
        version: str,
        real: Measurement | None = None,
    ) -> None:
        """Note one number with its interval; a name that is taken, or a value out of bounds, is an error.

        real: the same between two halves of the real test images.
        """
        if name in self.values:
            raise RdcbenchError(f"Two metrics bring the field {name!r}: {self.fields[name].source} and {source}.")
        if not np.isfinite(measured.value) and name != "rate_bound":
            raise RdcbenchError(f"{source} measured {name} = {measured.value}; a measurement must be finite.")
        if not meaning.lower - 1e-9 <= measured.value <= meaning.upper + 1e-9:
            raise RdcbenchError(
                f"{source} measured {name} = {measured.value}, outside its bounds [{meaning.lower}, {meaning.upper}]."
            )
        interval = interval_of(measured)
        self.values[name] = CellValue(
            value=min(max(interval.value, meaning.lower), meaning.upper),
            image_lo=interval.lo,
            image_hi=interval.hi,
            reference=math.sqrt(max(0.0, measured.reference))
            if measured.root and measured.reference
            else measured.reference,
            real_pair=_real_interval(real),
        )
        self.fields[name] = FieldInfo(
            unit=meaning.unit,
            direction=meaning.direction,
            lower=meaning.lower,
            upper=meaning.upper,
            version=version,
            source=source,
        )
        if measured.per_image is not None:
            self.arrays[name] = np.asarray(measured.per_image, dtype=np.float32)
        if measured.leave_out is not None:
            self.arrays[f"{name}_leave_out"] = measured.leave_out


def interval_of(measured: Measurement) -> Interval:
    """95 % interval over images: bootstrap with shared counts for means, block jackknife for distances.

    The jackknife's value is corrected for the bias of the plug-in distance, so that real against real is near 0.
    """
    if measured.per_image is not None:
        return bootstrap_interval(measured.per_image, _shared_counts(len(measured.per_image)))
    if measured.leave_out is None:
        return Interval(measured.value, measured.value, measured.value)
    interval = jackknife_interval(measured.leave_out, measured.value)
    if not measured.root:
        return interval
    value, low, high = (math.sqrt(max(0.0, end)) for end in (interval.value, interval.lo, interval.hi))
    return Interval(value, low, high)


def _real_interval(real: Measurement | None) -> tuple[float, float, float] | None:
    """(value, low, high) of what was measured between real images, None where nothing says how sure it is."""
    if real is None or (real.per_image is None and real.leave_out is None):
        return None
    interval = interval_of(real)
    return interval.value, interval.lo, interval.hi


@cache
def _shared_counts(images: int) -> Counts:
    return count_matrix(images, DRAWS, seed=0)

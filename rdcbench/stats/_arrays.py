"""Arrays as the statistics take them: finite, of the right shape, or a sentence that says what is wrong."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]


def finite(values: ArrayLike, name: str, ndim: int) -> FloatArray:
    """Return values as a float64 array of ndim axes; ValueError if it is empty, of another shape, or not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim:
        raise ValueError(f"{name} has shape {array.shape}; an array of {ndim} axes is needed")
    if array.size == 0:
        raise ValueError(f"{name} is empty; at least one value is needed")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        places = ", ".join(str(tuple(int(axis) for axis in place)) for place in bad[:3])
        raise ValueError(f"{name} holds {len(bad)} of {array.size} values that are not finite, first at {places}")
    return array


def same_length(arrays: Sequence[FloatArray], names: Sequence[str]) -> None:
    """Raise ValueError unless all arrays are equally long on their last axis."""
    lengths = [array.shape[-1] for array in arrays]
    if len(set(lengths)) > 1:
        told = ", ".join(f"{name} {length}" for name, length in zip(names, lengths, strict=True))
        raise ValueError(f"lengths differ ({told}); each row needs one value in every array")


def checked_level(level: float) -> float:
    """Return the confidence level; ValueError outside (0, 1)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"confidence level {level} is not between 0 and 1; use .95 for a 95 % interval")
    return level

"""Sample images of a cell, as far as they are images: arrays come from files, and files from strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]


def sample_images(arrays: Mapping[str, npt.NDArray[Any]], most: int) -> tuple[Images, Images] | None:
    """The first original and decoded images, each [n, channels, height, width] of bytes; None where a cell has none."""
    if "sample_x" not in arrays or "sample_x_hat" not in arrays:
        return None
    pair = arrays["sample_x"], arrays["sample_x_hat"]
    if any(images.ndim != 4 or 0 in images.shape or images.dtype != np.uint8 for images in pair):
        return None
    return pair[0][:most], pair[1][:most]

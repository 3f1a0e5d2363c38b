"""The 8x8 handwritten digits that ship inside scikit-learn: real images, nothing to download."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from rdcbench import DataError, Dataset, Split, seed_of, unknown
from rdcbench_mnist.data.options import count_option

if TYPE_CHECKING:
    from rdcbench import SplitName

_COUNT, _TEST = 1797, 400
_LEVELS = 16
_MD5 = "7696c07daa6d85010f8268703ab8b067"
"""Of the 1797 x 64 pixels (0..16) and then the labels, as bytes, in scikit-learn's order."""


class Digits8x8(Dataset):
    """Handwritten digits, 8x8 grey, shipped with scikit-learn: 1,200 train, 197 validation, 400 test; digit and parity.

    The 1,797 images of scikit-learn's `load_digits` are dealt out by a fixed shuffle; their values 0..16 are stretched
    to 0..255.
    """

    name = "digits8x8"

    def __init__(self, *, validation: int = 197) -> None:
        """Choose how many of the 1,397 images outside the test split are held out for validation."""
        self.validation = count_option("validation", validation, _COUNT - _TEST - 1)
        self.image_shape = (1, 8, 8)
        self.classes = {"digit": 10, "parity": 2}

    def files(self) -> Mapping[str, str]:
        """No raw files."""
        return {}

    def fetch(self, folder: Path, offline: bool) -> str:  # noqa: ARG002
        """Nothing to do."""
        return "shipped with scikit-learn"

    def digest(self) -> str:
        """Digest of pixels and labels; `load` holds scikit-learn's against it."""
        return f"{self.name}:{_MD5}"

    def load(self, folder: Path, split: SplitName) -> Split:  # noqa: ARG002
        """Read one split, images [n, 1, 8, 8]; DataError if scikit-learn ships other images."""
        start, stop = self._range(split)
        pixels, digits = _embedded()
        shuffled = sorted(range(_COUNT), key=lambda image: seed_of("digits8x8", "split", image))
        chosen = shuffled[start:stop]
        scaled = (pixels[chosen].astype(np.int64) * 255 + _LEVELS // 2) // _LEVELS
        digit = torch.from_numpy(digits[chosen].astype(np.int64))
        return Split(split, torch.from_numpy(scaled.astype(np.uint8)[:, None]), {"digit": digit, "parity": digit % 2})

    def _range(self, split: str) -> tuple[int, int]:
        """First and last-but-one place of a split in the shuffled order; test first, so that it never changes."""
        held = _COUNT - self.validation
        ranges = {"test": (0, _TEST), "train": (_TEST, held), "validation": (held, _COUNT)}
        if split not in ranges:
            raise DataError(unknown("split", split, ranges))
        return ranges[split]


def _embedded() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Pixels [1797, 8, 8] with values 0..16, and digits [1797]."""
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    pixels, digits = pixels.astype(np.uint8).reshape(-1, 8, 8), digits.astype(np.uint8)
    found = hashlib.md5(pixels.tobytes() + digits.tobytes(), usedforsecurity=False).hexdigest()
    if found != _MD5:
        raise DataError(f"The digits in this scikit-learn have MD5 {found} instead of {_MD5}. Install another version.")
    return pixels, digits

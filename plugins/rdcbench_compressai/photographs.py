"""Crops of the photographs that ship with scikit-learn and scikit-image: RGB, nothing to download."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from PIL import Image

from rdcbench import DataError, Dataset, PartError, Split, unknown

if TYPE_CHECKING:
    from rdcbench import SplitName

PHOTOGRAPHS: Final[Mapping[str, tuple[str, ...]]] = {
    "train": (
        "sklearn/datasets/images/china.jpg", "skimage/data/astronaut.png", "skimage/data/motorcycle_left.png",
        "skimage/data/retina.jpg", "skimage/data/hubble_deep_field.jpg", "skimage/data/ihc.png",
    ),
    "validation": ("skimage/data/rocket.jpg",),
    "test": ("sklearn/datasets/images/flower.jpg", "skimage/data/chelsea.png", "skimage/data/coffee.png"),
}  # fmt: skip
"""Split -> files in the packages. No photograph is in two splits; the second picture of a stereo pair is in none."""
LARGEST: Final = 300
"""Lines of the smallest photograph."""
MOST: Final = 10**7
"""More crops than any photograph has."""


@final
class Photographs(Dataset):
    """Square crops of ten photographs that ship with scikit-learn and scikit-image; whole photographs are held out.

    Crops of the test and validation photographs lie side by side, those of the others overlap, and the large ones of
    these do not outweigh the small ones. The label is the photograph. Needs scikit-image (`pip install
    rdcbench[photographs]`).
    """

    name = "photographs"

    def __init__(self, *, size: int = 128, step: int = 32, most: int = 225) -> None:
        """Set the crops.

        Parameters
        ----------
        size: side of a crop, 8 to 300 pixels.
        step: pixels between neighbouring crops that are trained on.
        most: crops of one photograph that are trained on; of more, so many are taken, evenly spaced.
        """
        ranges = (("size", size, 8, LARGEST), ("step", step, 1, LARGEST), ("most", most, 1, MOST))
        for option, value, first, last in ranges:
            if isinstance(value, bool) or not isinstance(value, int) or not first <= value <= last:
                raise PartError(f"The option {option} = {value!r} must be a whole number from {first} to {last}.")
        self.size, self.step, self.most = size, step, most
        self.image_shape = (3, size, size)
        self.classes = {"photograph": max(map(len, PHOTOGRAPHS.values()))}

    def files(self) -> Mapping[str, str]:
        """No raw files in the data folder."""
        return {}

    def fetch(self, folder: Path, offline: bool) -> str:  # noqa: ARG002
        """Nothing to do; DataError if a package or a photograph is missing."""
        for files in PHOTOGRAPHS.values():
            for file in files:
                _path(file)
        return "shipped with scikit-learn and scikit-image"

    def digest(self) -> str:
        """Digest of sizes and files."""
        digest = hashlib.md5(repr((self.size, self.step, self.most)).encode(), usedforsecurity=False)
        for split, files in PHOTOGRAPHS.items():
            for file in files:
                digest.update(f"{split} {file}".encode() + _path(file).read_bytes())
        return f"{self.name}:{digest.hexdigest()}"

    def load(self, folder: Path, split: SplitName) -> Split:  # noqa: ARG002
        """Read one split, images [n, 3, size, size]."""
        if split not in PHOTOGRAPHS:
            raise DataError(unknown("split", split, PHOTOGRAPHS))
        step, most = (self.step, self.most) if split == "train" else (self.size, MOST)
        images, labels = [], []
        for label, file in enumerate(PHOTOGRAPHS[split]):
            crops = list(_crops(_path(file), self.size, step))
            taken = min(len(crops), most)
            images += [crops[place * len(crops) // taken] for place in range(taken)]
            labels += [label] * taken
        return Split(split, torch.from_numpy(np.stack(images)), {"photograph": torch.tensor(labels)})


def _path(file: str) -> Path:
    """Where a file of a package is, found without importing the package."""
    package, _, inside = file.partition("/")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise DataError("The photographs ship with scikit-image, which is not installed: pip install scikit-image.")
    path = Path(found.origin).parent / inside
    if not path.is_file():
        raise DataError(f"This version of {package} ships no {inside}; install another, such as scikit-image 0.26.")
    return path


def _crops(path: Path, size: int, step: int) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Squares of a photograph from its upper left corner on, [3, size, size] each."""
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB")).transpose(2, 0, 1)
    for top in range(0, pixels.shape[1] - size + 1, step):
        for left in range(0, pixels.shape[2] - size + 1, step):
            yield np.ascontiguousarray(pixels[:, top : top + size, left : left + size])


DATASETS: Final[tuple[type[Dataset], ...]] = (Photographs,)

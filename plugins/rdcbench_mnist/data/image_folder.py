"""A folder of the user's own images as a data set: found, split, labelled and brought to one shape."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from rdcbench import DataError, Dataset, PartError, Split, datafiles, seed_of, unknown
from rdcbench_mnist.data.options import flag_option, share_option

if TYPE_CHECKING:
    from rdcbench import SplitName

SPLITS = ("train", "validation", "test")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_EIGHT_BITS = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
_LARGEST_SIDE = 4096
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for files that are damaged, of another kind, or too large to be honest."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One image file: path, name relative to the folder (with slashes), split, and its sub-folder's name or ""."""

    path: Path
    name: str
    split: str
    label: str


class ImageFolder(Dataset):
    """A folder of your own images: split by sub-folders train, validation and test, or by a hash of the file names.

    With sub-folders of images (FOLDER/cats/a.png, or FOLDER/train/cats/a.png) their names are the label "class";
    without, all images are of one class. Images are ordered by name; adding one moves no other to another split.
    """

    name = "image-folder"

    def __init__(
        self,
        path: str,
        *,
        size: int | Sequence[int] = 32,
        greyscale: bool = False,
        crop: bool = True,
        labels: bool = True,
        validation: float = 0.1,
        test: float = 0.2,
    ) -> None:
        """Find the images.

        Parameters
        ----------
        path: the folder.
        size: side, or [height, width], that all images are brought to.
        greyscale: one channel instead of three.
        crop: cut an image of another aspect ratio about its centre; otherwise it is stretched.
        labels: take the names of sub-folders as labels.
        validation, test: shares of the images that are held out, where there are no sub-folders for it.

        Raises
        ------
        DataError: there is no such folder, or no images where they must be. PartError: an option cannot be so.
        """
        self.folder = Path(path).expanduser()
        self.height, self.width = _size_option(size)
        self.greyscale, self.crop = flag_option("greyscale", greyscale), flag_option("crop", crop)
        self.image_shape = (1 if self.greyscale else 3, self.height, self.width)
        shares = share_option("validation", validation), share_option("test", test)
        self.pictures = _find(self.folder, shares, flag_option("labels", labels))
        self.labels = sorted({picture.label for picture in self.pictures})
        self.classes = {"class": len(self.labels)}

    def files(self) -> Mapping[str, str]:
        """No raw files in the data folder: the images stay where they are."""
        return {}

    def fetch(self, folder: Path, offline: bool) -> str:  # noqa: ARG002
        """Nothing to do."""
        return f"your own folder {self.folder}"

    def digest(self) -> str:
        """Digest of names, contents and shape: equal for a copy of the folder elsewhere."""
        digest = hashlib.md5(usedforsecurity=False)
        digest.update(repr((self.image_shape, self.crop)).encode())
        for picture in self.pictures:
            digest.update(f"\n{picture.name} {picture.split} {datafiles.md5_of(picture.path)}".encode())
        return f"{self.name}:{digest.hexdigest()}"

    def load(self, folder: Path, split: SplitName) -> Split:  # noqa: ARG002
        """Read one split, images [n, *image_shape]; DataError names an image that cannot be read."""
        if split not in SPLITS:
            raise DataError(unknown("split", split, SPLITS))
        chosen = [picture for picture in self.pictures if picture.split == split]
        images = np.empty((len(chosen), *self.image_shape), dtype=np.uint8)
        for row, picture in zip(images, chosen, strict=True):
            row[:] = self._pixels(picture.path)
        labels = torch.tensor([self.labels.index(picture.label) for picture in chosen], dtype=torch.int64)
        return Split(split, torch.from_numpy(images), {"class": labels})

    def _pixels(self, path: Path) -> npt.NDArray[np.uint8]:
        """Pixels of one image, [*image_shape]; transparency is left out, a camera's orientation is followed."""
        size = (self.width, self.height)
        try:
            with Image.open(io.BytesIO(path.read_bytes())) as opened:  # of a file, room is made for what a chunk says
                if opened.mode not in _EIGHT_BITS:
                    raise DataError(f"{path} has samples of mode {opened.mode}. Convert it to 8 bits a channel.")
                image = ImageOps.exif_transpose(opened).convert("L" if self.greyscale else "RGB")
                resample = Image.Resampling.LANCZOS
                fitted = ImageOps.fit(image, size, resample) if self.crop else image.resize(size, resample)
        except _UNREADABLE as error:
            raise DataError(f"{path} cannot be read as an image: {error}. Repair it or take it away.") from error
        return np.asarray(fitted, dtype=np.uint8).reshape(self.height, self.width, -1).transpose(2, 0, 1)


def _size_option(size: object) -> tuple[int, int]:
    """Take a side or [height, width], or raise PartError."""
    sides = list(size) if isinstance(size, list | tuple) else [size, size]
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
    good = [side for side in whole if 0 < side <= _LARGEST_SIDE]
    if len(sides) != 2 or len(good) != 2:
        raise PartError(f"The option size = {size!r} must be a side or [height, width], from 1 to {_LARGEST_SIDE}.")
    return good[0], good[1]


def _find(folder: Path, shares: tuple[float, float], labels: bool) -> list[Picture]:
    """Find, split and label all images of a folder, ordered by name; DataError says what is not as it must be."""
    if sum(shares) >= 1:
        raise PartError(f"validation = {shares[0]} and test = {shares[1]} leave nothing to train on; lower them.")
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} (option path). Give the path of a folder of images.")
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if _is_image(path, folder)}
    if not paths:
        raise DataError(f"The folder {folder} holds no images; known endings are {', '.join(SUFFIXES)}.")
    sorted_out = _split_by_folders(folder)
    pictures = [_picture(path, name, sorted_out, shares) for name, path in sorted(paths.items())]
    counts = {split: sum(picture.split == split for picture in pictures) for split in SPLITS}
    if not counts["train"] or not counts["test"]:
        raise DataError(
            f"Of the {len(pictures)} images in {folder}, {counts['train']} would train and {counts['test']} test. Add "
            "images, or sort them into sub-folders train and test."
        )
    return _labelled(pictures, folder) if labels else [Picture(p.path, p.name, p.split, "") for p in pictures]


def _is_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def _split_by_folders(folder: Path) -> frozenset[str]:
    """The sub-folders that are splits: none, or at least train and test."""
    found = frozenset(split for split in SPLITS if (folder / split).is_dir())
    if found and not {"train", "test"} <= found:
        lacking = sorted({"train", "test"} - found)
        raise DataError(f"{folder} has a sub-folder {min(found)!r}; it needs {' and '.join(map(repr, lacking))} too.")
    return found


def _picture(path: Path, name: str, sorted_out: frozenset[str], shares: tuple[float, float]) -> Picture:
    """Tell an image's split and the sub-folder it lies in."""
    first, _, rest = name.partition("/")
    if sorted_out and (first not in sorted_out or not rest):
        raise DataError(f"{path} lies outside the sub-folders {', '.join(sorted(sorted_out))}. Move it into one.")
    inside = rest if sorted_out else name
    label = inside.rpartition("/")[0].partition("/")[0]
    if not sorted_out:
        return Picture(path, name, _hashed(inside, *shares), label)
    held_out = first == "train" and "validation" not in sorted_out and _hashed(inside, shares[0], 0) == "validation"
    return Picture(path, name, "validation" if held_out else first, label)


def _hashed(name: str, validation: float, test: float) -> str:
    """Split of an image by its name alone: the shares hold in the mean, and no image depends on another."""
    place = seed_of("image-folder", name) / 2.0**63
    return "test" if place < test else "validation" if place < test + validation else "train"


def _labelled(pictures: Sequence[Picture], folder: Path) -> list[Picture]:
    """Make sure that either all images lie in sub-folders or none does."""
    bare = _first(picture.name for picture in pictures if not picture.label)
    deep = _first(picture.name for picture in pictures if picture.label)
    if bare and deep:
        raise DataError(
            f"In {folder}, {deep} lies in a sub-folder, which is its label, and {bare} does not. Sort all images into "
            "sub-folders, or set the option labels = false."
        )
    return list(pictures)


def _first(names: Iterable[str]) -> str:
    return next(iter(names), "")

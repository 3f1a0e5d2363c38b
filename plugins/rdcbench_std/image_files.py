"""JPEG, WebP and PNG as whole codecs, through Pillow: one file an image, every byte of it counted."""

from __future__ import annotations

import io
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rdcbench import Context, Packet, PartError, Split, StreamError, WholeCodec

QUALITY: Final = "quality"
_SCAN: Final = b"\xff\xda"
"""The marker of JPEG behind which an image's own bits begin."""


class ImageFile(WholeCodec):
    """A file format of Pillow.

    An image of other than 1 or 3 channels is stored as one grey image, its channels below each other.
    """

    format: ClassVar[str]

    settings: Tensor
    """What the receiver must know, and a stream's fingerprint covers: the format's numbers."""

    def __init__(self, image_shape: Sequence[int], settings: Sequence[float] = ()) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.register_buffer("settings", torch.tensor([float(number) for number in settings] or [0.0]))

    @abstractmethod
    def options(self) -> Mapping[str, Any]:
        """What Pillow's `save` is given."""

    @property
    def rate_bound(self) -> float:
        """No bound: a file is as long as it is."""
        return math.inf

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Nothing to fit."""

    def compress(self, x: Tensor, context: Context) -> Packet:  # noqa: ARG002
        """One file an image; it costs 8 bits a byte, as no model says less."""
        pixels = (x.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        payloads = tuple(self._write(Image.fromarray(self._stacked(image))) for image in pixels)
        return Packet(payloads, torch.tensor([8.0 * len(payload) for payload in payloads], dtype=torch.float64))

    def decompress(self, payloads: Sequence[bytes], context: Context) -> Tensor:
        """Images [n, *image_shape]; StreamError for what is no file of this format and shape."""
        if len(payloads) != len(context.index):
            raise StreamError(f"{len(context.index)} images were asked for; the stream has {len(payloads)} files.")
        images = np.stack([self._unstacked(self._read(payload)) for payload in payloads])
        return torch.from_numpy(images).float().div_(255).to(context.index.device)

    def _write(self, image: Image.Image) -> bytes:
        file = io.BytesIO()
        image.save(file, self.format, **self.options())
        return file.getvalue()

    def _read(self, payload: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
        mode = "RGB" if self.image_shape[0] == 3 else "L"
        try:
            with Image.open(io.BytesIO(payload), formats=[self.format]) as image:
                return np.asarray(image.convert(mode))
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise StreamError(f"A payload of {len(payload)} bytes is no {self.format} image: {error}.") from error

    def _stacked(self, image: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """[channels, height, width] -> [height, width, 3], or [channels * height, width]."""
        if len(image) == 3:
            return np.ascontiguousarray(image.transpose(1, 2, 0))
        return np.ascontiguousarray(image.reshape(-1, image.shape[-1]))

    def _unstacked(self, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Undo `_stacked`."""
        image = pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels
        if image.size != math.prod(self.image_shape):
            raise StreamError(f"A {self.format} image of {image.size} samples came; {self.image_shape} was expected.")
        return image.reshape(self.image_shape)


def quality_of(codec: str, quality: int, tradeoff: Mapping[str, float]) -> int:
    """The quality of an operating point, or the option's where it has none; PartError outside 1..100."""
    asked = tradeoff.get(QUALITY, quality)
    if isinstance(asked, bool) or asked != int(asked) or not 1 <= asked <= 100:
        raise PartError(f"{codec} was asked for with quality = {asked:g}; it must be a whole number from 1 to 100.")
    return int(asked)


@final
class Jpeg(ImageFile):
    """JPEG (ITU-T T.81) through Pillow, colours at half resolution, standard Huffman tables.

    Parameters
    ----------
    image_shape, tradeoff: given; an operating point may set `quality`.
    quality: 1 to 100.
    header: code whole files. Without, the bytes before an image's own bits (quantisation and Huffman tables, size),
        which are equal for all images of a codec, stay with the receiver and are not counted.
    """

    name = "jpeg"
    format = "JPEG"

    def __init__(
        self, image_shape: Sequence[int], tradeoff: Mapping[str, float], quality: int = 75, header: bool = True
    ) -> None:
        self.quality, self.header = quality_of("jpeg", quality, tradeoff), header
        super().__init__(image_shape, [self.quality, header])

    def options(self) -> Mapping[str, Any]:
        """Baseline, tables that do not depend on the image."""
        return {QUALITY: self.quality, "optimize": False}

    def head(self) -> bytes:
        """What every file of this codec begins with: 623 bytes in colour."""
        blank = np.zeros(self.image_shape, dtype=np.uint8)
        file = super()._write(Image.fromarray(self._stacked(blank)))
        return file[: file.index(_SCAN)]

    def _write(self, image: Image.Image) -> bytes:
        file = super()._write(image)
        return file if self.header else file.removeprefix(self.head())

    def _read(self, payload: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return super()._read(payload if self.header else self.head() + payload)


@final
class WebP(ImageFile):
    """WebP through Pillow, slowest and best method.

    Parameters
    ----------
    image_shape, tradeoff: given; an operating point may set `quality`.
    quality: 1 to 100.
    lossless: keep every pixel; `quality` is then effort.
    """

    name = "webp"
    format = "WEBP"

    def __init__(
        self, image_shape: Sequence[int], tradeoff: Mapping[str, float], quality: int = 75, lossless: bool = False
    ) -> None:
        self.quality, self.lossless = quality_of("webp", quality, tradeoff), lossless
        super().__init__(image_shape, [self.quality, lossless])

    def options(self) -> Mapping[str, Any]:
        """All of method 6."""
        return {QUALITY: self.quality, "lossless": self.lossless, "method": 6}


@final
class Png(ImageFile):
    """PNG through Pillow: lossless, filters and deflate at their best.

    Parameters
    ----------
    image_shape: given.
    """

    name = "png"
    format = "PNG"

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__(image_shape)

    def options(self) -> Mapping[str, Any]:
        """Search for the best deflate."""
        return {"optimize": True}


CODECS: Final[tuple[type[WholeCodec], ...]] = (Jpeg, WebP, Png)

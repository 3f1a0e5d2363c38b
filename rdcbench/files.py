"""Images in and out of files, and trained codecs on them: PNG, folders of PNG, .npy and idx arrays."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rdcbench import idx
from rdcbench.api import open_job
from rdcbench.bitstream import Stream, pack, unpack
from rdcbench.codec import sender_fingerprint
from rdcbench.errors import RdcbenchError, StreamError
from rdcbench.sealed import atomic_write

if TYPE_CHECKING:
    from rdcbench.interfaces import WholeCodec
    from rdcbench.records import Context

Images = npt.NDArray[np.uint8]
MOST_IMAGES_A_BYTE = 1000
"""More images than this for each payload byte are not believed: .008 bit an image."""
INPUT = "input"
"""Name of the split that a user's own images form."""


def compress(
    job: str, source: Path, target: Path, data_dir: Path | None = None, plugin_files: Sequence[Path] = ()
) -> tuple[int, int]:
    """Compress images of `source` into the stream `target` and give (images, bytes)."""
    import torch

    built = open_job(job, data_dir, plugin_files=plugin_files)
    images = read_images(source, built.image_shape)
    x = torch.tensor(images).float() / 255
    packet = built.codec.compress(x, _context(built.codec, INPUT, len(images), built.job.tradeoff))
    data = pack(Stream(sender_fingerprint(built.codec), INPUT, len(images), packet.payloads))
    atomic_write(target, lambda file: file.write(data))
    return len(images), len(data)


def decompress(
    job: str, source: Path, target: Path, data_dir: Path | None = None, plugin_files: Sequence[Path] = ()
) -> int:
    """Decompress the stream `source` into `target` and give the number of images."""
    built = open_job(job, data_dir, plugin_files=plugin_files)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise StreamError(f"{source} cannot be read: {error.strerror}.") from error
    stream = unpack(data, sender_fingerprint(built.codec))
    _check_count(stream, source)
    context = _context(built.codec, stream.split, stream.count, built.job.tradeoff)
    x_hat = built.codec.decompress(stream.payloads, context)
    write_images(target, (x_hat.clamp(0, 1) * 255).round().byte().cpu().numpy())
    return stream.count


def _check_count(stream: Stream, source: Path) -> None:
    """Refuse an announced number of images that the payload cannot hold, before memory is asked for them."""
    size = sum(map(len, stream.payloads))
    if stream.count > MOST_IMAGES_A_BYTE * (size + 1):
        raise StreamError(f"{source} announces {stream.count} images in {size} bytes; no codec here codes so few bits.")


def _context(codec: WholeCodec, split: str, count: int, tradeoff: Mapping[str, float]) -> Context:
    import torch

    from rdcbench.records import Context

    return Context(codec.seed, split, torch.arange(count), tradeoff=tradeoff)


# --------------------------------------------------------------------------------------------------------------- images


def read_images(source: Path, image_shape: Sequence[int]) -> Images:
    """Read images as bytes, [n, *image_shape]; RdcbenchError if they have another shape or kind."""
    if not source.exists():
        raise RdcbenchError(f"There is no file or folder {source}; give a PNG, a folder of PNGs, .npy or idx.")
    if source.is_dir():
        paths = sorted(source.glob("*.png"))
        if not paths:
            raise RdcbenchError(f"The folder {source} holds no PNG files.")
        return np.stack([_read_png(path, image_shape) for path in paths])
    if source.suffix.lower() == ".png":
        return _read_png(source, image_shape)[None]
    array = _read_npy(source) if source.suffix == ".npy" else idx.read(source, 3)
    return _shaped(array, tuple(image_shape), source)


def _read_npy(path: Path) -> npt.NDArray[Any]:
    try:
        array = np.lib.format.open_memmap(path, mode="r")  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever a hostile header makes numpy raise, this is no array
        raise RdcbenchError(f"{path} is not a .npy array that can be read: {str(error).rstrip('.')}.") from error
    if array.dtype != np.uint8:
        raise RdcbenchError(f"{path} holds {array.dtype}; images must be uint8, 0..255.")
    return np.asarray(array)


def _shaped(array: npt.NDArray[Any], image_shape: tuple[int, ...], source: Path) -> Images:
    """Bring [n, h, w], [n, c, h, w] or one image to [n, *image_shape]."""
    plain = image_shape[1:] if image_shape[0] == 1 else image_shape
    for shape in (image_shape, plain):
        if array.shape == shape:
            return array.reshape(1, *image_shape)
        if array.ndim == len(shape) + 1 and array.shape[1:] == shape:
            if not len(array):
                raise RdcbenchError(f"{source} holds no image.")
            return array.reshape(-1, *image_shape)
    raise RdcbenchError(
        f"{source} has shape {array.shape}; this codec takes images of shape [n, {', '.join(map(str, image_shape))}]."
    )


def _read_png(path: Path, image_shape: Sequence[int]) -> Images:
    """Read one PNG as [channels, height, width]."""
    from PIL import Image

    channels, height, width = image_shape
    try:
        # From memory: of a file, Pillow asks for as many bytes as a chunk says it has, and room is made for them first.
        with Image.open(io.BytesIO(path.read_bytes()), formats=["PNG"]) as image:
            if image.size != (width, height):
                raise RdcbenchError(f"{path} is {image.size[0]}x{image.size[1]}; this codec takes {width}x{height}.")
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for damage, the second one within a file
        raise RdcbenchError(f"{path} is not a PNG file that can be read: {error}.") from error
    return pixels[None] if channels == 1 else np.moveaxis(pixels, 2, 0)


def write_images(target: Path, images: Images) -> None:
    """Write [n, channels, height, width]: a .npy or idx file, a PNG for one image, or a folder of PNG files."""
    if target.suffix == ".npy":
        atomic_write(target, lambda file: np.save(file, images))
    elif target.suffix == ".png":
        if len(images) != 1:
            raise RdcbenchError(f"{target} can hold one image; the stream has {len(images)}. Give a folder or .npy.")
        _write_png(target, images[0])
    elif "idx" in target.name:
        if images.shape[1] != 1:
            raise RdcbenchError(f"{target}: an idx file holds images of one channel, not {images.shape[1]}; use .npy.")
        atomic_write(target, lambda file: file.write(idx.pack(images[:, 0])))
    else:
        for number, image in enumerate(images):
            _write_png(target / f"{number:06d}.png", image)


def _write_png(path: Path, image: Images) -> None:
    from PIL import Image

    pixels = image[0] if image.shape[0] == 1 else np.moveaxis(image, 0, 2)
    atomic_write(path, lambda file: Image.fromarray(pixels).save(file, format="PNG"))

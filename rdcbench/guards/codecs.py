"""Guards on a codec, while it is trained and in each row: its mode, its tables, its receiver and its bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from rdcbench.codec import Codec
from rdcbench.errors import GuardError
from rdcbench.interfaces import WholeCodec
from rdcbench.records import Context, Decoded, Split

PROBE = 8
"""Images that are coded or measured once more."""
NAMED = 64
"""Images that are coded once more under the names of others."""
SAMPLE = 500
"""Training images whose price is asked for under another dither."""
RETURNED = 1000
"""Decoded images that are looked for among the test images."""
STRAY = 1
"""So many of the probe may differ: with another batch size rounding moves a symbol across an edge once in a million."""
CLOSE = 1e-3
"""Pixel values, or shares of a measurement, that may differ by rounding."""
TABLE_PRECISION = 0.01
"""Share by which a stream may undercut its model: what integer tables and fillers round."""
COPIES = 0.05
"""Share of decoded images that may be test images by chance, as blank ones."""


@torch.no_grad()
def check_tables(codec: Codec, train: Split) -> None:
    """Refuse an entropy model that prices symbols alike whatever the dither is, though their law depends on it."""
    points = codec.quantizer.dither_points
    if points == 1:
        return
    index = torch.arange(min(SAMPLE, len(train)))
    latents = codec.latents(train, index)
    dither = codec.quantizer.dither(codec.context(index, train.name))
    other = (dither + points // 2) % points
    symbols, moved = codec.quantizer.quantize(latents, dither), codec.quantizer.quantize(latents, other)
    if torch.equal(symbols, moved):
        return  # nothing to know: the dither changes no symbol of this codec
    if torch.equal(codec.entropy_model.bits(symbols, dither), codec.entropy_model.bits(symbols, other)):
        raise GuardError(
            f"The entropy model {codec.entropy_model.name!r} ignores the dither: it prices the same symbols alike "
            "under two dithers, and what is sent costs H(Z|U). Condition its tables on the dither that it is given."
        )


def check_mode(codec: WholeCodec) -> None:
    """Refuse a codec with a part in training mode: batch statistics of the test split would enter its numbers."""
    for name, module in codec.named_modules():
        if module.training:
            raise GuardError(
                f"The codec's part {name or type(codec).__name__!r} ({type(module).__name__}) is in training mode "
                "on the test split; let `train(False)` and `eval()` do what they do for every module."
            )


@torch.no_grad()
def check_receiver(codec: WholeCodec, x: Tensor, context: Context, x_hat: Tensor) -> None:
    """Refuse a decoder that knows more than the bytes and the key of the shared randomness.

    x, x_hat: all images of `context` before and after the stream, [n, *image_shape]. Some are coded again: alone (the
    result for an image must not depend on its neighbours), decoded after other images were coded (what passes by the
    bytes is then gone), and under the names of other images (a receiver that looks images up by name is then lost).
    """
    pairs = torch.arange(min(PROBE, len(x))).split(2)
    alone = torch.cat([_again(codec, x[pair], _of(context, context.index[pair])) for pair in pairs])
    if _apart(alone, x_hat[:PROBE]) > STRAY:
        raise GuardError(
            f"The first {len(alone)} images come back otherwise when they are coded without the rest of the split: the "
            "result for an image depends on its neighbours, as batch statistics of the test split would make it."
        )
    some, near = x[:PROBE], _of(context, context.index[:PROBE])
    payloads = codec.compress(some, near).payloads
    before = codec.decompress(payloads, near)
    codec.compress(1 - some, near)
    if _apart(codec.decompress(payloads, near), before) > 0:
        raise GuardError(
            "The same bytes decode to other images after other images were coded: something passes from sender to "
            "receiver beside the stream, such as an unquantised latent or a reconstruction made before the bytes."
        )
    count = min(NAMED, len(x) // 2)
    far = _of(context, context.index.roll(len(x) // 2)[:count])
    own, other = (_squared_error(x[:count], images) for images in (x_hat[:count], _again(codec, x[:count], far)))
    excess = other - own
    noise = 6 * float(excess.std()) / math.sqrt(count) if count > 1 else math.inf
    if float(excess.mean()) > max(float(own.mean()), noise, CLOSE**2):
        raise GuardError(
            f"{count} images coded under the names of others have an error of {other.mean():.4g} instead of "
            f"{own.mean():.4g}: the receiver knows the images of the {context.split} split by their index."
        )


def check_copies(decoded: Decoded, coded: float, train: Callable[[], Split]) -> None:
    """Refuse a receiver that returns test images, pixel by pixel, at a rate that can name them but not describe them.

    coded: bits an image of the stream. Images that the training split has too are nobody's secret.
    """
    if coded > 2 * math.log2(max(2, len(decoded))):
        return
    test = set(_as_bytes(decoded.x))
    returned = _as_bytes(decoded.x_hat[:RETURNED])
    copies = [image for image in returned if image in test]
    if len(copies) <= COPIES * len(returned):
        return
    known = {image.numpy().tobytes() for image in train().images}
    stolen = sum(image not in known for image in copies)
    if stolen > COPIES * len(returned):
        raise GuardError(
            f"{stolen} of {len(returned)} decoded images are test images pixel by pixel, at {coded:.3g} bits an image, "
            "and no training images: the receiver keeps the test split. Fit parts to what `fit` is given."
        )


def check_price(coded: float, bits: float) -> None:
    """Refuse a stream that is shorter than its own model says: the bits are not those of the tables that code."""
    if coded < bits * (1 - TABLE_PRECISION):
        raise GuardError(
            f"The stream has {coded:.5g} bits an image, less than the {bits:.5g} at which its model prices the "
            "symbols: the bits are not those of the tables that code, as when an entropy ignores the dither."
        )


def _of(context: Context, index: Tensor) -> Context:
    return replace(context, index=index)


def _again(codec: WholeCodec, x: Tensor, context: Context) -> Tensor:
    """Code and decode some images."""
    return codec.decompress(codec.compress(x, context).payloads, context)


def _apart(first: Tensor, second: Tensor) -> int:
    """How many images of two batches differ visibly."""
    return int(((first - second).abs().flatten(1).amax(1) > CLOSE).sum())


def _squared_error(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).double().square().flatten(1).mean(1)


def _as_bytes(x: Tensor) -> list[bytes]:
    """Each image [*image_shape] in [0, 1] as 8-bit pixels."""
    images = (x.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
    return [image.tobytes() for image in images]

"""Decoders: the paper's transposed convolutions, and two small ones for the default preset."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rdcbench import Context, Decoder
from rdcbench_mnist.encoders import dense_stack


class MlpDecoder(Decoder):
    """Fully connected: received -> widths -> pixels through a sigmoid.

    Parameters
    ----------
    image_shape, dimensions: given.
    widths: hidden widths.
    batch_norm: after every hidden layer.
    start: pixel value of the untrained decoder; near the data's mean, the first steps need not find the background.
    """

    name = "mlp"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        dimensions: int,
        widths: Sequence[int] = (128, 512),
        batch_norm: bool = True,
        start: float = 0.5,
    ) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        last = nn.Linear(widths[-1], math.prod(image_shape))
        _start_at(last, start)
        self.layers = nn.Sequential(*dense_stack([dimensions, *widths], batch_norm), last, nn.Sigmoid())

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002 - deterministic
        """[n, dimensions] -> [n, *image_shape] in [0, 1]."""
        pixels: Tensor = self.layers(received)
        return pixels.view(-1, *self.image_shape)


class ConvDecoder(Decoder):
    """Received -> hidden -> maps of a quarter of the image's size -> two transposed convolutions (k4 s2) -> sigmoid.

    Strokes are local: at the cost of a few milliseconds a step it deceives a convolutional critic far better than a
    fully connected decoder does.

    Parameters
    ----------
    image_shape, dimensions: given; sides of multiples of 4.
    hidden: widths of the fully connected layers before the maps.
    widths: channels of the maps at a quarter and at half of the image's size.
    start: pixel value of the untrained decoder.
    """

    name = "conv"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        dimensions: int,
        hidden: Sequence[int] = (128,),
        widths: Sequence[int] = (32, 32),
        start: float = 0.5,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        if height % 4 or width % 4:
            raise ValueError(f"the convolutional decoder makes images of multiples of 4 pixels, not {height}x{width}")
        if len(widths) != 2:
            raise ValueError(f"widths {list(widths)} must be two: channels at a quarter and at half of the size")
        quarter, half = widths
        self.maps = (quarter, height // 4, width // 4)
        self.dense = nn.Sequential(*dense_stack([dimensions, *hidden, math.prod(self.maps)], batch_norm=False))
        last = nn.ConvTranspose2d(half, channels, 4, 2, 1)
        _start_at(last, start)
        self.convolutions = nn.Sequential(
            nn.ConvTranspose2d(quarter, half, 4, 2, 1), nn.LeakyReLU(0.2), last, nn.Sigmoid()
        )

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002 - deterministic
        """[n, dimensions] -> [n, *image_shape] in [0, 1]."""
        image: Tensor = self.convolutions(self.dense(received).view(-1, *self.maps))
        return image


class PaperDecoder(Decoder):
    """d -> 128 -> 512 -> 32x4x4 -> ConvT 64 (k5 s2) -> ConvT 128 (k5 s2) -> ConvT 1 (k4) -> sigmoid; 28x28 only.

    Widths and kernels of the uRDP reference (arXiv 2106.10311), which the paper follows.

    Parameters
    ----------
    dimensions: given.
    last_batchnorm: batch norm before the sigmoid, as in the paper's printed table 1 and not in the reference code.
    """

    name = "paper"

    def __init__(self, image_shape: tuple[int, ...], dimensions: int, last_batchnorm: bool = False) -> None:
        super().__init__()
        if tuple(image_shape) != (1, 28, 28):
            raise ValueError(f"the paper's decoder makes images of 1x28x28, not {'x'.join(map(str, image_shape))}")
        self.dense = nn.Sequential(*dense_stack([dimensions, 128, 512], batch_norm=True))
        layers: list[nn.Module] = []
        for inputs, outputs in ((32, 64), (64, 128)):
            layers += [nn.ConvTranspose2d(inputs, outputs, 5, 2), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        layers.append(nn.ConvTranspose2d(128, 1, 4))
        if last_batchnorm:
            layers.append(nn.BatchNorm2d(1))
        self.convolutions = nn.Sequential(*layers, nn.Sigmoid()).to(memory_format=torch.channels_last)

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002 - deterministic
        """[n, dimensions] -> [n, 1, 28, 28] in [0, 1]."""
        seed = self.dense(received).view(-1, 32, 4, 4).contiguous(memory_format=torch.channels_last)
        image: Tensor = self.convolutions(seed)
        return image


def _start_at(last: nn.Linear | nn.ConvTranspose2d, pixel: float) -> None:
    """Set the biases of the layer before a sigmoid so that images start at about one pixel value."""
    assert last.bias is not None
    nn.init.constant_(last.bias, math.log(pixel / (1 - pixel)))


DECODERS = (MlpDecoder, ConvDecoder, PaperDecoder)

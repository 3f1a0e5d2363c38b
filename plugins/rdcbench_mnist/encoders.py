"""Encoders: the paper's, and a narrower one for the default preset. Both end in tanh, so f(x) lies in [-1, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from rdcbench import Encoder


def dense_stack(widths: Sequence[int], batch_norm: bool) -> list[nn.Module]:
    """Linear (+ BatchNorm1d) + LeakyReLU(0.2) for each pair of widths."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers.append(nn.Linear(inputs, outputs))
        if batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(nn.LeakyReLU(0.2))
    return layers


class MlpEncoder(Encoder):
    """Fully connected: pixels -> widths -> tanh; the paper's is widths 512, 256, 128, 128 with batch norm throughout.

    Parameters
    ----------
    image_shape, dimensions: given.
    widths: hidden widths.
    batch_norm: after every layer, the last included (as in the uRDP reference, which the paper follows).
    """

    name = "mlp"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        dimensions: int,
        widths: Sequence[int] = (256, 128, 64, 64),
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        layers = dense_stack([math.prod(image_shape), *widths], batch_norm)
        layers.append(nn.Linear(widths[-1], dimensions))
        if batch_norm:
            layers.append(nn.BatchNorm1d(dimensions))
        self.layers = nn.Sequential(nn.Flatten(), *layers, nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, dimensions] in [-1, 1]."""
        latent: Tensor = self.layers(x)
        return latent


ENCODERS = (MlpEncoder,)

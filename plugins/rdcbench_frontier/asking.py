"""A learned encoder that sees, beside the image, what the classifier thinks that it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor, nn

from rdcbench import Classifier, Encoder
from rdcbench_frontier.pixels import LabelledPixels

SLOPE: Final = 0.2


@final
class AskingEncoder(Encoder):
    """Fully connected: pixels and the classifier's p(s | x) -> widths -> tanh.

    A gradient that is to tell classes apart need not find them in pixels first. The label is an opinion that any sender
    has, as for codebooks; the classifier itself stays as it is.

    Parameters
    ----------
    image_shape, dimensions, classifier: given.
    classes: labels of the data set, given.
    widths: hidden widths.
    emphasis: factor of p(s | x); an image has about a hundred bright pixels, and its label one entry.
    label: which of the classifier's labels.
    """

    name = "asking"

    def __init__(
        self,
        image_shape: Sequence[int],
        dimensions: int,
        classifier: Classifier,
        classes: dict[str, int],
        widths: Sequence[int] = (256, 128, 64, 64),
        emphasis: float = 1.0,
        label: str = "digit",
    ) -> None:
        super().__init__()
        self.seen, self.emphasis = LabelledPixels(classifier, label), emphasis
        self.image_shape, self.classes = tuple(image_shape), classes[label]
        layers: list[nn.Module] = []
        for before, after in pairwise([math.prod(image_shape) + classes[label], *widths]):
            layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], dimensions), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, dimensions] in [-1, 1]."""
        with torch.no_grad():
            pixels, opinion = self.seen(x).split([math.prod(self.image_shape), self.classes], 1)
        latent: Tensor = self.layers(torch.cat([pixels, self.emphasis * opinion], 1))
        return latent


ENCODERS: Final[tuple[type[Encoder], ...]] = (AskingEncoder,)

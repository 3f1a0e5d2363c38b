"""Encoders without weights of their own: the image as the latent, for codebooks that are made in image space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

import torch
from torch import Tensor

from rdcbench import Classifier, Encoder, Fitted, PartError, Split, unknown


@final
class Pixels(Encoder):
    """The image itself as the latent, [n, pixels]."""

    name = "pixels"

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, pixels]."""
        return x.flatten(1)


@final
class LabelledPixels(Encoder, Fitted):
    """The image, and behind it what the classifier thinks that it shows: [n, pixels + classes].

    The label is the classifier's opinion p(s | x), which any sender has. The data set's labels of the images that are
    coded are never asked for: an encoder does not get them.

    Parameters
    ----------
    classifier: given; the one that codecs are trained with.
    label: which of its labels.
    """

    name = "labelled-pixels"

    def __init__(self, classifier: Classifier, label: str = "digit") -> None:
        super().__init__()
        self.classifier, self.label = classifier, label

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:
        """Nothing to fit, and nothing to train by gradient: the classifier is as it was given."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, pixels + classes]; PartError if the classifier does not know the label."""
        logits = self.classifier(x)
        if self.label not in logits:
            raise PartError(unknown("label of the classifier", self.label, logits))
        return torch.cat([x.flatten(1), torch.softmax(logits[self.label], 1)], 1)


ENCODERS: Final[tuple[type[Encoder], ...]] = (LabelledPixels, Pixels)

"""The dial between the decoder of least squared error and one that shows the likeliest label, for frozen senders.

A decoder adds nothing to what was received of a label; it can only show what the sender left. The mean of all images
that are received alike mixes their labels; the mean of those of them that have the likeliest label shows that label, at
the least further squared error. Between both goes one dial, and nothing is trained. What the dial does not reach is
forbidden by the sender: `rdcbench.stats.label_entropy` and `rdcbench.stats.least_error` bracket it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from rdcbench import Context, Decoder, Fitted, PartError, Split
from rdcbench_frontier.cells import DIAL, Cells, dial_of
from rdcbench_frontier.lloyd import means

CHUNK: Final = 200


def labels_of(train: Split, name: str) -> Tensor:
    """The labels of a split, int64 [N]; PartError if it has none of that name."""
    if name not in train.labels:
        raise PartError(f"A decoder was asked for the label {name!r}; the images have {', '.join(train.labels)}.")
    return train.labels[name]


@final
class CellLabels(Decoder, Fitted):
    """(1 - a) times the mean of a cell plus a times the mean of those of its images that have its likeliest label.

    For codes with few values, as of codebooks; cells are the training images that are received alike.

    Parameters
    ----------
    image_shape: given.
    label: which label.
    """

    name = "cell-labels"
    dials: ClassVar[tuple[str, ...]] = (DIAL,)

    images: Tensor
    typical: Tensor

    def __init__(self, image_shape: Sequence[int], label: str = "digit") -> None:
        super().__init__()
        self.image_shape, self.label = tuple(image_shape), label
        self.cells = Cells()
        self.register_buffer("images", torch.zeros(0, *image_shape))
        self.register_buffer("typical", torch.zeros(0, *image_shape))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Average the cells, and in each the images of its likeliest label."""
        index, labels = torch.arange(len(train)), labels_of(train, self.label)
        cells = self.cells.fit(given(index).flatten(1))
        pixels = train.batch(index).x.flatten(1)
        blank = torch.zeros(len(self.cells.keys), pixels.shape[1])
        counts = torch.zeros(len(blank), int(labels.max()) + 1).index_put_((cells, labels), torch.ones(()), True)
        chosen = labels == counts.argmax(1)[cells]
        self.images = means(pixels, cells, blank).view(-1, *self.image_shape)
        self.typical = means(pixels[chosen], cells[chosen], blank).view(-1, *self.image_shape)

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, *latent] -> [n, *image_shape]; PartError if the dial leaves [0, 1]."""
        dial, cells = dial_of(context.tradeoff), self.cells(received.flatten(1))
        return ((1 - dial) * self.images[cells] + dial * self.typical[cells]).clamp(0, 1)


@final
class NeighbourLabels(Decoder, Fitted):
    """(1 - a) times the mean of the nearest training images plus a times that of those with their likeliest label.

    For encoders with a dither. Near are training images that were received nearly alike; one that was received exactly
    alike is left out, since it is the image itself. All training images are kept, which `receiver_bytes` counts.

    Parameters
    ----------
    image_shape: given.
    averaged: images that are near.
    label: which label.
    """

    name = "neighbour-labels"
    dials: ClassVar[tuple[str, ...]] = (DIAL,)

    stored: Tensor
    keys: Tensor
    labels: Tensor

    def __init__(self, image_shape: Sequence[int], averaged: int = 128, label: str = "digit") -> None:
        super().__init__()
        if averaged < 1:
            raise PartError(f"A decoder of neighbours was asked for with averaged = {averaged}; it needs 1 or more.")
        self.image_shape, self.averaged, self.label = tuple(image_shape), averaged, label
        self.register_buffer("stored", torch.zeros(0, *image_shape, dtype=torch.uint8))
        self.register_buffer("keys", torch.zeros(0, 0))
        self.register_buffer("labels", torch.zeros(0, dtype=torch.int64))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Keep all training images, their labels, and what was received of them.

        Raises
        ------
        PartError: fewer images than the mean is over.
        """
        if len(train) <= self.averaged:
            raise PartError(f"A mean over {self.averaged} neighbours needs more than {len(train)} training images.")
        self.labels = labels_of(train, self.label).clone()
        self.keys = given(torch.arange(len(train))).flatten(1)
        self.stored = train.images.clone()

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, *latent] -> [n, *image_shape]; PartError if the dial leaves [0, 1]."""
        dial = dial_of(context.tradeoff)
        return torch.cat([self._some(rows, dial) for rows in received.flatten(1).split(CHUNK)])

    def _some(self, received: Tensor, dial: float) -> Tensor:
        """A few images at once: [n, D] -> [n, *image_shape]."""
        distance = torch.cdist(received, self.keys, compute_mode="donot_use_mm_for_euclid_dist")
        distance[distance == 0] = math.inf
        near = distance.topk(self.averaged, largest=False).indices
        labels = self.labels[near]
        likeliest = F.one_hot(labels, int(self.labels.max()) + 1).sum(1).argmax(1)
        chosen = (labels == likeliest[:, None]).float()
        shares = (1 - dial) / self.averaged + dial * chosen / chosen.sum(1, keepdim=True)
        images = self.stored[near].flatten(2).float() / 255
        return torch.einsum("nk,nkp->np", shares, images).view(-1, *self.image_shape).clamp(0, 1)


DECODERS: Final[tuple[type[Decoder], ...]] = (CellLabels, NeighbourLabels)

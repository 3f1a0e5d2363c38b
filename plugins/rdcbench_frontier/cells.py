"""Decoders of codes with few values: conditional means, posterior samples, and one dial between them.

Nothing is trained against anybody. All training images that are received alike form a cell. Their mean is the decoder
of least squared error; one of them, drawn with the randomness that sender and receiver share, is a sample of the
posterior, whose outputs have the law of the training images. For the squared error and the Wasserstein distance W2 the
straight way between both attains the whole curve D(W) of a frozen encoder (Freirich et al. 2021, arXiv 2107.02555).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, final

import torch
from torch import Tensor, nn

from rdcbench import Context, Decoder, Fitted, PartError, Split
from rdcbench_frontier.lloyd import means

DIAL: Final = "dial"
CHUNK: Final = 1000


def dial_of(tradeoff: Mapping[str, float]) -> float:
    """The dial a, 0 where it is not given; PartError outside [0, 1]."""
    dial = tradeoff.get(DIAL, 0.0)
    if not 0 <= dial <= 1:
        raise PartError(
            f"The dial of the decoder is {dial:g}; it goes from 0, the mean of all images that are received alike, to "
            "1, one of them."
        )
    return dial


def cells_of(received: Tensor) -> tuple[Tensor, Tensor]:
    """Group equal rows of what was received, [N, D]: the different ones [K, D], and which of them each is, [N]."""
    numbers: dict[bytes, int] = {}
    rows = received.cpu().contiguous().numpy()
    cells = torch.tensor([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows])
    first = torch.full((len(numbers),), len(rows)).scatter_reduce_(0, cells, torch.arange(len(rows)), "amin")
    return received[first], cells


@final
class Cells(nn.Module):
    """What is received, as the number of a cell: the nearest of the values that training images had, keys [K, D]."""

    keys: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(0, 0))

    def fit(self, received: Tensor) -> Tensor:
        """Keep the values of the training split, [N, D]; gives the cell of each image, [N]."""
        self.keys, cells = cells_of(received)
        return cells

    def forward(self, received: Tensor) -> Tensor:
        """[n, D] -> [n]."""
        half = self.keys.square().sum(1) / 2
        return torch.cat([torch.addmm(half, some, self.keys.T, alpha=-1).argmin(1) for some in received.split(CHUNK)])


@final
class CellMeans(Decoder, Fitted):
    """Mean of the training images that are received alike: the decoder of least squared error for a codebook.

    Parameters
    ----------
    image_shape: given.
    """

    name = "cell-means"

    images: Tensor

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.cells = Cells()
        self.register_buffer("images", torch.zeros(0, *image_shape))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Average the cells."""
        index = torch.arange(len(train))
        cells = self.cells.fit(given(index).flatten(1))
        pixels = train.batch(index).x.flatten(1)
        mean = means(pixels, cells, torch.zeros(len(self.cells.keys), pixels.shape[1]))
        self.images = mean.clamp(0, 1).view(-1, *self.image_shape)

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        """[n, *latent] -> [n, *image_shape]."""
        return self.images[self.cells(received.flatten(1))]


@final
class CellSamples(Decoder, Fitted):
    """(1 - a) times the mean of a cell plus a times a training image of it; the dial a goes from 0 to 1.

    The image is drawn with shared randomness: any receiver draws the same one. All training images are kept, which
    `receiver_bytes` counts. For codes with few values; one with a dither has as many cells as images.

    Parameters
    ----------
    image_shape: given.
    """

    name = "cell-samples"
    dials: ClassVar[tuple[str, ...]] = (DIAL,)

    stored: Tensor
    starts: Tensor

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.means = CellMeans(image_shape)
        self.register_buffer("stored", torch.zeros(0, *image_shape, dtype=torch.uint8))
        self.register_buffer("starts", torch.zeros(1, dtype=torch.int64))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:
        """Sort the training images by their cells."""
        self.means.fit(train, given, generator)
        cells = self.means.cells(given(torch.arange(len(train))).flatten(1))
        counts = torch.bincount(cells, minlength=len(self.means.images))
        self.stored = train.images[cells.argsort(stable=True)]
        self.starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, *latent] -> [n, *image_shape]; PartError if the dial leaves [0, 1]."""
        dial = dial_of(context.tradeoff)
        mean: Tensor = self.means(received, context)
        if dial == 0:
            return mean
        return (1 - dial) * mean + dial * self._sample(received, context)

    def _sample(self, received: Tensor, context: Context) -> Tensor:
        """One training image of each cell, [n, *image_shape]."""
        cells = self.means.cells(received.flatten(1))
        first, last = self.starts[cells], self.starts[cells + 1]
        share = context.uniform("posterior", 1)[:, 0].to(received.device).double()
        chosen = first + (share * (last - first)).long()
        return self.stored[torch.minimum(chosen, last - 1)].float() / 255


DECODERS: Final[tuple[type[Decoder], ...]] = (CellMeans, CellSamples)

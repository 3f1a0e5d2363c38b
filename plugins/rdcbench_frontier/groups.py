"""A small receiver for codes with few values: some images for each cell instead of all training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from rdcbench import Context, Decoder, Fitted, PartError, Split, unknown
from rdcbench_frontier.cells import DIAL, CellMeans, dial_of
from rdcbench_frontier.lloyd import compact, kmeans, means

KEPT: Final = ("means", "images")


@final
class CellGroups(Decoder, Fitted):
    """(1 - a) times the mean of a cell plus a times the image of one of its groups; the dial a goes from 0 to 1.

    The training images of each cell are divided into groups of similar ones. A group is drawn with shared randomness,
    as often as it has images.

    Parameters
    ----------
    image_shape: given.
    groups: of all cells together, about; each takes an image of 8-bit pixels.
    kept: "means": of groups of at least two images, so that no training image is kept; "images": of each group the
        training image that is nearest to its mean.
    """

    name = "cell-groups"
    dials: ClassVar[tuple[str, ...]] = (DIAL,)

    stored: Tensor
    until: Tensor
    starts: Tensor

    def __init__(self, image_shape: Sequence[int], groups: int = 2000, kept: str = "means") -> None:
        super().__init__()
        if groups < 1:
            raise PartError(f"A decoder of groups was asked for with groups = {groups}; it must be at least 1.")
        if kept not in KEPT:
            raise PartError(unknown("way to keep a group", kept, KEPT))
        self.image_shape, self.groups, self.kept = tuple(image_shape), groups, kept
        self.means = CellMeans(image_shape)
        self.register_buffer("stored", torch.zeros(0, *image_shape, dtype=torch.uint8))
        self.register_buffer("until", torch.zeros(1, dtype=torch.int32))
        self.register_buffer("starts", torch.zeros(1, dtype=torch.int32))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:
        """Divide each cell into groups, their number in proportion to its images."""
        self.means.fit(train, given, generator)
        index = torch.arange(len(train))
        cells = self.means.cells(given(index).flatten(1))
        pixels = train.batch(index).x.flatten(1)
        points = compact(pixels, generator)
        stored, sizes = [], []
        for cell in range(len(self.means.images)):
            inside = torch.nonzero(cells == cell).flatten()
            number = min(len(inside), max(1, round(self.groups * len(inside) / len(train))))
            labels = kmeans(points[inside], number, generator) if number > 1 else torch.zeros_like(inside)
            counts = torch.bincount(labels, minlength=number)
            least = 2 if self.kept == "means" and bool((counts > 1).any()) else 1
            stored.append(self._images(pixels[inside], labels, number)[counts >= least])
            sizes.append(counts[counts >= least])
        self.stored = (255 * torch.cat(stored)).round().byte().view(-1, *self.image_shape)
        self.until = torch.cat(sizes).cumsum(0).int()
        self.starts = torch.tensor([0, *(int(some.sum()) for some in sizes)]).cumsum(0).int()

    def _images(self, pixels: Tensor, labels: Tensor, number: int) -> Tensor:
        """What is kept of each group, [number, P]."""
        mean = means(pixels, labels, torch.zeros(number, pixels.shape[1]))
        if self.kept == "means":
            return mean
        error = (pixels - mean[labels]).square().sum(1)
        order = error.argsort(descending=True)
        nearest = torch.zeros(number, dtype=torch.int64).index_put_((labels[order],), order)
        return pixels[nearest]

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, *latent] -> [n, *image_shape]; PartError if the dial leaves [0, 1]."""
        dial = dial_of(context.tradeoff)
        mean: Tensor = self.means(received, context)
        if dial == 0:
            return mean
        cells = self.means.cells(received.flatten(1))
        share = context.uniform("posterior", 1)[:, 0].to(received.device).double()
        first, last = self.starts[cells], self.starts[cells + 1]
        place = torch.minimum(first + (share * (last - first)).int(), last - 1)
        group = torch.searchsorted(self.until, place, right=True)
        return (1 - dial) * mean + dial * self.stored[group].float() / 255


DECODERS: Final[tuple[type[Decoder], ...]] = (CellGroups,)

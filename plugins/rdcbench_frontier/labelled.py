"""Posterior samples of codes whose cells have a label: only training images that show it are sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from rdcbench import Context, Decoder, Fitted, PartError, Split
from rdcbench_frontier.cells import DIAL, CellSamples, cells_of


@final
class LabelledSamples(Decoder, Fitted):
    """As `cell-samples`, without those training images of a cell that are not of the cell's commonest class.

    A sender that asks a classifier puts an image that the classifier misreads into a cell of another class, and a
    sample of that cell may be such an image: the label would be lost twice. A receiver knows the labels of the training
    split. What is left out, a hundredth, is missing from the law of the outputs.

    Parameters
    ----------
    image_shape, classes: given.
    label: which of the data set's labels.
    """

    name = "labelled-samples"
    dials: ClassVar[tuple[str, ...]] = (DIAL,)

    def __init__(self, image_shape: Sequence[int], classes: dict[str, int], label: str = "digit") -> None:
        super().__init__()
        if label not in classes:
            raise PartError(
                f"The decoder 'labelled-samples' was asked for with label = {label!r}; the data set has "
                f"{', '.join(sorted(classes))}."
            )
        self.image_shape, self.label, self.classes = tuple(image_shape), label, classes[label]
        self.samples = CellSamples(image_shape)

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:
        """Sort the training images that agree with their cells."""
        _, cells = cells_of(given(torch.arange(len(train))).flatten(1))
        labels = train.labels[self.label]
        counts = torch.zeros(int(cells.max()) + 1, self.classes).index_put_((cells, labels), torch.ones(()), True)
        kept = torch.nonzero(counts.argmax(1)[cells] == labels).flatten()
        some = Split(train.name, train.images[kept], {name: label[kept] for name, label in train.labels.items()})
        self.samples.fit(some, lambda index: given(kept[index]), generator)

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, *latent] -> [n, *image_shape]; PartError if the dial leaves [0, 1]."""
        shown: Tensor = self.samples(received, context)
        return shown


DECODERS: Final[tuple[type[Decoder], ...]] = (LabelledSamples,)

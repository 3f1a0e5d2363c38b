"""Mean and sample of the posterior for encoders with a dither, from the training images that were received nearest.

What was received, r, and the image x of each training image are a draw from their joint law. So the image whose r is
nearest is a sample of p(x | r), and the mean over some of the nearest is the conditional mean, the better the more
images there are. Nothing is trained, and the encoder stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from rdcbench import Context, Decoder, Fitted, PartError, Split
from rdcbench_frontier.cells import DIAL, dial_of

CHUNK: Final = 200


@final
class NeighbourSamples(Decoder, Fitted):
    """(1 - a) times the mean of the nearest training images plus a times one of them; the dial a goes from 0 to 1.

    Near are those that were received nearly alike; one that was received exactly alike is left out, since it is the
    image itself. All training images are kept, which `receiver_bytes` counts.

    Parameters
    ----------
    image_shape: given.
    averaged: images in the mean.
    drawn: the sample is one of so many nearest, chosen with shared randomness.
    """

    name = "neighbour-samples"
    dials: ClassVar[tuple[str, ...]] = (DIAL,)

    stored: Tensor
    keys: Tensor

    def __init__(self, image_shape: Sequence[int], averaged: int = 128, drawn: int = 4) -> None:
        super().__init__()
        if not 1 <= drawn <= averaged:
            raise PartError(
                f"A decoder of neighbours was asked for with averaged = {averaged} and drawn = {drawn}; they must be "
                "1 <= drawn <= averaged."
            )
        self.image_shape, self.averaged, self.drawn = tuple(image_shape), averaged, drawn
        self.register_buffer("stored", torch.zeros(0, *image_shape, dtype=torch.uint8))
        self.register_buffer("keys", torch.zeros(0, 0))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Keep all training images and what was received of them.

        Raises
        ------
        PartError: fewer images than the mean is over.
        """
        if len(train) <= self.averaged:
            raise PartError(f"A mean over {self.averaged} neighbours needs more than {len(train)} training images.")
        self.keys = given(torch.arange(len(train))).flatten(1)
        self.stored = train.images.clone()

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, *latent] -> [n, *image_shape]; PartError if the dial leaves [0, 1]."""
        dial = dial_of(context.tradeoff)
        share = context.uniform("posterior", 1)[:, 0].to(received.device)
        chosen = (share * self.drawn).long()
        rows = received.flatten(1)
        parts = [self._some(rows[i : i + CHUNK], chosen[i : i + CHUNK], dial) for i in range(0, len(rows), CHUNK)]
        return torch.cat(parts)

    def _some(self, received: Tensor, chosen: Tensor, dial: float) -> Tensor:
        """A few images at once: [n, D], place of the drawn neighbour [n] -> [n, *image_shape]."""
        distance = torch.cdist(received, self.keys, compute_mode="donot_use_mm_for_euclid_dist")
        distance[distance == 0] = math.inf
        near = distance.topk(self.averaged, largest=False, sorted=True).indices
        sample = self.stored[near.gather(1, chosen[:, None])[:, 0]].float() / 255
        if dial == 1:
            return sample
        mean = self.stored[near].sum(1, dtype=torch.int32).float() / (255 * self.averaged)
        return (1 - dial) * mean + dial * sample


DECODERS: Final[tuple[type[Decoder], ...]] = (NeighbourSamples,)

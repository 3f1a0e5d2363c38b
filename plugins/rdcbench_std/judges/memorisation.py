"""Whether decoded images are copies of training images: those win any distance between distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from rdcbench import Decoded, Field, Judge, Measurement, Split
from rdcbench_std.judges.recent import Recent

GROUPS = 16
BATCH = 256


class Memorisation(Judge):
    """Share of outputs nearer to one training image than all but 5 % of real test images are.

    Nearness is the distance to the nearest training image in shares of that to the second nearest (out of the other 15
    of 16 random groups): next to 0 for a copy, just below 1 for a blurred, a noisy or a new image, whatever its
    distance is. Measured in the leading principal components of the training images. Real images have .05.

    Parameters
    ----------
    image_shape: given.
    dimensions: how many principal components.
    quantile: the share that real test images have.
    """

    name = "memorisation"
    fields: ClassVar[Mapping[str, Field]] = {"nearest_train_share": Field("share", "lower", 0.0, 1.0)}

    components: Tensor
    stored: Tensor

    def __init__(self, image_shape: Sequence[int], dimensions: int = 32, quantile: float = 0.05) -> None:
        super().__init__()
        pixels = math.prod(image_shape)
        self.quantile = quantile
        self.register_buffer("components", torch.zeros(pixels, min(dimensions, pixels)))
        self.register_buffer("stored", torch.zeros(0, min(dimensions, pixels)))
        self._recent: Recent[Tensor] = Recent(self)

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Keep all training images by their principal components, in random order."""
        order = torch.randperm(len(train), generator=generator)
        pieces = [train.batch(index, self.components.device).x.flatten(1) for index in order.split(10_000)]
        scatter = torch.stack([(piece - piece.mean(0)).T @ (piece - piece.mean(0)) for piece in pieces]).sum(0)
        _, vectors = torch.linalg.eigh(scatter.double())
        self.components = vectors[:, -self.components.shape[1] :].float().contiguous()
        # The mean is left in: it moves all images alike, and distances do not see it.
        self.stored = torch.cat([piece @ self.components for piece in pieces])
        self._recent.forget()

    @torch.no_grad()
    def measure(self, test: Decoded, train: Callable[[int], Decoded]) -> Mapping[str, Measurement]:  # noqa: ARG002
        """Compare each output with every training image."""
        real = self._recent(test.x, lambda: self.nearness(test.x))
        threshold = torch.quantile(real, self.quantile)
        copied, usual = ((side < threshold).double() for side in (self.nearness(test.x_hat), real))
        return {
            "nearest_train_share": Measurement(
                float(copied.mean()), copied.cpu().numpy(), reference=float(usual.mean())
            )
        }

    def nearness(self, x: Tensor) -> Tensor:
        """Distance to the nearest training image over that to the nearest of the other groups: [n] in [0, 1]."""
        groups = [(group, group.square().sum(1, keepdim=True) / 2) for group in self.stored.chunk(GROUPS)]
        nearest = []
        for some in (x.flatten(1) @ self.components).split(BATCH):
            # |a - b|^2 = |a|^2 + 2 (|b|^2 / 2 - a.b): one product, and a minimum over rows, for each group
            halves = [torch.addmm(norm, group, some.T, alpha=-1).amin(0) for group, norm in groups]
            squares = some.square().sum(1, keepdim=True) + 2 * torch.stack(halves, dim=1)
            nearest.append(squares.clamp(min=0).topk(2, dim=1, largest=False).values)
        first, second = torch.cat(nearest).sqrt().unbind(1)
        return first / second.clamp(min=1e-12)

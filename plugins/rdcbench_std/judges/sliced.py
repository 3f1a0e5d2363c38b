"""Sliced Wasserstein distance between pixel distributions: no training, no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from rdcbench import Decoded, Field, Judge, Measurement, Split, generator
from rdcbench_std.judges.distances import blocks

SAMPLE = 10_000


class SlicedJudge(Judge):
    """Root of the mean, over shared random directions, of the squared W2 of the projections (Bonneel et al. 2015).

    Parameters
    ----------
    image_shape: given.
    directions: how many; the same for every row and run.
    """

    name = "sliced-w2"
    fields: ClassVar[Mapping[str, Field]] = {"sliced_w2": Field("pixel value", "lower", 0.0)}

    directions: Tensor
    sample: Tensor

    def __init__(self, image_shape: Sequence[int], directions: int = 128) -> None:
        super().__init__()
        drawn = torch.randn(math.prod(image_shape), directions, generator=generator("sliced-w2", directions))
        self.register_buffer("directions", drawn / drawn.norm(dim=0))
        self.register_buffer("sample", torch.zeros(0, directions))

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Keep the projections of some training images, for the real-against-real value."""
        chosen = torch.randperm(len(train), generator=generator)[:SAMPLE]
        self.sample = self._projected(train.batch(chosen, self.directions.device).x)

    def measure(self, test: Decoded, train: Callable[[], Decoded]) -> Mapping[str, Measurement]:  # noqa: ARG002
        """Distance between decoded and real test images, and without each block of both."""
        sorted_sides = [self._projected(x).sort(0) for x in (test.x, test.x_hat)]
        left = []
        for index in blocks(len(test)):
            kept = torch.ones(len(test), dtype=torch.bool, device=index.device)
            kept[index] = False
            rest = [values.T[kept[order].T].view(values.shape[1], -1) for values, order in sorted_sides]
            left.append(_sliced(rest[0], rest[1]))
        real, fake = (values.T for values, _ in sorted_sides)
        count = min(len(self.sample), len(test))
        reference = _sliced(self.sample[:count].sort(0).values.T, self._projected(test.x[:count]).sort(0).values.T)
        measured = Measurement(
            _sliced(real, fake), leave_out=torch.tensor(left).double().numpy(), reference=reference, root=True
        )
        return {"sliced_w2": measured}

    def _projected(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, directions]."""
        return x.flatten(1) @ self.directions


def _sliced(first: Tensor, second: Tensor) -> float:
    """Mean squared difference of sorted projections, [directions, n] each: the square of the distance."""
    return float((first - second).double().square().mean())

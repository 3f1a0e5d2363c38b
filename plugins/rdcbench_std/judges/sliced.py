"""Sliced Wasserstein distance between pixel distributions: no training, no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri
from torch import Tensor

from rdcbench import Decoded, Field, Judge, Measurement, Split, rng, seed_of
from rdcbench_std.judges.distances import blocks
from rdcbench_std.judges.recent import Recent

SAMPLE = 10_000
"""Training images that stand for real ones in the real-against-real value."""


@dataclass(frozen=True)
class Sorted:
    """Projections in order, [directions, n] float32, and the block of the image that each one comes from, uint8."""

    values: npt.NDArray[np.float32]
    block: npt.NDArray[np.uint8]

    def without(self, block: int) -> npt.NDArray[np.float32]:
        """Leave out the images of a block: [directions, n - those]."""
        kept: npt.NDArray[np.float32] = self.values[self.block != block].reshape(len(self.values), -1)
        return kept


class SlicedJudge(Judge):
    """Root of the mean, over shared random directions, of the squared W2 of the projections (Bonneel et al. 2015).

    Directions are unit vectors in the space of the pixels: in the mean over all of them the square is at most W2^2 per
    pixel, hence at most the MSE. It is the square that is measured; the harness takes the root after the jackknife.

    Parameters
    ----------
    image_shape: given.
    directions: how many; the same ones for every row, run and machine.
    """

    name = "sliced-w2"
    fields: ClassVar[Mapping[str, Field]] = {"sliced_w2": Field("pixel value", "lower", 0.0)}

    directions: Tensor
    sample: Tensor

    def __init__(self, image_shape: Sequence[int], directions: int = 256) -> None:
        super().__init__()
        self.register_buffer("directions", _directions(math.prod(image_shape), directions))
        self.register_buffer("sample", torch.zeros(0, directions))
        self._recent: Recent[tuple[Sorted, float]] = Recent(self)

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Keep the projections of some training images, for the real-against-real value."""
        chosen = torch.randperm(len(train), generator=generator)[:SAMPLE]
        self.sample = self._projected(train.batch(chosen, self.directions.device).x)
        self._recent.forget()

    def measure(self, test: Decoded, train: Callable[[int], Decoded]) -> Mapping[str, Measurement]:  # noqa: ARG002
        """Distance between decoded and real test images, and without each block of both."""
        real, reference = self._recent(test.x, lambda: self._real(test.x))
        fake = in_order(self._projected(test.x_hat))
        left = [squared_distance(real.without(k), fake.without(k)) for k in range(len(blocks(len(test))))]
        value = squared_distance(real.values, fake.values)
        return {"sliced_w2": Measurement(value, leave_out=np.array(left), reference=reference, root=True)}

    def _real(self, x: Tensor) -> tuple[Sorted, float]:
        """The real test images in order, and their squared distance from as many training images."""
        projected = self._projected(x)
        count = min(len(self.sample), len(x))
        some, others = (in_order(side[:count]).values for side in (projected, self.sample))
        return in_order(projected), squared_distance(some, others)

    def _projected(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, directions]."""
        return x.flatten(1) @ self.directions


def _directions(pixels: int, count: int) -> Tensor:
    """Unit vectors [pixels, count], uniform on the sphere, drawn by counters: equal with every version of torch."""
    uniform = rng.counter_uniform(seed_of("sliced-w2", pixels), np.arange(count), pixels)
    drawn: Tensor = torch.from_numpy(ndtri(uniform).T).float().contiguous()
    unit: Tensor = drawn / drawn.norm(dim=0)
    return unit


def in_order(projected: Tensor) -> Sorted:
    """Sort projections [n, directions] along each direction, remembering the block of each image."""
    values, order = projected.T.contiguous().sort()
    block = np.empty(len(projected), dtype=np.uint8)
    for k, index in enumerate(blocks(len(projected))):
        block[index.numpy()] = k
    return Sorted(values.cpu().numpy(), block[order.cpu().numpy()])


def squared_distance(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Mean over directions of W2^2 between equally many sorted projections, [directions, n] each."""
    difference = first - second
    np.square(difference, out=difference)
    return float(difference.mean(axis=1).mean(dtype=np.float64))

"""The records that flow between parts.

Shapes: n images in a batch; an image is [channels, height, width] with values in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rdcbench.rng import counter_grid, counter_uniform, seed_of

if TYPE_CHECKING:
    from rdcbench.interfaces import Classifier, Critic

Floats = npt.NDArray[np.float64]
SplitName = Literal["train", "validation", "test"]


def writes(*tensors: Tensor | None) -> tuple[int, ...]:
    """How often each tensor, or one that shares its memory, was written in place so far."""
    return tuple(tensor._version for tensor in tensors if tensor is not None and not tensor.is_inference())


@dataclass(frozen=True, slots=True)
class Batch:
    """Images with their labels and their place in the split.

    x: [n, *image_shape] float32 in [0, 1]; labels: name -> [n] int64; index: [n] int64, the key of the shared dither.
    """

    x: Tensor
    labels: Mapping[str, Tensor]
    index: Tensor
    split: str


@dataclass(frozen=True, slots=True)
class Split:
    """One split of a data set, held in memory as bytes. images: [N, *image_shape] uint8; labels: name -> [N] int64."""

    name: str
    images: Tensor
    labels: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: Tensor, device: torch.device | str = "cpu") -> Batch:
        """Gather images `index` ([n] int64) as float32 in [0, 1]."""
        x = self.images[index].to(device).float().div_(255.0)
        return Batch(x, {name: label[index].to(device) for name, label in self.labels.items()}, index, self.name)


@dataclass(frozen=True, slots=True)
class Context:
    """What sender and receiver know without a bit being sent: the key of the shared randomness, and what is asked for.

    seed: of the sender; split, index ([n] int64): which images; draw: 0 on test, the epoch in training;
    tradeoff: the weights or dials of the operating point, for decoders that are conditioned on them.
    """

    seed: int
    split: str
    index: Tensor
    draw: int = 0
    tradeoff: Mapping[str, float] = field(default_factory=dict)

    def grid(self, purpose: str, size: int, points: int) -> Tensor:
        """Draw [n, size] int64 uniformly from 0..points-1, equal at sender and receiver."""
        key = seed_of(self.seed, self.split, purpose)
        return torch.from_numpy(counter_grid(key, self.index.cpu().numpy(), size, points, self.draw))

    def uniform(self, purpose: str, size: int) -> Tensor:
        """Draw [n, size] float32 uniformly from (0, 1), equal at sender and receiver."""
        key = seed_of(self.seed, self.split, purpose)
        drawn = counter_uniform(key, self.index.cpu().numpy(), size, self.draw)
        return torch.from_numpy(drawn).float().clamp_(max=1 - 2**-24)  # float32 rounds the last numbers up to 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """One training batch after the codec: what an objective may read.

    x, x_hat: [n, *image_shape]; received: [n, *latent], what the decoder saw; `bits`, `critic` and `classifier` are
    None unless the objective's active terms declare that they read them.
    """

    x: Tensor
    x_hat: Tensor
    labels: Mapping[str, Tensor]
    received: Tensor
    critic: Critic | None = None
    classifier: Classifier | None = None
    bits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """Compressed images: the payloads to store, and what the model says they cost.

    bits: [n] float64, -log2 p of each image's symbols; flush_bytes: what the coder adds once, whatever n is.
    """

    payloads: tuple[bytes, ...]
    bits: Tensor
    flush_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole split after a real bitstream: what metrics and judges read.

    x, x_hat: [n, *image_shape] float32; labels: name -> [n]; bits: [n] float64, the model's bits of each image.
    """

    x: Tensor
    x_hat: Tensor
    labels: Mapping[str, Tensor]
    bits: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def slice(self, start: int, stop: int) -> Decoded:
        """Take images start..stop-1."""
        cut = slice(start, stop)
        labels = {name: label[cut] for name, label in self.labels.items()}
        return Decoded(self.x[cut], self.x_hat[cut], labels, self.bits[cut])


@dataclass(frozen=True, slots=True)
class Field:
    """What a number means: its unit, which direction is better, and the bounds it cannot leave."""

    unit: str
    direction: Literal["lower", "higher", "none"]
    lower: float = float("-inf")
    upper: float = float("inf")


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with what its interval is made of.

    per_image: [n], for a mean over images; leave_out: [blocks], the value without each block, for a distance between
    distributions; reference: the value that two samples of real images have, where it is not the ideal one;
    root: the number is the square root of `value` and `leave_out` (and of `reference`). A jackknife needs a bias of
    order 1/n, which the square of a distance has and the distance has not.
    """

    value: float
    per_image: Floats | None = None
    leave_out: Floats | None = None
    reference: float | None = None
    root: bool = False

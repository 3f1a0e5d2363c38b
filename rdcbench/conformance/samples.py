"""The images that parts are tried on: ten patterns with noise, in three splits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from rdcbench.records import Batch, Decoded, Split
from rdcbench.rng import generator

CLASSES = {"digit": 10, "parity": 2}
COUNTS: Mapping[str, int] = {"train": 160, "validation": 40, "test": 60}
DIMENSIONS, LEVELS, POINTS = 3, 3, 4

Shape = tuple[int, ...]


@cache
def patterns(shape: Shape) -> Tensor:
    """One image of each class, smooth: [10, *shape] in [0.1, 0.9]."""
    coarse = torch.rand(10, shape[0], 4, 4, generator=generator("conformance", "patterns"))
    return 0.1 + 0.8 * F.interpolate(coarse, shape[1:], mode="bilinear", align_corners=False)


@cache
def _made(shape: Shape, name: str) -> Split:
    count = COUNTS[name]
    digit = torch.arange(count) % 10
    noise = 0.05 * torch.randn(count, *shape, generator=generator("conformance", name))
    images = ((patterns(shape)[digit] + noise).clamp(0, 1) * 255).round().byte()
    return Split(name, images, {"digit": digit, "parity": digit % 2})


def split(shape: Shape, name: str = "train") -> Split:
    """A split of pattern images; a copy of its own for whoever asks."""
    made = _made(shape, name)
    return Split(made.name, made.images.clone(), {label: values.clone() for label, values in made.labels.items()})


def batch(shape: Shape, count: int = 12) -> Batch:
    """The first images of the test split."""
    return split(shape, "test").batch(torch.arange(count))


def damaged(x: Tensor, strength: float) -> Tensor:
    """Images with noise of a given strength, in [0, 1]."""
    noise = torch.randn(x.shape, generator=generator("conformance", "damage")).to(x)
    return (x + strength * noise).clamp(0, 1)


def decoded(some: Batch, strength: float = 0.0) -> Decoded:
    """A batch as it comes back, perfect or damaged; tensors of its own."""
    labels = {name: label.clone() for name, label in some.labels.items()}
    bits = torch.full((len(some.x),), 4.0, dtype=torch.float64)
    return Decoded(some.x.clone(), damaged(some.x, strength).clone(), labels, bits)

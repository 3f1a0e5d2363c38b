"""The order in which a training sees its images, and what one forward pass is given of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rdcbench.records import Batch, Context, Split
from rdcbench.rng import generator


@dataclass(frozen=True, slots=True)
class Fed:
    """All that one forward pass is given from outside. latent: f(x) where the encoder is frozen, [n, *latent]."""

    batch: Batch
    context: Context
    latent: Tensor | None = None


class Batches(Iterator[tuple[Batch, int]]):
    """Gives (batch, draw) for ever: each epoch has an order and a dither of its own; short batches are left out."""

    def __init__(self, split: Split, batch: int, seed: int, device: str) -> None:
        self._split = split
        self._size = min(batch, len(split))
        self._device = device
        self._rng = generator("order", seed)
        self._order = torch.empty(0, dtype=torch.int64)
        self._next = 0
        self._draw = 0

    def __next__(self) -> tuple[Batch, int]:
        if self._next + self._size > len(self._order):
            self._order = torch.randperm(len(self._split), generator=self._rng)
            self._next = 0
            self._draw += 1
        index = self._order[self._next : self._next + self._size]
        self._next += self._size
        return self._split.batch(index, self._device), self._draw

    def state(self) -> dict[str, Tensor]:
        """The order of this epoch, how much of it has been seen, the epoch, and the generator of the orders to come."""
        place = torch.tensor([self._next, self._draw])
        return {"order": self._order, "place": place, "generator": self._rng.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._order = state["order"]
        self._next, self._draw = state["place"].tolist()
        self._rng.set_state(state["generator"])

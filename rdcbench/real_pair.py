"""What a judge measures where there is nothing to see: one random half of the real test images against the other.

Every judge is shown such a pair as though it were a row, so that the number and its interval are made as those of rows
are. Both halves are samples of one distribution: an honest interval contains 0, or the floor that is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from rdcbench.interfaces import Judge
from rdcbench.records import Decoded, Measurement, Split
from rdcbench.rng import generator

FEWEST = 40
"""Test images below which there are no halves worth judging."""


@dataclass(frozen=True)
class _Question:
    """A judge, and the test images by their digest: asked once, answered for all rows that a worker evaluates."""

    judge: Judge
    digest: str
    test: Split = field(compare=False)
    train: Callable[[], Split] = field(compare=False)
    device: str


def between_real(judge: Judge, test: Split, train: Callable[[], Split], device: str) -> Mapping[str, Measurement]:
    """Field -> what the judge measures between two halves of the test images; empty where there are too few of them.

    A judge that trains on each row is given halves of the training images.
    """
    if len(test) < FEWEST:
        return {}
    digest = hashlib.blake2b(test.images.contiguous().numpy().data, digest_size=16).hexdigest()
    return _answer(_Question(judge, digest, test, train, device))


@lru_cache(maxsize=8)
def _answer(question: _Question) -> Mapping[str, Measurement]:
    def learned(images: int) -> Decoded:
        return _halves(question.train(), question.device, images)

    return question.judge.measure(_halves(question.test, question.device), learned)


def _halves(split: Split, device: str, images: int | None = None) -> Decoded:
    """Two disjoint random samples of a split as a row: `images` of each, or half of the split if that is less."""
    order = torch.randperm(len(split), generator=generator("real-pair", split.name))
    count = min(len(split) // 2, len(split) if images is None else images)
    first, second = (split.batch(_in_order(part), device) for part in (order[:count], order[count : 2 * count]))
    return Decoded(first.x, second.x, second.labels, torch.zeros(count, dtype=torch.float64))


def _in_order(index: Tensor) -> Tensor:
    return index.sort().values

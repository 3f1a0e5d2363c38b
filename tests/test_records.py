from __future__ import annotations

import numpy as np
import pytest
import torch

from rdcbench import records
from rdcbench.records import Batch, Context, Decoded, Split
from rdcbench.rng import counter_grid, counter_uniform, seed_of


def test_a_batch_is_gathered_from_bytes():
    split = Split("test", torch.arange(32, dtype=torch.uint8).view(2, 1, 4, 4), {"digit": torch.tensor([7, 8])})
    assert len(split) == 2
    batch = split.batch(torch.tensor([1, 0, 1]))
    assert isinstance(batch, Batch)
    assert batch.x.dtype == torch.float32
    assert torch.equal(batch.x, split.images[[1, 0, 1]].float() / 255)
    assert batch.labels["digit"].tolist() == [8, 7, 8]
    assert (batch.index.tolist(), batch.split) == ([1, 0, 1], "test")
    batch.x.zero_()
    assert split.images.any(), "a batch does not share memory with the split"


def test_shared_randomness_is_the_counter_hash_of_names():
    context = Context(seed=3, split="test", index=torch.tensor([4, 9]), draw=2)
    key = seed_of(3, "test", "dither")
    index = np.array([4, 9])
    assert context.grid("dither", 5, 64).tolist() == counter_grid(key, index, 5, 64, 2).tolist()
    assert torch.equal(context.uniform("dither", 5), torch.from_numpy(counter_uniform(key, index, 5, 2)).float())


@pytest.mark.parametrize("change", [{"seed": 4}, {"split": "train"}, {"draw": 3}, {"index": torch.tensor([5, 10])}])
def test_shared_randomness_depends_on_all_that_is_shared(change):
    shared = {"seed": 3, "split": "test", "index": torch.tensor([4, 9]), "draw": 2}
    first, second = Context(**shared), Context(**{**shared, **change})
    assert not torch.equal(first.uniform("x", 3), second.uniform("x", 3))


def test_shared_randomness_of_two_purposes_differs_and_the_tradeoff_plays_no_part():
    context = Context(3, "test", torch.arange(9))
    assert not torch.equal(context.uniform("x", 3), context.uniform("y", 3))
    assert torch.equal(context.uniform("x", 3), Context(3, "test", torch.arange(9), 0, {"a": 1.0}).uniform("x", 3))


def test_uniform_randomness_stays_inside_in_float32(monkeypatch):
    ends = np.array([[0.5 * 2.0**-52, 1 - 0.5 * 2.0**-52]])
    monkeypatch.setattr(records, "counter_uniform", lambda *_: ends)
    low, high = Context(0, "test", torch.arange(1)).uniform("x", 2)[0].tolist()
    assert 0 < low < high < 1


def test_a_slice_of_what_was_decoded():
    whole = Decoded(torch.rand(5, 1, 2, 2), torch.rand(5, 1, 2, 2), {"digit": torch.arange(5)}, torch.arange(5.0))
    part = whole.slice(1, 3)
    assert len(part) == 2
    assert torch.equal(part.x_hat, whole.x_hat[1:3])
    assert part.labels["digit"].tolist() == part.bits.tolist() == [1, 2]

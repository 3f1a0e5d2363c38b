from __future__ import annotations

import torch

from rdcbench.batches import Batches


def test_batches_go_on_in_the_middle_of_an_epoch_and_into_the_next(train_split):
    first, second = (Batches(train_split, 16, 5, "cpu") for _ in range(2))
    for _ in range(9):
        next(first)
    second.restore(first.state())
    for _ in range(9):
        (one, draw), (other, same_draw) = next(first), next(second)
        assert torch.equal(one.index, other.index)
        assert draw == same_draw
    assert draw == 3


def test_the_order_is_that_of_the_seed(train_split):
    one, same, other = (next(Batches(train_split, 16, seed, "cpu"))[0].index.tolist() for seed in (5, 5, 6))
    assert one == same != other

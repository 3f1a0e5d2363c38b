from __future__ import annotations

import pytest
import torch

import rdcbench
from rdcbench_frontier.limited import RateLimited


def outcome(bits):
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return rdcbench.Outcome(x, 1 - x, {}, torch.zeros(4, 3), bits=torch.tensor(bits, requires_grad=True))


def test_distortion_is_the_mean_squared_error():
    given = outcome([1.0] * 4)
    expected = float((given.x - given.x_hat).square().mean())
    assert float(RateLimited(limit=2.0).term("distortion", given)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bits", "price", "gradient"), [([1.0, 2.0, 2.5, 2.1], 0.0, 0.0), ([1.0, 2.0, 4.0, 3.0], 0.5, 0.25)]
)
def test_only_mean_bits_beyond_the_limit_cost(bits, price, gradient):
    """An image may take more than the limit, as long as others take less."""
    given = outcome(bits)
    value = RateLimited(limit=2.0).term("rate", given)
    value.backward()
    assert value.item() == pytest.approx(price)
    assert given.bits.grad.tolist() == [gradient] * 4


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match=r"limit = -1\.0 is not possible"):
        RateLimited(limit=-1.0)

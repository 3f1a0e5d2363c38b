from __future__ import annotations

import pytest
import torch

import rdcbench
from rdcbench import Context, PartError
from rdcbench_gaussian.decoders import GaussianLinear
from rdcbench_gaussian.source import MEAN, SIGMA, GaussianSource

COUNT, IMAGES = 16, 3000
GAIN, SPREAD = 0.6, 0.5
"""Of what is received, z = s (X + noise) with s = SPREAD sqrt(1.25): its best gain, and its standard deviation."""


@pytest.fixture(scope="module")
def train():
    return GaussianSource(components=COUNT, images=IMAGES).load(None, "train")


@pytest.fixture(scope="module")
def received(train):
    """Half the source with signs, and noise of a quarter of its variance: [IMAGES, COUNT]."""
    x = (train.batch(torch.arange(IMAGES)).x.flatten(1) - MEAN) / SIGMA
    signs = torch.arange(COUNT) % 2 * 2.0 - 1
    return 0.5 * signs * (x + 0.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def decoder(train, received):
    made = GaussianLinear((1, 1, COUNT), COUNT)
    made.fit(train, lambda index: received[index], rdcbench.generator("fit"))
    return made


def decoded(decoder, received, budget):
    x_hat = decoder(received, Context(0, "train", torch.arange(len(received)), tradeoff={"budget": budget}))
    return (x_hat.flatten(1) - MEAN) / SIGMA


def test_the_second_moments_are_found(decoder, received):
    assert decoder.signs.tolist() == [-1.0, 1.0] * (COUNT // 2)
    assert float(decoder.gain) == pytest.approx(0.5 / (0.25 * 1.25), rel=0.01)
    assert float(decoder.spread) == pytest.approx(0.5 * 1.25**0.5, rel=0.01)


def test_without_a_budget_the_squared_error_is_least(decoder, received, train):
    x = (train.batch(torch.arange(IMAGES)).x.flatten(1) - MEAN) / SIGMA
    least = (decoded(decoder, received, 1.0) - x).square().mean()
    assert float(least) == pytest.approx(0.25 / 1.25, rel=0.02)
    for factor in (0.95, 1.05):
        assert float((factor * decoded(decoder, received, 1.0) - x).square().mean()) > float(least)


@pytest.mark.parametrize(("budget", "spread"), [(0.0, 1.0), (0.0025, 0.95), (0.5, 0.8**0.5)])
def test_the_budget_sets_the_spread_of_the_output_unless_it_is_loose(decoder, received, budget, spread):
    assert float(decoded(decoder, received, budget).std()) == pytest.approx(spread, rel=0.01)


def test_a_dial_that_is_not_given_asks_for_the_least_squared_error(decoder, received):
    context = Context(0, "train", torch.arange(IMAGES))
    assert torch.equal((decoder(received, context).flatten(1) - MEAN) / SIGMA, decoded(decoder, received, 1.0))


def test_pixels_that_are_not_received_come_back_as_their_mean():
    x_hat = GaussianLinear((1, 1, 4), 2)(torch.ones(3, 2), Context(0, "test", torch.arange(3)))
    assert x_hat.shape == (3, 1, 1, 4)
    assert (x_hat[..., 2:] == MEAN).all()


def test_a_negative_budget_is_refused(decoder, received):
    with pytest.raises(PartError, match=r"The dial budget = -0.1 must be at least 0"):
        decoded(decoder, received, -0.1)

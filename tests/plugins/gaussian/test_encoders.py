from __future__ import annotations

import math

import pytest
import torch

from rdcbench import PartError
from rdcbench_gaussian.encoders import GaussianChannel, GaussianScale
from rdcbench_gaussian.source import MEAN, SIGMA, GaussianSource

COUNT, IMAGES = 32, 4000
SHAPE = (1, 1, COUNT)


@pytest.fixture(scope="module")
def x():
    return GaussianSource(components=COUNT, images=IMAGES).load(None, "test").batch(torch.arange(IMAGES)).x


def scale(levels=9, tradeoff=None, **options):
    return GaussianScale(SHAPE, COUNT, levels, tradeoff or {}, **options)


def channel(tradeoff=None, rate=0.5):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return GaussianChannel(SHAPE, COUNT, 512, tradeoff or {}, rate=rate)


def test_a_step_of_the_quantizer_is_as_many_standard_deviations_as_asked(x):
    latent = scale(levels=21, step=0.5)(x)
    assert float(latent.std()) / (2 / 20) == pytest.approx(1 / 0.5, rel=1e-3)
    assert float(latent.abs().max()) <= 1


def test_the_step_is_the_smallest_that_keeps_four_standard_deviations_if_not_given(x):
    assert float(scale(levels=5)(x).std()) == pytest.approx(1 / 4, rel=1e-3)


def test_operating_points_have_signs_of_their_own_and_a_state_that_keeps_them():
    one, other = scale(tradeoff={"budget": 0.0}), scale(tradeoff={"budget": 1.0})
    assert 0 < int((one.signs != other.signs).sum()) < COUNT
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.signs, other.signs)


@pytest.mark.parametrize("rate", [0.25, 1.0])
def test_the_channel_has_the_correlation_of_its_rate_and_the_law_of_the_source(x, rate):
    encoder = channel(rate=rate)
    z = encoder(x) / encoder.scale
    source = (x.flatten(1) - MEAN) / SIGMA * encoder.signs
    noise = 4 / math.sqrt(COUNT * IMAGES)
    assert float((z * source).mean()) == pytest.approx(math.sqrt(1 - 2 ** (-2 * rate)), abs=noise)
    assert float(z.square().mean()) == pytest.approx(1.0, abs=2 * noise)
    assert float((z**4).mean()) == pytest.approx(3.0, abs=12 * noise)


def test_the_noise_follows_the_image_and_not_its_place_or_its_neighbours(x):
    encoder = channel()
    order = torch.randperm(IMAGES, generator=torch.Generator().manual_seed(1))[:50]
    assert torch.allclose(encoder(x)[order], encoder(x[order]))
    assert torch.allclose(encoder(x[order[:1]]), encoder(x[order])[:1])


def test_operating_points_have_noise_of_their_own(x):
    encoders = [channel({"budget": budget}) for budget in (0.0, 1.0)]
    source = (x.flatten(1) - MEAN) / SIGMA
    noises = [one(x) / one.scale - one.correlation * one.signs * source for one in encoders]
    assert abs(float((noises[0] * noises[1]).mean())) < 4 / math.sqrt(COUNT * IMAGES)


def test_pixels_beyond_the_dimensions_are_not_sent(x):
    assert GaussianScale(SHAPE, 5, 9, {})(x).shape == (IMAGES, 5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: GaussianScale((1, 1, 4), 5, 9, {}), r"the study has 5 dimensions, and an image 4 pixels"),
        (lambda: scale(levels=5, step=1.0), r"levels = 5 and step = 1.0; levels - 1 must be at least 8/step"),
        (lambda: scale(step=0.0), r"levels - 1 must be at least 8/step"),
        (lambda: channel(rate=0.0), r"rate = 0.0; it must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(make, sentence):
    with pytest.raises(PartError, match=sentence):
        make()

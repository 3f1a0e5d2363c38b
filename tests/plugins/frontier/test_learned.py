from __future__ import annotations

import math

import pytest
import torch

import rdcbench
from rdcbench.errors import PartError
from rdcbench_frontier.learned import LearnedCodebook

NO_DITHER = torch.zeros(300, 1, dtype=torch.int64)


@pytest.fixture
def latent():
    return torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("group", "alphabet"), [(0, [27]), (3, [27]), (1, [3, 3, 3])])
def test_the_rate_bound_does_not_depend_on_the_group(group, alphabet):
    quantizer = LearnedCodebook(dimensions=3, levels=3, group=group)
    assert quantizer.alphabet.tolist() == alphabet
    assert float(quantizer.alphabet.double().log2().sum()) == pytest.approx(3 * math.log2(3))


def test_untrained_it_is_the_uniform_quantizer(latent):
    uniform = rdcbench.registry.load().build("quantizer", "uniform", {}, {"dimensions": 3, "levels": 3})
    plain = uniform(latent, torch.zeros(300, 3, dtype=torch.int64))
    for group in (0, 1):
        quantizer = LearnedCodebook(dimensions=3, levels=3, group=group)
        torch.testing.assert_close(quantizer(latent, NO_DITHER), plain)


def test_the_centre_that_is_sent_is_the_nearest(latent):
    quantizer = LearnedCodebook(dimensions=3, levels=3)
    quantizer.centres.data = torch.randn(1, 27, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(quantizer.quantize(latent, NO_DITHER)[:, 0], torch.cdist(latent, quantizer.centres[0]).argmin(1))


def test_latent_and_sent_centres_get_the_gradient_of_what_is_received(latent):
    quantizer = LearnedCodebook(dimensions=3, levels=3)
    latent.requires_grad_(True)
    weight = torch.randn(300, 3)
    (quantizer(latent, NO_DITHER) * weight).sum().backward()
    torch.testing.assert_close(latent.grad, weight)
    sent = quantizer.quantize(latent, NO_DITHER)[:, 0]
    expected = torch.zeros(27, 3).index_add_(0, sent, weight)
    torch.testing.assert_close(quantizer.centres.grad[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("group", [0, 1])
def test_training_the_centres_lowers_the_squared_error(latent, group):
    quantizer = LearnedCodebook(dimensions=3, levels=3, group=group)
    skewed = latent.sign() * latent.abs() ** 3
    before = float((quantizer(skewed, NO_DITHER) - skewed).square().mean())
    optimizer = torch.optim.Adam(quantizer.parameters(), 0.02)
    for _ in range(100):
        optimizer.zero_grad()
        (quantizer(skewed, NO_DITHER) - skewed).square().mean().backward()
        optimizer.step()
    assert float((quantizer(skewed, NO_DITHER) - skewed).square().mean()) < 0.8 * before


def test_a_stream_comes_back_as_what_was_sent(latent):
    quantizer = LearnedCodebook(dimensions=3, levels=3)
    given = {"alphabet": quantizer.alphabet, "dither_points": 1}
    tables = rdcbench.registry.load().build("entropy_model", "frequencies", {}, given)
    tables.fit(quantizer, latent, torch.Generator())
    symbols = quantizer.quantize(latent, NO_DITHER)
    assert torch.equal(tables.decode(tables.encode(symbols, NO_DITHER), NO_DITHER), symbols)


@pytest.mark.parametrize(
    ("options", "sentence"), [({"group": 2}, "groups of 2 coordinates in 3"), ({"levels": 1}, "levels = 1")]
)
def test_what_does_not_fit_is_refused(options, sentence):
    with pytest.raises(PartError, match=sentence):
        LearnedCodebook(**{"dimensions": 3, "levels": 3, **options})

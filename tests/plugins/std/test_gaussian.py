"""GaussianConditional as an entropy model: the closed form, CompressAI's own numbers, and what it cannot price."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rdcbench import Context, PartError, generator
from rdcbench_std.entropy_models import Frequencies
from rdcbench_std.gaussian import GaussianConditional
from rdcbench_std.quantizers import DitheredQuantizer

LEVELS = 17
STEP = 2 / (LEVELS - 1)


def normal(count: int, dimensions: int = 2, name: str = "train") -> Tensor:
    """Latents that are normal and inside [-1, 1]: a deviation of one step."""
    return STEP * torch.randn(count, dimensions, generator=generator("normal", name)).clamp(-7, 7)


def sent(quantizer: DitheredQuantizer, y: Tensor) -> tuple[Tensor, Tensor]:
    dither = quantizer.dither(Context(3, "test", torch.arange(len(y))))
    return quantizer.quantize(y, dither), dither


def fitted(quantizer: DitheredQuantizer, y: Tensor) -> GaussianConditional:
    model = GaussianConditional(alphabet=quantizer.alphabet, dither_points=quantizer.dither_points)
    model.fit(quantizer, y, generator("fit"))
    return model


@pytest.fixture(scope="module")
def quantizer() -> DitheredQuantizer:
    return DitheredQuantizer(dimensions=2, levels=LEVELS)


@pytest.fixture(scope="module")
def model(quantizer: DitheredQuantizer) -> GaussianConditional:
    return fitted(quantizer, normal(20_000))


def test_a_normal_latent_costs_the_closed_form(quantizer, model):
    """H(Z | U) of a Gaussian with a deviation of one step: 2.1048 bits a coordinate."""
    bits = model.bits(*sent(quantizer, normal(20_000, name="test")))
    assert float(bits.mean()) == pytest.approx(2 * 2.104832660398, rel=0.01)


def test_the_rate_is_the_price_of_the_tables_and_of_the_coded_bytes(quantizer, model):
    symbols, dither = sent(quantizer, normal(5000, name="test"))
    bits = model.bits(symbols, dither)
    rate = model.rate(quantizer.dequantize(symbols, dither)).detach().double()
    assert float((rate - bits).abs().mean()) < 0.02
    payload = model.encode(symbols, dither)
    assert torch.equal(model.decode(payload, dither), symbols)
    assert float(bits.sum()) <= 8 * len(payload) <= 1.001 * float(bits.sum()) + 8 * model.flush_bytes


def test_probabilities_are_those_of_compressai_s_own_call(model):
    """Where the value is a whole number of steps from the mean, CompressAI does not round, and its tails are far."""
    values = model.mean.detach()[:, None] + torch.arange(-4.0, 5.0)
    scales = model.log_scale.detach().exp()[:, None].expand_as(values)
    _, likelihood = model._conditional(values, scales, model.mean.detach()[:, None].expand_as(values), training=False)
    rate = model.rate((values / model._steps()).T)
    torch.testing.assert_close(rate, -torch.log2(likelihood).sum(0), rtol=1e-3, atol=1e-3)


def test_a_fit_depends_on_the_latents_alone(quantizer, model):
    again = GaussianConditional(alphabet=quantizer.alphabet, dither_points=quantizer.dither_points)
    torch.nn.init.normal_(again.mean, generator=generator("elsewhere"))
    again.fit(quantizer, normal(20_000), generator("another fit"))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_latents_that_no_normal_law_follows_keep_the_bound():
    quantizer = DitheredQuantizer(dimensions=3, levels=3)
    spikes = torch.randint(3, (20_000, 3), generator=generator("spikes")) - 1.0
    bits = fitted(quantizer, 0.99 * spikes).bits(*sent(quantizer, 0.99 * spikes))
    assert float(bits.mean()) <= 3 * math.log2(3) + 0.01


def test_two_numbers_a_position_do_nearly_as_well_as_counting():
    quantizer = DitheredQuantizer(dimensions=3, levels=4)
    y, test = (torch.tanh(0.5 * torch.randn(20_000, 3, generator=generator(name))) for name in ("train", "test"))
    counted = Frequencies(alphabet=quantizer.alphabet, dither_points=quantizer.dither_points)
    counted.fit(quantizer, y, generator("fit"))
    price, least = (float(each.bits(*sent(quantizer, test)).mean()) for each in (fitted(quantizer, y), counted))
    assert least - 0.02 <= price <= 1.02 * least


def test_the_rate_has_gradients_before_a_fit():
    quantizer = DitheredQuantizer(dimensions=2, levels=5)
    model = GaussianConditional(alphabet=quantizer.alphabet, dither_points=quantizer.dither_points)
    y = normal(200).mul(3).requires_grad_()
    rate = model.rate(quantizer(y, quantizer.dither(Context(0, "train", torch.arange(200)))))
    rate.mean().backward()
    for part in (y, model.mean, model.log_scale):
        assert bool(torch.isfinite(part.grad).all())
        assert float(part.grad.abs().sum()) > 0


def test_a_coordinate_that_never_varies_costs_next_to_nothing():
    quantizer = DitheredQuantizer(dimensions=2, levels=5)
    y = torch.zeros(500, 2)
    symbols, dither = sent(quantizer, y)
    assert float(fitted(quantizer, y).bits(symbols, dither).mean()) < 0.5


def test_symbols_that_are_no_lattice_are_refused_by_name(quantizer, monkeypatch):
    monkeypatch.setattr(DitheredQuantizer, "dequantize", lambda self, symbols, dither: symbols.float() ** 2)
    with pytest.raises(PartError, match=r"'gaussian-conditional' needs symbols .* choose 'frequencies'"):
        fitted(quantizer, normal(20))

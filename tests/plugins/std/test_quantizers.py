"""The laws of the dithered quantiser and its gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from rdcbench import Context, PartError, Quantizer, generator
from rdcbench_std.quantizers import GRADIENTS, QUANTIZERS, DitheredQuantizer, Lattice, UniformQuantizer

POINTS = 64
SIGNIFICANT = 1e-4


def latents(count: int, dimensions: int = 3) -> Tensor:
    """tanh outputs as encoders give them: spread, and in part saturated to exactly +-1."""
    y = torch.tanh(3.0 * torch.randn(count, dimensions, generator=generator("latents")))
    y[::7] = 1.0
    y[3::7] = -1.0
    return y


def every_dither(quantizer: Quantizer, y: Tensor) -> tuple[Tensor, Tensor]:
    """Each latent [n, d] under each point of the dither: latents and dithers, both [n * M, d]."""
    points = torch.arange(quantizer.dither_points).repeat(len(y))[:, None].expand(-1, y.shape[1])
    return y.repeat_interleave(quantizer.dither_points, 0), points


def conditional_entropy(quantizer: Quantizer, y: Tensor) -> float:
    """H(Z | U) in bits of the first coordinate, exactly over the dither's grid, by counting."""
    entropies = []
    for point in range(quantizer.dither_points):
        symbols = quantizer.quantize(y, torch.full(y.shape, point))[:, 0]
        share = torch.bincount(symbols).double() / len(y)
        entropies.append(float(-(share * torch.log2(share.clamp(min=1e-300))).sum()))
    return float(np.mean(entropies))


# ---------------------------------------------------------------------------------------------------------- the dither


def test_dither_index_is_uniform_in_each_coordinate():
    dither = DitheredQuantizer(dimensions=3, levels=3).dither(Context(5, "test", torch.arange(20_000)))
    for column in dither.T:
        assert stats.chisquare(torch.bincount(column, minlength=POINTS).numpy()).pvalue > SIGNIFICANT


def test_dither_index_is_independent_of_the_latent_and_of_other_coordinates():
    y = latents(20_000)
    dither = DitheredQuantizer(dimensions=3, levels=3).dither(Context(5, "test", torch.arange(20_000)))
    table = torch.zeros(5, POINTS).index_put((((y[:, 0] + 1) * 2.499).long(), dither[:, 0]), torch.ones(1), True)
    assert stats.chi2_contingency(table.numpy()).pvalue > SIGNIFICANT
    pairs = torch.bincount(dither[:, 0] // 8 * 8 + dither[:, 1] // 8, minlength=64)
    assert stats.chisquare(pairs.numpy()).pvalue > SIGNIFICANT


def test_symbols_do_not_depend_on_the_batch():
    quantizer = DitheredQuantizer(dimensions=4, levels=5)
    y = latents(100, 4)

    def symbols(size: int) -> Tensor:
        parts = torch.arange(100).split(size)
        return torch.cat([quantizer.quantize(y[i], quantizer.dither(Context(9, "test", i))) for i in parts])

    whole = symbols(100)
    assert all(torch.equal(symbols(size), whole) for size in (1, 7, 64))
    order = torch.randperm(100, generator=generator("order"))
    shuffled = quantizer.quantize(y[order], quantizer.dither(Context(9, "test", order)))
    assert torch.equal(shuffled, whole[order])


def test_two_epochs_and_two_splits_have_other_dithers():
    quantizer, index = DitheredQuantizer(dimensions=3, levels=3), torch.arange(1000)
    first = quantizer.dither(Context(1, "train", index, draw=1))
    for other in (Context(1, "train", index, draw=2), Context(1, "test", index, draw=1), Context(2, "train", index, 1)):
        assert (quantizer.dither(other) == first).double().mean() < 0.05


# ----------------------------------------------------------------------------------------------------------- the error


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 16])
def test_errors_over_the_dither_are_evenly_spaced_whatever_the_latent(levels: int):
    quantizer = DitheredQuantizer(dimensions=3, levels=levels)
    step, y = 2 / (levels - 1), latents(500)
    many, dither = every_dither(quantizer, y)
    error = (quantizer(many, dither) - many).view(500, POINTS, 3)
    assert error.abs().max() <= step / 2 + 1e-6
    assert error.mean(1).abs().max() <= step / (2 * POINTS) + 1e-6
    gaps = error.sort(1).values.diff(dim=1)
    assert torch.allclose(gaps, torch.full_like(gaps, step / POINTS), atol=2e-6)


@settings(max_examples=200, deadline=None)
@given(
    levels=st.integers(2, 40),
    points=st.sampled_from([1, 2, 63, 64, 4096, 1 << 16]),
    place=st.floats(0, 1),
    y=st.one_of(
        st.sampled_from([1.0, -1.0, float(np.nextafter(np.float32(1), np.float32(0)))]),
        st.floats(-1, 1, width=32),
    ),
)
def test_nothing_overloads(levels: int, points: int, place: float, y: float):
    lattice = Lattice(1, levels, points, "straight-through", 1.0)
    latent, dither = torch.tensor([[y]]), torch.tensor([[min(points - 1, int(place * points))]])
    index = lattice.index(latent, dither)
    assert 0 <= int(index) < levels
    assert (lattice.received(index, dither) - latent).abs() <= lattice.step / 2 + 1e-6


def test_saturated_latents_take_the_outermost_symbols_under_every_dither():
    saturated = torch.tanh(torch.tensor([[30.0, -30.0]]))
    assert saturated.abs().eq(1).all()
    for levels in (2, 3, 4, 7):
        quantizer = DitheredQuantizer(dimensions=2, levels=levels, dither_points=4096)
        symbols = quantizer.quantize(*every_dither(quantizer, saturated))
        assert symbols.dtype == torch.int64
        assert torch.equal(symbols, torch.tensor([[levels - 1, 0]]).expand(4096, 2))


def test_float32_never_steps_out_of_the_outermost_cells():
    """So many levels that 1 + u + 1 is rounded to a tie: without the clamp there would be L + 1 symbols."""
    edge = torch.ones(64, 1), torch.arange(64)[:, None]
    for levels in range(2**19, 2**19 + 8):
        lattice = Lattice(1, levels, 64, "straight-through", 1.0)
        assert lattice.index(*edge).max() == levels - 1
        assert lattice.index(-edge[0], edge[1]).min() == 0


def test_plain_quantizer_takes_the_nearest_centre():
    quantizer = UniformQuantizer(dimensions=1, levels=4)
    y = torch.linspace(-1, 1, 1001)[:, None]
    nearest = (y - torch.linspace(-1, 1, 4)).abs().argmin(1, keepdim=True)
    dither = quantizer.dither(Context(0, "test", torch.arange(1001)))
    assert quantizer.dither_points == 1
    assert dither.eq(0).all()
    ties = ((y + 1) * 1.5 % 1 - 0.5).abs() < 1e-4
    assert torch.equal(quantizer.quantize(y, dither)[~ties], nearest[~ties])
    assert torch.allclose(quantizer(y, dither), torch.linspace(-1, 1, 4)[quantizer.quantize(y, dither)])


# ------------------------------------------------------------------------------------------------------------ the rate


@pytest.mark.parametrize(
    ("levels", "bits"), [(2, 0.7213475204), (3, 1.3606737602), (4, 1.8254116742), (5, 2.1803368801)]
)
def test_rate_of_a_uniform_latent_is_the_closed_form(levels: int, bits: float):
    assert bits == pytest.approx(math.log2(levels - 1) + math.log2(math.e) / (2 * (levels - 1)), abs=1e-9)
    y = ((torch.arange(60_000, dtype=torch.float64) + 0.5) / 30_000 - 1).float()[:, None]
    assert conditional_entropy(DitheredQuantizer(dimensions=1, levels=levels), y) == pytest.approx(bits, abs=2e-4)


def test_entropy_of_undithered_symbols_is_another_number():
    y = ((torch.arange(60_000, dtype=torch.float64) + 0.5) / 30_000 - 1).float()[:, None]
    assert conditional_entropy(UniformQuantizer(dimensions=1, levels=3), y) == pytest.approx(1.5, abs=1e-3)


# ------------------------------------------------------------------------------------------------------- the gradients


@pytest.mark.parametrize("part", QUANTIZERS)
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("levels", [2, 3, 6])
def test_forward_is_bit_for_bit_what_the_decoder_gets(part: type[Quantizer], gradient: str, levels: int):
    quantizer = part(dimensions=3, levels=levels, gradient=gradient)  # type: ignore[call-arg]
    y = latents(2000)
    dither = quantizer.dither(Context(1, "train", torch.arange(2000), 3))
    sent = quantizer.dequantize(quantizer.quantize(y, dither), dither)
    assert torch.equal(quantizer(y, dither), sent)
    trained = quantizer(y.requires_grad_(), dither)
    assert trained.requires_grad
    assert torch.equal(trained, sent)
    with torch.no_grad():
        assert not quantizer(y, dither).requires_grad


def test_straight_through_is_the_identity():
    quantizer, y = DitheredQuantizer(dimensions=3, levels=3), latents(100).requires_grad_()
    weights = torch.randn(100, 3, generator=generator("weights"))
    (quantizer(y, quantizer.dither(Context(0, "train", torch.arange(100)))) * weights).sum().backward()
    assert torch.equal(y.grad, weights)


def test_straight_through_is_unbiased():
    """With an error e uniform on +-step/2, d/dy E loss(y + e) is (loss(y + step/2) - loss(y - step/2)) / step."""
    quantizer, y = DitheredQuantizer(dimensions=1, levels=4, dither_points=256), torch.linspace(-1, 1, 101)[:, None]
    many, dither = every_dither(quantizer, y)
    many.requires_grad_()

    def loss(value: Tensor) -> Tensor:
        return torch.sin(3 * value) + value**3

    loss(quantizer(many, dither)).sum().backward()
    estimate = many.grad.view(101, 256).mean(1, keepdim=True)
    step = 2 / 3
    exact = (loss(y + step / 2) - loss(y - step / 2)) / step
    assert torch.allclose(estimate, exact, atol=2 * step / 256 * 10)
    assert (estimate - exact).mean().abs() < 1e-3


@pytest.mark.parametrize("sigma", [0.5, 1.0, 7.0])
def test_soft_to_hard_gradient_is_that_of_the_formula(sigma: float):
    quantizer = DitheredQuantizer(dimensions=2, levels=5, gradient="soft-to-hard", sigma=sigma)
    y = (latents(200, 2) * 0.99).requires_grad_()
    dither = quantizer.dither(Context(0, "train", torch.arange(200)))
    quantizer(y, dither).sum().backward()
    centres = np.linspace(-1, 1, 5)
    for i, j in np.ndindex(200, 2):
        shifted = float(y[i, j].detach()) + ((int(dither[i, j]) + 0.5) / POINTS - 0.5) * 0.5
        weight = np.exp(-sigma * np.abs(shifted - centres))
        weight /= weight.sum()
        slope = -sigma * np.sign(shifted - centres)
        by_hand = (centres * weight * (slope - (weight * slope).sum())).sum()
        assert float(y.grad[i, j]) == pytest.approx(by_hand, abs=1e-5)


def test_soft_to_hard_gradient_by_autograd_in_double():
    lattice = Lattice(1, 3, 64, "soft-to-hard", 1.0)
    y = torch.linspace(-0.99, 0.99, 57)[:, None].requires_grad_()
    dither = torch.arange(57)[:, None]
    (gradient,) = torch.autograd.grad(lattice(y, dither).sum(), y)
    again = y.detach().double().requires_grad_()
    shifted = again + ((dither + 0.5) / 64 - 0.5)
    weights = [torch.exp(-(shifted - c).abs()) for c in (-1.0, 0.0, 1.0)]
    soft = (weights[2] - weights[0]) / (weights[0] + weights[1] + weights[2])
    (expected,) = torch.autograd.grad(soft.sum(), again)
    assert torch.allclose(gradient.double(), expected, atol=1e-6)


# ----------------------------------------------------------------------------------------------------------- the rest


def test_names_alphabets_and_state():
    assert [part.name for part in QUANTIZERS] == ["dithered", "uniform"]
    quantizer = DitheredQuantizer(dimensions=3, levels=4, dither_points=16)
    assert quantizer.alphabet.tolist() == [4, 4, 4]
    assert {name: tuple(tensor.shape) for name, tensor in quantizer.state_dict().items()} == {
        "lattice.centres": (4,),
        "lattice.offsets": (16,),
    }
    assert not list(quantizer.parameters())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"levels": 1}, "levels = 1; it must be an integer >= 2"),
        ({"dimensions": 0}, "dimensions = 0"),
        ({"dither_points": 6.5}, "dither_points = 6.5"),
        ({"dither_points": True}, "dither_points = True"),
        ({"gradient": "soft"}, "There is no gradient of a quantizer 'soft'"),
        ({"sigma": 0.0}, "sigma = 0.0; it must be above 0"),
        ({"sigma": math.nan}, "must be above 0"),
    ],
)
def test_bad_options_get_a_sentence(options: dict[str, object], said: str):
    with pytest.raises(PartError, match=said.replace("(", r"\(")):
        DitheredQuantizer(**({"dimensions": 3, "levels": 3} | options))  # type: ignore[arg-type]

"""Entropy models: tables that price and code alike, lossless and safe streams, and two models that agree."""

from __future__ import annotations

import contextlib
import copy
import math
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor

from rdcbench import Context, EntropyModel, PartError, Quantizer, StreamError, generator
from rdcbench_std.coding import LARGEST, TOTAL, ConditionalTables
from rdcbench_std.density import _probability, cell_edges, law
from rdcbench_std.entropy_models import ENTROPY_MODELS, Bottleneck, Frequencies
from rdcbench_std.quantizers import DitheredQuantizer, UniformQuantizer

POINTS = 64


def latents(count: int, dimensions: int, name: str = "train") -> Tensor:
    """As trained encoders give them: spread over [-1, 1], two humps, of another weight in each dimension."""
    rng = generator("latents", name)
    hump = torch.rand(count, dimensions, generator=rng) < torch.linspace(0.5, 0.8, dimensions)
    return torch.tanh(0.9 * torch.randn(count, dimensions, generator=rng) + torch.where(hump, 0.8, -0.8))


def sent(quantizer: Quantizer, y: Tensor) -> tuple[Tensor, Tensor]:
    """Symbols and dither of a test split."""
    dither = quantizer.dither(Context(3, "test", torch.arange(len(y))))
    return quantizer.quantize(y, dither), dither


def fitted(part: type[EntropyModel], quantizer: Quantizer, y: Tensor, **options: int) -> EntropyModel:
    model = part(alphabet=quantizer.alphabet, dither_points=quantizer.dither_points, **options)  # type: ignore[call-arg]
    model.fit(quantizer, y, generator("fit"))
    return model


@pytest.fixture(scope="module")
def quantizer() -> DitheredQuantizer:
    return DitheredQuantizer(dimensions=3, levels=3)


@pytest.fixture(scope="module")
def models(quantizer: DitheredQuantizer) -> dict[str, EntropyModel]:
    y = latents(20_000, 3)
    return {part.name: fitted(part, quantizer, y) for part in ENTROPY_MODELS}


@pytest.fixture(scope="module")
def split(quantizer: DitheredQuantizer) -> tuple[Tensor, Tensor]:
    return sent(quantizer, latents(20_000, 3, "test"))


def random_tables(alphabet: Tensor, points: int, rng: np.random.Generator) -> ConditionalTables:
    """Tables from lopsided weights, some of them 0."""
    tables = ConditionalTables(alphabet, points)
    weights = rng.exponential(size=(alphabet.numel(), points, int(alphabet.max()))) ** 8
    weights[rng.random(weights.shape) < 0.3] = 0.0
    weights[..., 0] += 1e-3
    tables.set(torch.from_numpy(weights))
    return tables


def random_symbols(tables: ConditionalTables, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    shape = (count, *tables.alphabet.shape)
    symbols = torch.from_numpy((rng.random(shape) * tables.alphabet.numpy()).astype(np.int64))
    return symbols, torch.from_numpy(rng.integers(0, tables.dither_points, shape))


# ----------------------------------------------------------------------------------------------------- tables and coder


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    points=st.integers(1, 5),
    count=st.integers(0, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_round_trip_is_lossless(sizes: list[int], points: int, count: int, seed: int):
    rng = np.random.default_rng(seed)
    shape = (len(sizes),) if seed % 2 else (1, len(sizes), 1)
    tables = random_tables(torch.tensor(sizes).view(shape), points, rng)
    symbols, dither = random_symbols(tables, count, rng)
    payload = tables.encode(symbols, dither)
    decoded = tables.decode(payload, dither)
    assert decoded.dtype == torch.int64
    assert torch.equal(decoded, symbols)
    bits = float(tables.bits(symbols, dither).sum())
    assert bits <= 8 * len(payload) <= bits + 8 * tables.flush_bytes + 1


@pytest.mark.parametrize("size", [2, 255, 256, 257, LARGEST])
def test_large_alphabets(size: int):
    rng = np.random.default_rng(size)
    tables = random_tables(torch.tensor([size, 3]), 2, rng)
    symbols, dither = random_symbols(tables, 500, rng)
    assert torch.equal(tables.decode(tables.encode(symbols, dither), dither), symbols)


def test_bits_are_those_of_the_integer_tables():
    rng = np.random.default_rng(0)
    tables = random_tables(torch.tensor([4, 1, 7]), 3, rng)
    symbols, dither = random_symbols(tables, 50, rng)
    expected = []
    for image, points in zip(symbols.tolist(), dither.tolist(), strict=True):
        rows = [tables.cdf[3 * place + point].tolist() for place, point in enumerate(points)]
        expected.append(sum(-math.log2((row[k + 1] - row[k]) / TOTAL) for row, k in zip(rows, image, strict=True)))
    assert tables.bits(symbols, dither).dtype == torch.float64
    assert tables.bits(symbols, dither).tolist() == pytest.approx(expected, abs=1e-12)


def test_every_symbol_stays_codable():
    tables = ConditionalTables(torch.tensor([6, 2]), 2)
    weights = torch.zeros(2, 2, 6)
    weights[..., 1] = 1.0
    tables.set(weights)
    frequency = tables.cdf.diff(dim=1)
    assert (frequency[:2] >= 1).all()
    assert (frequency[2:, :2] >= 1).all()
    assert frequency[2:, 2:].eq(0).all()
    assert frequency.sum(1).eq(TOTAL).all()


@pytest.mark.parametrize("name", ["bottleneck", "frequencies"])
def test_coded_bytes_keep_what_the_model_promises(name: str, models: dict[str, EntropyModel], split):
    model, bits = models[name], float(models[name].bits(*split).sum())
    coded = 8 * len(model.encode(*split))
    assert model.flush_bytes == 8
    assert bits <= coded
    assert coded - 8 * model.flush_bytes == pytest.approx(bits, rel=0.02)
    assert coded - bits <= 8 * model.flush_bytes + 1


def test_a_long_stream_costs_no_more_than_its_bits_and_the_flush():
    rng = np.random.default_rng(1)
    tables = random_tables(torch.tensor([3, 3, 3]), 64, rng)
    symbols, dither = random_symbols(tables, 300_000, rng)
    coded, bits = 8 * len(tables.encode(symbols, dither)), float(tables.bits(symbols, dither).sum())
    assert bits <= coded <= bits * (1 + 1e-6) + 64


def test_speed_has_no_python_per_symbol(quantizer: DitheredQuantizer, models: dict[str, EntropyModel]):
    model, (symbols, dither) = models["frequencies"], sent(quantizer, latents(50_000, 3, "speed"))
    spent = []
    for _ in range(3):
        started = time.process_time()
        model.decode(model.encode(symbols, dither), dither)
        spent.append(time.process_time() - started)
    assert 50_000 / min(spent) > 250_000  # measured 1,400,000 images a second there and back


# ------------------------------------------------------------------------------------------------------ damaged streams


def small_stream(images: int = 5) -> tuple[ConditionalTables, Tensor, Tensor, bytes]:
    rng = np.random.default_rng(7)
    tables = random_tables(torch.tensor([3, 1, 9]), 4, rng)
    symbols, dither = random_symbols(tables, images, rng)
    return tables, symbols, dither, tables.encode(symbols, dither)


def test_flipped_bits_are_noticed_or_give_the_stream_of_other_symbols():
    tables, symbols, dither, payload = small_stream(40)
    unnoticed = 0
    for bit in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(StreamError):
            other = tables.decode(bytes(damaged), dither)
            unnoticed += 1
            assert not torch.equal(other, symbols)
            assert tables.encode(other, dither) == damaged
    assert unnoticed <= len(payload) * 8 / 20


def test_cut_and_lengthened_streams_are_noticed():
    tables, _, dither, payload = small_stream(40)
    wrong = [payload[:length] for length in range(len(payload))]
    wrong += [payload + b"\0" * 4, payload + payload, b"\0" * 4 + payload, b"", b"\xff" * 1000, b"\0" * 8]
    for damaged in wrong:
        with pytest.raises(StreamError):
            tables.decode(damaged, dither)


@pytest.mark.parametrize("asked", [0, 1, 39, 41, 4000])
def test_another_number_of_images_is_noticed(asked: int):
    tables, _, dither, payload = small_stream(40)
    with pytest.raises(StreamError, match=f"does not hold {asked} images"):
        tables.decode(payload, dither.repeat(100, 1)[:asked])


def test_another_dither_and_other_tables_are_noticed():
    tables, _, dither, payload = small_stream(40)
    with pytest.raises(StreamError):
        tables.decode(payload, (dither + 1) % 4)
    with pytest.raises(StreamError):
        ConditionalTables(tables.alphabet, 4).decode(payload, dither)


def test_noise_never_leaves_the_interpreter():
    tables, _, dither, _ = small_stream(200)
    rng = np.random.default_rng(3)
    for length in rng.integers(0, 600, 300):
        with pytest.raises(StreamError):
            tables.decode(rng.bytes(int(length)), dither)


def test_damaged_tables_are_refused():
    tables, symbols, dither, payload = small_stream()
    for row, column, value in [(0, 0, 5), (0, 1, 0), (0, 2, TOTAL), (2, 3, TOTAL - 1), (8, 4, -7), (4, 1, TOTAL)]:
        damaged = copy.deepcopy(tables)
        damaged.cdf[row, column] = value
        if torch.equal(damaged.cdf, tables.cdf):
            continue
        with pytest.raises(PartError, match="tables of the entropy model are damaged"):
            damaged.decode(payload, dither)
        with pytest.raises(PartError, match="tables of the entropy model are damaged"):
            damaged.encode(symbols, dither)


def test_symbols_and_dithers_outside_their_alphabets_are_bugs():
    tables, symbols, dither, _ = small_stream()
    with pytest.raises(ValueError, match="leave their alphabets"):
        tables.encode(symbols + 9, dither)
    with pytest.raises(ValueError, match="leave their alphabets"):
        tables.bits(symbols - 1, dither)
    with pytest.raises(ValueError, match="leaves its grid"):
        tables.encode(symbols, dither + 4)
    with pytest.raises(ValueError, match="dither has shape"):
        tables.encode(symbols, dither[:, :1])


def test_alphabets_that_no_table_can_hold():
    for alphabet in (torch.tensor([3, 0]), torch.tensor([LARGEST + 1]), torch.tensor([], dtype=torch.int64)):
        with pytest.raises(PartError, match="codes alphabets of 1 to 4096 symbols"):
            ConditionalTables(alphabet, 1)


# ------------------------------------------------------------------------------------------------------ the two models


@pytest.mark.parametrize("part", ENTROPY_MODELS)
def test_unfitted_models_price_all_symbols_alike(part: type[EntropyModel]):
    model = part(alphabet=torch.tensor([3, 4, 1]), dither_points=8)  # type: ignore[call-arg]
    symbols, dither = torch.tensor([[2, 3, 0], [0, 1, 0]]), torch.tensor([[7, 0, 3], [1, 1, 1]])
    assert model.bits(symbols, dither).tolist() == pytest.approx([math.log2(12)] * 2, abs=1e-3)
    assert torch.equal(model.decode(model.encode(symbols, dither), dither), symbols)


def test_frequencies_are_the_conditional_law_of_the_training_split(quantizer: DitheredQuantizer):
    y = latents(5000, 3)
    model = fitted(Frequencies, quantizer, y)
    for point in (0, 17, 63):
        offset = ((point + 0.5) / POINTS - 0.5) * 1.0
        for place in range(3):
            cells = np.digitize(y[:, place].double().numpy() + offset, [-0.5, 0.5])
            share = (np.bincount(cells, minlength=3) + 1) / 5003
            symbols, dither = torch.zeros(3, 3, dtype=torch.int64), torch.zeros(3, 3, dtype=torch.int64)
            symbols[:, place], dither[:, place] = torch.arange(3), point
            bits = model.bits(symbols, dither)
            assert (bits[1:] - bits[0]).tolist() == pytest.approx(list(-np.log2(share[1:] / share[0])), abs=0.02)


def test_rate_of_uniform_latents_is_the_closed_form(quantizer: DitheredQuantizer):
    y, test = (torch.rand(20_000, 3, generator=generator(name)) * 2 - 1 for name in ("train", "test"))
    for part in ENTROPY_MODELS:
        rate = float(fitted(part, quantizer, y).bits(*sent(quantizer, test)).mean())
        assert rate == pytest.approx(3 * 1.3606737602, rel=0.01)


def test_rate_of_undithered_symbols_is_another_number():
    quantizer = UniformQuantizer(dimensions=3, levels=3)
    y = torch.rand(20_000, 3, generator=generator("train")) * 2 - 1
    for part in ENTROPY_MODELS:
        model = fitted(part, quantizer, y)
        assert float(model.bits(*sent(quantizer, y)).mean()) == pytest.approx(4.5, abs=0.01)


@pytest.mark.parametrize(("dimensions", "levels"), [(3, 3), (3, 2), (4, 4)])
def test_two_models_agree_within_one_per_cent_and_keep_the_bound(dimensions: int, levels: int):
    quantizer = DitheredQuantizer(dimensions=dimensions, levels=levels)
    y, test = latents(20_000, dimensions), latents(10_000, dimensions, "test")
    rates = [float(fitted(part, quantizer, y).bits(*sent(quantizer, test)).mean()) for part in ENTROPY_MODELS]
    assert rates[0] == pytest.approx(rates[1], rel=0.01)
    assert max(rates) <= dimensions * math.log2(levels) + 0.01


def test_bottleneck_keeps_the_bound_on_latents_that_no_density_follows(quantizer: DitheredQuantizer):
    rng = generator("spikes")
    spikes = torch.randint(3, (20_000, 3), generator=rng) - 1.0
    y = (spikes + 0.01 * torch.randn(20_000, 3, generator=rng)).clamp(-1, 1)
    model = fitted(Bottleneck, quantizer, y)
    assert float(model.bits(*sent(quantizer, y)).mean()) <= 3 * math.log2(3) + 0.01


@pytest.mark.parametrize("part", ENTROPY_MODELS)
def test_fit_depends_on_latents_and_generator_alone(part: type[EntropyModel], quantizer: DitheredQuantizer):
    y, before = latents(2000, 3), torch.get_rng_state()
    options = {"steps": 30} if part is Bottleneck else {}
    first = fitted(part, quantizer, y, **options)
    assert torch.equal(torch.get_rng_state(), before)
    again = part(alphabet=quantizer.alphabet, dither_points=POINTS, **options)  # type: ignore[call-arg]
    for parameter in again.parameters():
        torch.nn.init.normal_(parameter, generator=generator("elsewhere"))
    with torch.no_grad():
        again.fit(quantizer, y, generator("fit"))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("part", ENTROPY_MODELS)
def test_models_survive_a_file(part: type[EntropyModel], models: dict[str, EntropyModel], split):
    model, (symbols, dither) = models[part.name], split
    payload = model.encode(symbols, dither)
    loaded = part(alphabet=torch.full((3,), 3), dither_points=POINTS)  # type: ignore[call-arg]
    loaded.load_state_dict(load(save(model.state_dict())))
    assert loaded.state_dict()["tables.cdf"].dtype == torch.int32
    assert loaded.encode(symbols, dither) == payload
    assert torch.equal(loaded.decode(payload, dither), symbols)
    assert torch.equal(loaded.bits(symbols, dither), model.bits(symbols, dither))


@pytest.mark.parametrize("part", ENTROPY_MODELS)
def test_models_refuse_the_quantizer_of_another_recipe(part: type[EntropyModel], models: dict[str, EntropyModel]):
    for other in (
        DitheredQuantizer(dimensions=3, levels=4),
        DitheredQuantizer(dimensions=3, levels=3, dither_points=8),
    ):
        with pytest.raises(PartError, match="build both from one recipe"):
            models[part.name].fit(other, latents(10, 3), generator("fit"))


# ------------------------------------------------------------------------------------------- the bottleneck's own rate


class Codebook(Quantizer):
    """Symbols that stand for vectors, or for numbers that are not evenly spaced."""

    name = "codebook"

    def __init__(self, words: Tensor) -> None:
        super().__init__()
        self.words = words

    @property
    def alphabet(self) -> Tensor:
        return torch.tensor([len(self.words)])

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:
        return torch.cdist(latent, self.words).argmin(1, keepdim=True)

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:
        return self.words[symbols[:, 0]]

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        return self.dequantize(self.quantize(latent, dither), dither)


@pytest.mark.parametrize("words", [torch.eye(3), torch.tensor([[-1.0], [0.3], [1.0]]), torch.tensor([[0.0], [1.0]])])
def test_bottleneck_refuses_symbols_that_are_no_lattice_and_frequencies_take_them(words: Tensor):
    codebook, y = Codebook(words), torch.randn(100, words.shape[1], generator=generator("words"))
    with pytest.raises(PartError, match="quantizer 'codebook' do not; choose the entropy model 'frequencies'"):
        fitted(Bottleneck, codebook, y)
    model = fitted(Frequencies, codebook, y)
    symbols, dither = sent(codebook, y)
    assert torch.equal(model.decode(model.encode(symbols, dither), dither), symbols)


def test_rate_is_the_price_of_the_tables(quantizer: DitheredQuantizer, models: dict[str, EntropyModel], split):
    symbols, dither = split
    rate = models["bottleneck"].rate(quantizer.dequantize(symbols, dither))
    assert rate.shape == (len(symbols),)
    difference = rate.double() - models["bottleneck"].bits(symbols, dither)
    assert difference.mean().abs() < 2e-3
    assert difference.abs().mean() < 0.01


def test_law_sums_to_one_with_alphabets_that_differ():
    model = Bottleneck(alphabet=torch.tensor([2, 5, 1]), dither_points=4)
    edges = torch.linspace(-2, 2, 3 * 4 * 4).view(3, 4, 4).sort(2).values
    probability = law(model.density, edges, torch.tensor([1.0, 4.0, 0.0]))
    assert torch.allclose(probability.sum(2), torch.ones(3, 4), atol=1e-6)
    assert probability[0, :, 2:].max() <= 1e-8
    assert torch.allclose(probability[2, :, 0], torch.ones(4))


def test_cell_edges_of_a_dithered_lattice():
    edges = cell_edges(DitheredQuantizer(dimensions=2, levels=4, dither_points=8))
    assert edges.shape == (2, 8, 3)
    offset = (torch.arange(8) + 0.5) / 8 - 0.5
    assert torch.allclose(edges[1], torch.tensor([-1.0, 0.0, 1.0]) - offset[:, None], atol=1e-6)


def test_rate_before_a_fit_has_gradients_to_latents_and_parameters():
    model = Bottleneck(alphabet=torch.full((2,), 5), dither_points=16)
    quantizer = DitheredQuantizer(dimensions=2, levels=5, dither_points=16)
    y = latents(500, 2).requires_grad_()
    dither = quantizer.dither(Context(0, "train", torch.arange(500)))
    rate = model.rate(quantizer(y, dither))
    rate.mean().backward()
    assert rate.shape == (500,)
    assert (rate > 0).all()
    assert y.grad.abs().sum() > 0
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_rate_gradient_is_the_difference_quotient():
    model = Bottleneck(alphabet=torch.full((1,), 5), dither_points=16).double()
    received = torch.linspace(-0.7, 0.7, 29, dtype=torch.float64)[:, None].requires_grad_()
    inner = (received.detach() * 2 % 1 - 0.5).abs()[:, 0] > 0.01  # not where one cell gives way to the next
    (gradient,) = torch.autograd.grad(model.rate(received).sum(), received)
    with torch.no_grad():
        quotient = (model.rate(received + 1e-6) - model.rate(received - 1e-6)) / 2e-6
    assert torch.allclose(gradient[inner, 0], quotient[inner], rtol=1e-5, atol=1e-7)


def test_rate_agrees_with_the_density_of_compressai():
    """Inner cells against EntropyBottleneck's own likelihood, which knows nothing of cells."""
    model = Bottleneck(alphabet=torch.full((3,), 9), dither_points=16)
    received = torch.rand(200, 3, generator=generator("inner")) * 1.6 - 0.8
    likelihood, _, _ = model.density._likelihood((received * 4).T[:, None, :])
    assert torch.allclose(model.rate(received), -torch.log2(likelihood[:, 0]).sum(0), rtol=1e-4)


def test_both_tails_are_exact_in_float32():
    density = Bottleneck(alphabet=torch.tensor([3]), dither_points=1).density
    exact = float(torch.tensor(16.0, dtype=torch.float64).sigmoid() - torch.tensor(15.0, dtype=torch.float64).sigmoid())
    for lower in (15.0, -16.0):
        probability = _probability(density, torch.tensor([lower]), torch.tensor([lower + 1]))
        assert float(probability) == pytest.approx(exact, rel=1e-4)


def test_training_by_rate_lowers_it():
    model, y = Bottleneck(alphabet=torch.full((3,), 3), dither_points=POINTS), 0.1 * latents(2000, 3)
    quantizer = DitheredQuantizer(dimensions=3, levels=3)
    received = quantizer(y, quantizer.dither(Context(0, "train", torch.arange(2000))))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    rates = []
    for _ in range(40):
        loss = model.rate(received).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.append(float(loss.detach()))
    assert rates[-1] < 0.7 * rates[0]


def test_frequencies_have_no_rate_and_say_so():
    with pytest.raises(PartError, match="'frequencies' has no differentiable rate"):
        Frequencies(alphabet=torch.tensor([3]), dither_points=1).rate(torch.zeros(1, 1))


@pytest.mark.parametrize("options", [{"steps": 0}, {"learning_rate": 0.0}])
def test_bad_options_of_the_bottleneck_get_a_sentence(options: dict[str, float]):
    with pytest.raises(PartError, match="steps must be at least 1 and the learning rate above 0"):
        Bottleneck(alphabet=torch.tensor([3]), dither_points=1, **options)  # type: ignore[arg-type]


def test_compressai_is_imported_late_and_silently():
    script = (
        "import sys, torch; from rdcbench_std import entropy_models as e; assert 'compressai' not in sys.modules\n"
        "f = e.Frequencies(alphabet=torch.tensor([3]), dither_points=2); assert 'compressai' not in sys.modules\n"
        "b = e.Bottleneck(alphabet=torch.tensor([3]), dither_points=2); assert b.flush_bytes == 8\n"
        "assert 'compressai' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "jit" not in done.stderr
    assert "compressai" not in done.stderr

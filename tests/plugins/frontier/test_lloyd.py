from __future__ import annotations

import itertools
import math

import pytest
import torch

from rdcbench_frontier.lloyd import (
    Weights,
    Words,
    cheapest,
    compact,
    constrain,
    deal,
    entropy,
    improve,
    kmeans,
    means,
    meet,
    pure_cells,
    words_of,
)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def blank(count, pixels, labels=0):
    return Words(torch.zeros(count, pixels), torch.zeros(count, labels), torch.zeros(count))


def cost(latents, words, weights, cells):
    """The price in the module's docstring, term by term."""
    pixels = weights.pixels
    error = (latents[:, :pixels] - words.centres[cells]).square().sum(1)
    cross = -(latents[:, pixels:] * words.laws[cells].clamp(min=1e-4).log()).sum(1)
    return error + pixels * (weights.label * cross + weights.rate * words.bits[cells])


def test_the_cheapest_codeword_is_that_of_the_written_price():
    latents = torch.cat([drawn(50, 6), torch.softmax(drawn(50, 3, seed=1), 1)], 1)
    words = Words(drawn(7, 6, seed=2), torch.softmax(drawn(7, 3, seed=3), 1), drawn(7, seed=4).abs())
    weights = Weights(6, 0.3, 0.2)
    every = torch.stack([cost(latents, words, weights, torch.full((50,), word)) for word in range(7)], 1)
    assert torch.equal(cheapest(latents, *words.affine(weights)), every.argmin(1))


@pytest.mark.parametrize("weights", [Weights(6), Weights(6, 0.3), Weights(6, 0.3, 0.2)])
def test_an_iteration_never_raises_the_cost(weights):
    latents = torch.cat([drawn(300, 6), torch.softmax(3 * drawn(300, 3, seed=1), 1)], 1)
    words = words_of(latents, torch.arange(300) % 9, blank(9, 6, 3))
    costs = []
    for _ in range(8):
        cells = cheapest(latents, *words.affine(weights))
        words = words_of(latents, cells, words)
        costs.append(float(cost(latents, words, weights, cells).mean()))
    assert all(second <= first + 1e-5 for first, second in itertools.pairwise(costs))
    assert costs[-1] < costs[0]


def test_kmeans_finds_clusters_that_are_there():
    centres = 10 * drawn(5, 4)
    points = (centres[:, None] + 0.01 * drawn(5, 30, 4, seed=1)).flatten(0, 1)
    cells = kmeans(points, 5, torch.Generator().manual_seed(0)).view(5, 30)
    assert (cells == cells[:, :1]).all()
    assert len(cells[:, 0].unique()) == 5


def test_a_cell_without_images_keeps_its_codeword():
    words = drawn(3, 2)
    found = means(drawn(4, 2, seed=1), torch.tensor([0, 0, 2, 2]), words)
    assert torch.equal(found[1], words[1])
    assert not torch.equal(found[0], words[0])


def test_principal_components_keep_distances():
    points = drawn(400, 64) @ drawn(64, 100, seed=1)  # 64 directions of 100
    near = compact(points, torch.Generator().manual_seed(0))
    assert near.shape == (400, 64)
    assert torch.allclose(torch.cdist(near[:20], near[20:]), torch.cdist(points[:20], points[20:]), rtol=1e-2)


@pytest.mark.parametrize("bits", [1.8, 2.3, 2.9])
def test_a_limit_on_bits_is_met_and_used(bits):
    latents = drawn(2000, 4)
    start = words_of(latents, kmeans(latents, 8, torch.Generator().manual_seed(0)), blank(8, 4))
    words, weights = constrain(latents, start, Weights(4), bits)
    words = improve(latents, words, weights, 3)  # as a codebook is finished, which loses bits
    words, weights = meet(latents, words, weights, bits)
    assert bits - 0.03 < entropy(words) <= bits
    cells = cheapest(latents, *words.affine(weights))
    share = torch.bincount(cells, minlength=8) / 2000
    assert float(-(share * share.clamp(min=1e-9).log2()).sum()) == pytest.approx(entropy(words), abs=0.05)


def test_entropy_constrained_codewords_beat_fewer_plain_ones_at_equal_bits():
    latents = drawn(4000, 4).abs() ** 3  # far from uniform, as such codes need
    plain = improve(latents, words_of(latents, kmeans(latents, 8, torch.Generator().manual_seed(0)), blank(8, 4)),
                    Weights(4), 20)  # fmt: skip
    start = words_of(latents, kmeans(latents, 32, torch.Generator().manual_seed(0)), blank(32, 4))
    words, weights = meet(latents, *constrain(latents, start, Weights(4), entropy(plain)), entropy(plain))
    errors = [
        (latents - one.centres[cheapest(latents, *one.affine(w))]).square().sum(1).mean()
        for one, w in ((plain, Weights(4)), (words, weights))
    ]
    assert errors[1] < 0.95 * errors[0]


def test_codewords_are_dealt_out_optimally():
    curves = [{n: scale / n for n in (1, 2, 3, 4, 6, 8)} for scale in (8.0, 4.0, 1.0)]
    dealt = deal(curves, 9, [100] * 3)

    def total(numbers):
        return sum(scale / n for scale, n in zip((8.0, 4.0, 1.0), numbers, strict=True))

    every = [numbers for numbers in itertools.product(range(1, 8), repeat=3) if sum(numbers) == 9]
    assert total(dealt) == pytest.approx(min(map(total, every)))


def test_no_label_gets_more_codewords_than_images_and_none_without_images_gets_any():
    steep = {1: 100.0, 2: 50.0}
    assert deal([steep, {1: 1.0, 2: 0.9}, {}], 6, [2, 50, 0]) == [2, 4, 0]


def test_pure_cells_hold_one_label():
    labels = torch.arange(200) % 4
    cells = pure_cells(drawn(200, 3) + labels[:, None], labels, 11, 4, torch.Generator().manual_seed(0))
    assert len(cells.unique()) == 11
    for cell in cells.unique():
        assert len(labels[cells == cell].unique()) == 1


def test_bits_are_those_of_the_cells():
    words = words_of(drawn(8, 2), torch.tensor([0, 0, 0, 0, 1, 1, 2, 2]), blank(3, 2))
    assert words.bits.tolist() == [1.0, 2.0, 2.0]
    assert entropy(words) == pytest.approx(1.5)
    assert math.isclose(float(words.bits.exp2().reciprocal().sum()), 1.0)

from __future__ import annotations

import math

import pytest
import torch

import rdcbench
from rdcbench import Context
from rdcbench.conformance.check import check_part
from rdcbench.errors import PartError
from rdcbench_frontier.lattices import LatticeQuantizer, dither_grid, lattice_points, nearest

LATTICES = [("Z", 3, 3), ("Z", 2, 4), ("A2", 2, 27), ("A2", 4, 7), ("D4", 4, 49)]


@pytest.fixture(params=LATTICES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def quantizer(request):
    lattice, dimensions, points = request.param
    return LatticeQuantizer(dimensions=dimensions, lattice=lattice, points=points)


def latents(quantizer, count=400):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(count, quantizer.size * len(quantizer.alphabet), generator=generator) * 2 - 1
    drawn[: count // 4] = drawn[: count // 4].sign()  # corners of the cube
    return drawn


def error(quantizer, latent, point):
    dither = torch.full((len(latent), len(quantizer.alphabet)), point)
    return quantizer(latent, dither) - quantizer.carried(latent)


def test_the_nearest_point_is_the_nearest_of_all_by_brute_force(quantizer):
    places = torch.randn(200, quantizer.size, generator=torch.Generator().manual_seed(1))
    brute = torch.cdist(places.double(), quantizer.centres.double()).argmin(1)
    assert torch.equal(nearest(quantizer.centres, places), brute)


@pytest.mark.parametrize("lattice", ["Z", "A2", "D4"])
def test_no_shift_of_the_dither_is_nearer_to_another_point_than_to_zero(lattice):
    grid, points = dither_grid(lattice, 4), lattice_points(lattice, 2)
    distances = torch.cdist(grid, points)
    assert bool((distances.argmin(1) == 0).all())
    assert float(points[0].abs().max()) == 0


def test_over_the_dither_the_error_is_the_dithers_own_grid_shifted_modulo_the_lattice(quantizer):
    """So it is uniform over the cell, with the same moments for every latent, corners of the cube included."""
    latent = latents(quantizer)
    errors = torch.stack([error(quantizer, latent, point) for point in range(quantizer.dither_points)])
    errors = errors.view(len(errors), -1, quantizer.size)
    power = errors.square().sum(-1).mean(0)
    mean = errors.mean(0).norm(dim=-1)
    cell = float(quantizer.offsets.norm(dim=1).max())
    parts = round(quantizer.dither_points ** (1 / quantizer.size))
    assert float(errors.norm(dim=-1).max()) <= cell * (1 + 1.5 / parts), "inside the cell: nothing overloads"
    assert float(mean.max()) < 1.1 * cell / parts, "half a step of the grid, which ends a little inside the cell"
    assert float((power / power.mean() - 1).abs().max()) < 1 / parts


def test_the_hexagons_error_is_that_of_the_literature():
    quantizer = LatticeQuantizer(dimensions=2, lattice="A2", points=27, parts=32)
    errors = torch.stack([error(quantizer, latents(quantizer, 40), point) for point in range(1024)])
    shortest = float(torch.pdist(quantizer.centres).min())
    volume = shortest**2 * math.sqrt(3) / 2
    assert float(errors.square().mean()) / volume == pytest.approx(5 / (36 * math.sqrt(3)), rel=0.01)


def test_what_is_sent_lies_in_the_alphabet(quantizer):
    context = Context(3, "test", torch.arange(400))
    symbols = quantizer.quantize(latents(quantizer), quantizer.dither(context))
    assert symbols.shape == (400, *quantizer.alphabet.shape)
    assert int(symbols.max()) < int(quantizer.alphabet[0])


def test_a_stream_comes_back_as_what_was_sent(quantizer):
    given = {"alphabet": quantizer.alphabet, "dither_points": quantizer.dither_points}
    tables = rdcbench.registry.load().build("entropy_model", "frequencies", {}, given)
    latent = latents(quantizer)
    tables.fit(quantizer, latent, torch.Generator())
    dither = quantizer.dither(Context(3, "test", torch.arange(400)))
    symbols = quantizer.quantize(latent, dither)
    payload = tables.encode(symbols, dither)
    assert torch.equal(tables.decode(payload, dither), symbols)
    assert 8 * len(payload) == pytest.approx(float(tables.bits(symbols, dither).sum()), rel=0.02, abs=80)


def test_on_the_line_it_is_the_papers_quantizer():
    plain = rdcbench.registry.load().build("quantizer", "dithered", {}, {"dimensions": 3, "levels": 3})
    quantizer = LatticeQuantizer(dimensions=3)
    torch.testing.assert_close(quantizer.centres.sort(0).values.flatten(), plain.lattice.centres)
    step = 2 / 64 / 2
    assert float((quantizer.offsets.flatten().sort().values - plain.lattice.offsets).abs().max()) < step


@pytest.mark.parametrize("name", ["lattice", "learned-codebook"])
def test_the_contracts_of_a_quantizer_hold(name):
    found = check_part("quantizer", name, rdcbench.registry.load())
    assert [str(finding) for finding in found if not finding.holds] == []


BAD = {
    "odd dimensions": (
        {"dimensions": 3, "lattice": "A2"},
        "lattice A2 has 2 dimensions and the study 3; take a multiple of 2",
    ),
    "three for D4": ({"dimensions": 6, "lattice": "D4"}, "lattice D4 has 4 dimensions and the study 6"),
    "an unknown lattice": ({"dimensions": 2, "lattice": "E8"}, "no lattice 'E8'; there is: A2, D4, Z"),
    "one point": ({"dimensions": 2, "points": 1}, "1 points and 0 parts; points are 2 to 64"),
    "no ball": ({"dimensions": 2, "lattice": "A2", "points": 2}, "No 2 points of A2 surround a ball"),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_does_not_fit_is_refused(fault):
    options, sentence = BAD[fault]
    with pytest.raises(PartError, match=sentence):
        LatticeQuantizer(**options)

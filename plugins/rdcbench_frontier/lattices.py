"""Lattice quantisers with a shared dither over the Voronoi cell: the line Z, the hexagonal lattice A2, D4.

A latent in the cube [-1, 1]^d is carried to a ball, group by group; the K lattice points nearest to the ball's centre
are the symbols, and the lattice is scaled so that the ball plus a cell never reaches another point. So nothing
overloads, and z - u - (carried latent) is uniform over the cell whatever the latent is (Zamir & Feder 1996). With as
many cells in a volume the squared error is that of G = .0802 (A2) and .0766 (D4) instead of 1/12.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Final, final

import torch
from torch import Tensor

from rdcbench import PartError, Quantizer, unknown

BASES: Final[Mapping[str, tuple[tuple[float, ...], ...]]] = {
    "Z": ((1.0,),),
    "A2": ((1.0, 0.0), (0.5, 3**0.5 / 2)),
    "D4": ((1.0, 1.0, 0.0, 0.0), (1.0, -1.0, 0.0, 0.0), (0.0, 1.0, -1.0, 0.0), (0.0, 0.0, 1.0, -1.0)),
}
"""Rows are basis vectors."""

HOLES: Final[Mapping[str, tuple[tuple[float, ...], ...]]] = {
    "Z": ((0.0,), (0.5,)),
    "A2": ((0.0, 0.0), (0.5, 3**0.5 / 6)),
    "D4": ((0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)),
}
"""Centres that a set of symbols can be symmetric about: a point of the lattice, a deep hole."""

REACH: Final[Mapping[str, int]] = {"Z": 64, "A2": 8, "D4": 5}
"""Lattice points with coefficients up to this are looked at."""

MOST: Final[Mapping[str, int]] = {"Z": 64, "A2": 91, "D4": 121}
"""Symbols of a group, at most: the shells after them are complete within REACH."""

PARTS: Final[Mapping[str, int]] = {"Z": 64, "A2": 8, "D4": 3}
"""Parts of a basis vector that the dither's grid has, unless told otherwise."""


def lattice_points(lattice: str, reach: int = 0) -> Tensor:
    """Points with coefficients -reach..reach (0: REACH) in the basis, float64 [points, n], by rising norm."""
    basis = torch.tensor(BASES[lattice], dtype=torch.float64)
    reach = reach or REACH[lattice]
    one = torch.arange(-reach, reach + 1, dtype=torch.float64)
    points = torch.cartesian_prod(*[one] * len(basis)).view(-1, len(basis)) @ basis
    return points[points.square().sum(1).round(decimals=9).sort(stable=True).indices]


def nearest(points: Tensor, place: Tensor) -> Tensor:
    """Index of the point nearest to each place: [points, n], [..., n] -> int64 [...]."""
    return (place @ points.T - points.square().sum(1) / 2).argmax(-1)


def dither_grid(lattice: str, parts: int) -> Tensor:
    """The parts^n points of lattice / parts inside the Voronoi cell, moved off its walls: float64 [parts^n, n].

    They are one of each coset, so that points under all shifts are evenly spread over the lattice's torus.
    """
    basis = torch.tensor(BASES[lattice], dtype=torch.float64)
    steps = itertools.product(range(parts), repeat=len(basis))
    shift = torch.tensor([0.5 + 0.01 * axis for axis in range(len(basis))], dtype=torch.float64)
    cosets = (torch.tensor(list(steps), dtype=torch.float64) + shift) / parts @ basis
    near = lattice_points(lattice, 3)
    return cosets - near[nearest(near, cosets)]


def symbols_and_radius(lattice: str, count: int) -> tuple[Tensor, float]:
    """The `count` points about the better of the centres, and the radius of the ball that reaches no other point.

    float64 [count, n] less the centre; 0 where there is no such ball. A point p is the nearest of y + u for some u in
    the cell V only if p - y lies in 2V, so the ball of radius r is safe if r <= distance from the centre to p + 2V.
    """
    found: list[tuple[float, Tensor]] = []
    for hole in HOLES[lattice]:
        points = lattice_points(lattice) - torch.tensor(hole, dtype=torch.float64)
        points = points[points.square().sum(1).round(decimals=9).sort(stable=True).indices]
        found.append((min(_distance_to_double_cell(lattice, points[count : count + 200])), points[:count]))
    radius, chosen = max(found, key=lambda pair: pair[0])
    return chosen, radius


def _distance_to_double_cell(lattice: str, places: Tensor) -> list[float]:
    """A lower bound of the distance of each place to 2V: its largest excess over the walls <x, w> <= |w|^2."""
    points = lattice_points(lattice, 2)[1:]
    norms = points.square().sum(1).sqrt()
    walls = points[norms < norms.min() * 1.001]  # all these cells end half-way to the nearest points
    lengths = walls.square().sum(1).sqrt()
    return [float(x) for x in ((places @ walls.T) / lengths - lengths).max(1).values.clamp(min=0)]


@final
class LatticeQuantizer(Quantizer):
    """Nearest point of a lattice after a shared dither that is uniform over its cell, on a grid of parts^n points.

    Parameters
    ----------
    dimensions: d, given; a multiple of the lattice's n (1 for Z, 2 for A2, 4 for D4).
    lattice: "Z", "A2" or "D4"; Z is the paper's quantiser, on L = points centres.
    points: symbols of a group of n coordinates; the rate bound is d/n log2(points) bits. 7, 12, 19, 27, 37 (A2), 40 and
        49 (D4) fill whole shells.
    parts: the dither has parts^n points, for each of which there is a table; 0 for PARTS.
    """

    name = "lattice"

    _alphabet: Tensor
    centres: Tensor
    offsets: Tensor

    def __init__(self, *, dimensions: int, lattice: str = "Z", points: int = 3, parts: int = 0) -> None:
        super().__init__()
        if lattice not in BASES:
            raise PartError(unknown("lattice", lattice, BASES))
        self.size = len(BASES[lattice])
        if dimensions % self.size:
            raise PartError(
                f"The lattice {lattice} has {self.size} dimensions and the study {dimensions}; take a multiple of "
                f"{self.size}, or another of {', '.join(BASES)}."
            )
        if not 2 <= points <= MOST[lattice] or parts < 0:
            raise PartError(
                f"The lattice {lattice} was asked for {points} points and {parts} parts; points are 2 to "
                f"{MOST[lattice]}, parts at least 0."
            )
        centres, radius = symbols_and_radius(lattice, points)
        if radius <= 0:
            raise PartError(f"No {points} points of {lattice} surround a ball; try whole shells: 27 (A2), 49 (D4).")
        offsets = dither_grid(lattice, parts or PARTS[lattice])
        self.dither_points = len(offsets)
        self.register_buffer("centres", (centres / radius).float())
        self.register_buffer("offsets", (offsets / radius).float())
        self.register_buffer("_alphabet", torch.full((dimensions // self.size,), points), persistent=False)

    @property
    def alphabet(self) -> Tensor:
        """Points of each group, int64 [d / n]."""
        return self._alphabet

    def carried(self, latent: Tensor) -> Tensor:
        """[n, d] in the cube -> [n, d] in a unit ball for each group: x max|x| / |x|; beyond the cube, its surface."""
        grouped = latent.clamp(-1, 1).view(len(latent), -1, self.size)
        length: Tensor = grouped.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        return (grouped * grouped.abs().amax(-1, keepdim=True) / length).flatten(1)

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:
        """Index of the point nearest to the carried latent plus the dither, int64 [n, d / n]."""
        place = self.carried(latent.detach()).view(*dither.shape, self.size) + self.offsets[dither]
        return nearest(self.centres, place)

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """z - u, float32 [n, d]."""
        return (self.centres[symbols] - self.offsets[dither]).flatten(1)

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """z - u, with the gradient of the carried latent (the error does not depend on it), [n, d]."""
        hard = self.dequantize(self.quantize(latent, dither), dither)
        carried = self.carried(latent)
        return hard + (carried - carried.detach())  # the bracket is exactly 0 and carries the gradient


QUANTIZERS: Final[tuple[type[Quantizer], ...]] = (LatticeQuantizer,)

"""Scalar quantisers on L centres evenly spaced on [-1, 1]: with a shared subtractive dither, and without.

Flow of one coordinate: y + u -> index k of the nearest centre c_k = -1 + k step, step = 2/(L-1) -> c_k - u.
Since |y| <= 1 and |u| < step/2, y + u stays inside the union of the L cells: nothing overloads, and the error
c_k - u - y lies within step/2 whatever y is (Ziv 1985; Zamir & Feder 1992).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import torch
from torch import Tensor, nn

from rdcbench import PartError, Quantizer, unknown

GRADIENTS: Final = ("straight-through", "soft-to-hard")
DITHER_POINTS: Final = 64


@final
class Lattice(nn.Module):
    """L centres evenly spaced on [-1, 1], shifted by a dither out of M points evenly spaced inside one step.

    The dither's grid has its points at the middle of M equal parts of (-step/2, step/2), so that it has mean 0 and
    never reaches an edge; M = 1 is no dither at all. The state is `centres` [L] and `offsets` [M], both float32: they
    decide what a stream means, so a sender's fingerprint must cover them.

    Parameters
    ----------
    dimensions: coordinates of a latent, d >= 1.
    levels: centres of a coordinate, L >= 2.
    dither_points: points of the dither's grid, M >= 1.
    gradient: "straight-through" (identity) or "soft-to-hard" (that of `soft`).
    sigma: steepness of the soft assignment, above 0.

    Raises
    ------
    PartError: an option has a value that it cannot have.
    """

    alphabet: Tensor
    centres: Tensor
    offsets: Tensor

    def __init__(self, dimensions: int, levels: int, dither_points: int, gradient: str, sigma: float) -> None:
        super().__init__()
        _check_whole({"dimensions": (dimensions, 1), "levels": (levels, 2), "dither_points": (dither_points, 1)})
        if gradient not in GRADIENTS:
            raise PartError(unknown("gradient of a quantizer", gradient, GRADIENTS))
        if not sigma > 0:
            raise PartError(f"A quantizer was asked for with sigma = {sigma}; it must be above 0.")
        self.levels, self.soft_gradient, self.sigma = levels, gradient == "soft-to-hard", float(sigma)
        self.step = 2.0 / (levels - 1)
        index = torch.arange(levels, dtype=torch.float64)
        place = torch.arange(dither_points, dtype=torch.float64)
        offsets = ((place + 0.5) / dither_points - 0.5) * self.step
        self.register_buffer("alphabet", torch.full((dimensions,), levels), persistent=False)
        self.register_buffer("centres", (index * self.step - 1.0).float())
        self.register_buffer("offsets", offsets.float())

    def index(self, latent: Tensor, dither: Tensor) -> Tensor:
        """Index of the centre nearest to y + u: float [n, d] and int64 [n, d] -> int64 [n, d].

        The clamp is no overload: it answers for float32 only, where tanh is exactly 1 at saturation and a tie at the
        outermost edge may round outwards.
        """
        place = (latent.detach() + self.offsets[dither] + 1.0) / self.step
        return place.round().clamp_(0, self.levels - 1).to(torch.int64)

    def received(self, index: Tensor, dither: Tensor) -> Tensor:
        """c_k - u, what the decoder sees: two int64 [n, d] -> float32 [n, d]."""
        return self.centres[index] - self.offsets[dither]

    def soft(self, latent: Tensor, dither: Tensor) -> Tensor:
        """sum_l c_l softmax_l(-sigma |y + u - c_l|), [n, d] (Mentzer et al. 2018, arXiv 1801.04260, eq. 4)."""
        distance = ((latent + self.offsets[dither])[..., None] - self.centres).abs()
        return (torch.softmax(-self.sigma * distance, -1) * self.centres).sum(-1)

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """`received` of `index`, bit for bit, with the chosen gradient to the latent, [n, d]."""
        hard = self.received(self.index(latent, dither), dither)
        if not latent.requires_grad:
            return hard
        surrogate = self.soft(latent, dither) if self.soft_gradient else latent
        return hard + (surrogate - surrogate.detach())  # the bracket is exactly 0 and carries the gradient


def _check_whole(options: Mapping[str, tuple[int, int]]) -> None:
    """Check that each option (name -> value, least value) is a whole number and not too small."""
    for name, (value, least) in options.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise PartError(f"A quantizer was asked for with {name} = {value!r}; it must be an integer >= {least}.")


@final
class DitheredQuantizer(Quantizer):
    """Uniform quantiser with a shared subtractive dither of one step (the paper's).

    Parameters
    ----------
    dimensions, levels: d and L, given by the harness; the rate bound is d log2 L bits.
    dither_points: points M of the dither's grid; the mean error is at most step / 2M.
    gradient: "straight-through", which is unbiased since the error does not depend on y, or "soft-to-hard".
    sigma: steepness of the soft-to-hard surrogate.
    """

    name = "dithered"

    def __init__(
        self,
        *,
        dimensions: int,
        levels: int,
        dither_points: int = DITHER_POINTS,
        gradient: str = "straight-through",
        sigma: float = 1.0,
    ) -> None:
        super().__init__()
        self.lattice = Lattice(dimensions, levels, dither_points, gradient, sigma)
        self.dither_points = dither_points

    @property
    def alphabet(self) -> Tensor:
        """L for each coordinate, int64 [d]."""
        return self.lattice.alphabet

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:
        """Symbols clamp(round((y + u + 1) / step), 0, L-1), int64 [n, d]."""
        return self.lattice.index(latent, dither)

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """z - u, float32 [n, d]."""
        return self.lattice.received(symbols, dither)

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """z - u with the chosen gradient, [n, d]."""
        received: Tensor = self.lattice(latent, dither)
        return received


@final
class UniformQuantizer(Quantizer):
    """Uniform quantiser without a dither, on the same centres; its error depends on the latent.

    Parameters
    ----------
    dimensions, levels: d and L, given by the harness; the rate bound is d log2 L bits.
    gradient: "straight-through" or "soft-to-hard"; both are biased without a dither.
    sigma: steepness of the soft-to-hard surrogate.
    """

    name = "uniform"

    def __init__(self, *, dimensions: int, levels: int, gradient: str = "straight-through", sigma: float = 1.0) -> None:
        super().__init__()
        self.lattice = Lattice(dimensions, levels, 1, gradient, sigma)

    @property
    def alphabet(self) -> Tensor:
        """L for each coordinate, int64 [d]."""
        return self.lattice.alphabet

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:
        """Symbols clamp(round((y + 1) / step), 0, L-1), int64 [n, d]; every entry of `dither` is 0."""
        return self.lattice.index(latent, dither)

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """The centre z, float32 [n, d]."""
        return self.lattice.received(symbols, dither)

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """The centre z with the chosen gradient, [n, d]."""
        received: Tensor = self.lattice(latent, dither)
        return received


QUANTIZERS: Final[tuple[type[Quantizer], ...]] = (DitheredQuantizer, UniformQuantizer)

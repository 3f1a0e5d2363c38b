"""Quantisers whose centres are trained with the codec: learned levels of a coordinate, or a learned vector codebook."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor, nn

from rdcbench import PartError, Quantizer


@final
class LearnedCodebook(Quantizer):
    """Nearest of K = levels^group learned centres for each group of coordinates; no dither.

    With group = 1 these are L learned levels of each coordinate, with group = dimensions a vector quantiser. Centres
    start evenly spaced on [-1, 1]. The latent gets the gradient of what is received (straight-through), and so does the
    centre that was sent (van den Oord et al. 2017, arXiv 1711.00937, with the task's loss in the place of its own).

    Parameters
    ----------
    dimensions, levels: d and L, given; the rate bound is d log2 L bits whatever the group.
    group: coordinates of one symbol, a divisor of d; 0 for all.
    """

    name = "learned-codebook"

    _alphabet: Tensor

    def __init__(self, *, dimensions: int, levels: int, group: int = 0) -> None:
        super().__init__()
        self.group = group or dimensions
        if self.group < 1 or dimensions % self.group:
            raise PartError(
                f"The quantizer 'learned-codebook' was asked for groups of {group} coordinates in {dimensions} "
                "dimensions; a group must divide them (0 takes all)."
            )
        if levels < 2:
            raise PartError(f"The quantizer 'learned-codebook' was asked for with levels = {levels}; it needs 2.")
        groups, line = dimensions // self.group, torch.linspace(-1, 1, levels)
        grid = torch.cartesian_prod(*[line] * self.group).view(-1, self.group)
        self.centres = nn.Parameter(grid.repeat(groups, 1, 1))
        self.register_buffer("_alphabet", torch.full((groups,), len(grid)), persistent=False)

    @property
    def alphabet(self) -> Tensor:
        """L^group for each group, int64 [groups]."""
        return self._alphabet

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:  # noqa: ARG002 - it has none
        """Index of the nearest centre of each group, int64 [n, groups]; the first of several equally near."""
        grouped = latent.detach().view(len(latent), -1, 1, self.group)
        return (grouped - self.centres.detach()).square().sum(-1).argmin(-1)

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:  # noqa: ARG002 - it has none
        """The centres, float32 [n, d], with a gradient to them."""
        groups = torch.arange(len(self.centres), device=symbols.device)
        return self.centres[groups, symbols].flatten(1)

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """The centres, with the identity as the gradient to the latent and to the centres that were sent, [n, d]."""
        hard = self.dequantize(self.quantize(latent, dither), dither)
        return hard + (latent - latent.detach())  # the bracket is exactly 0 and carries the gradient


QUANTIZERS: Final[tuple[type[Quantizer], ...]] = (LearnedCodebook,)

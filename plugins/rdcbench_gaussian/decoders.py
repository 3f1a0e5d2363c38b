"""The decoder of Gaussian components: one number times what was received, fitted in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import torch
from torch import Tensor
from torch.nn import functional as F

from rdcbench import Context, Decoder, Fitted, PartError, Split
from rdcbench_gaussian.source import MEAN, SIGMA

BUDGET: Final = "budget"


class GaussianLinear(Decoder, Fitted):
    """x^ = c z, with c such that W2^2 between source and output stays within the dial `budget` (Zhang et al. 2021).

    Fitted are the sign of each component, the gain of the least squared error, and the standard deviation of what is
    received, in units of the source's; all components share the last two. The output's standard deviation is then
    max(1 - sqrt(budget), that of the least squared error).

    Parameters
    ----------
    image_shape, dimensions: given; pixels beyond the dimensions are not received, and come back as their mean.

    The dial `budget` is W2^2 of a component in shares of the source's variance; 1 or more asks for the least squared
    error.
    """

    name = "gaussian-linear"
    dials: ClassVar[tuple[str, ...]] = (BUDGET,)

    signs: Tensor
    gain: Tensor
    spread: Tensor

    def __init__(self, image_shape: Sequence[int], dimensions: int) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.register_buffer("signs", torch.ones(dimensions))
        self.register_buffer("gain", torch.ones((), dtype=torch.float64))
        self.register_buffer("spread", torch.ones((), dtype=torch.float64))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Second moments of source and received components, over all training images."""
        index = torch.arange(len(train))
        received = given(index).double()
        pixels = train.batch(index, received.device).x.flatten(1)
        source = ((pixels[:, : len(self.signs)] - MEAN) / SIGMA).double()
        covariance = (source * received).mean(0)
        energy = received.square().mean()
        self.signs.copy_(torch.where(covariance < 0, -1.0, 1.0))
        self.gain.copy_(covariance.abs().mean() / energy)
        self.spread.copy_(energy.sqrt())

    def scale(self, budget: float) -> float:
        """c for a budget in shares of the variance."""
        if not budget >= 0:
            raise PartError(f"The dial {BUDGET} = {budget} must be at least 0.")
        least = float(self.gain * self.spread)
        return max(1 - math.sqrt(budget), least) / float(self.spread)

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, d] -> [n, *image_shape]."""
        components = self.scale(context.tradeoff.get(BUDGET, 1.0)) * self.signs * received
        pixels = F.pad(components, (0, math.prod(self.image_shape) - len(self.signs)))
        return (MEAN + SIGMA * pixels).clamp(0, 1).view(-1, *self.image_shape)


DECODERS: Final[tuple[type[Decoder], ...]] = (GaussianLinear,)

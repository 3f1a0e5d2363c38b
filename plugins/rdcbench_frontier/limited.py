"""An objective that spends a given number of bits: more levels than they pay for, and a price on what is beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, final

from torch import Tensor
from torch.nn import functional as F

from rdcbench import Objective, Outcome


@final
class RateLimited(Objective):
    """MSE + weight * (mean bits of a batch - limit, where positive), by the density of the entropy model.

    Above the slope of the distortion over the rate, the weight is a penalty that holds the mean at the limit, so it
    need not be tuned. Needs an entropy model with a differentiable rate, such as 'bottleneck'.

    Parameters
    ----------
    limit: bits an image that cost nothing, at least 0; of 0 every bit has its price.
    """

    name = "rate-limited"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {"distortion": frozenset(), "rate": frozenset({"rate"})}

    def __init__(self, limit: float = 0.0) -> None:
        if not limit >= 0:
            raise ValueError(f"limit = {limit} is not possible; it must be at least 0 bits")
        self.limit = limit

    def term(self, name: str, outcome: Outcome) -> Tensor:
        """MSE per pixel; bits an image beyond the limit."""
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        assert outcome.bits is not None
        return F.relu(outcome.bits.mean() - self.limit)


OBJECTIVES: Final[tuple[type[Objective], ...]] = (RateLimited,)

"""An objective for rdcbench: bits under the entropy model beside distortion, perception and classification."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

import rdcbench


class RateAware(rdcbench.Objective):
    """MSE + lambda_r * bits an image + lambda_p * critic's W1 + lambda_c * cross-entropy.

    The bits are those of the entropy model's own density (Balle et al. 2017), which trains beside the codec; it needs
    one that has a differentiable rate, such as 'bottleneck'.

    target: bits an image that cost nothing; only what an image takes beyond them is priced.
    label: the label that the classification term is about.
    """

    name = "rate_aware"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {
        "distortion": frozenset(),
        "rate": frozenset({"rate"}),
        "perception": frozenset({"critic"}),
        "classification": frozenset({"classifier"}),
    }

    def __init__(self, target: float = 0.0, label: str = "digit") -> None:
        if target < 0:
            raise ValueError(f"target = {target} is not possible; it must be at least 0 bits")
        self.target, self.label = target, label

    def term(self, name: str, outcome: rdcbench.Outcome) -> Tensor:
        """Compute one term: a scalar with a gradient to x_hat, or to what was received for the rate."""
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        if name == "rate":
            assert outcome.bits is not None
            return F.relu(outcome.bits - self.target).mean()
        if name == "perception":
            assert outcome.critic is not None
            score: Tensor = outcome.critic(outcome.x_hat)
            return -score.mean()
        assert outcome.classifier is not None
        return F.cross_entropy(outcome.classifier(outcome.x_hat)[self.label], outcome.labels[self.label])


@rdcbench.hookimpl
def rdcbench_objectives() -> list[type[rdcbench.Objective]]:
    """Offer the objective."""
    return [RateAware]

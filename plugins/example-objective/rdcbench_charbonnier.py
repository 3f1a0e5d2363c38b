"""One objective for rdcbench: the paper's, with the Charbonnier distance in place of the squared error."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

import rdcbench


class Charbonnier(rdcbench.Objective):
    """Charbonnier distance (Charbonnier et al. 1994): squared for small differences, absolute for large ones.

    epsilon: where one turns into the other; differences far below it count as their square, as in the MSE.
    """

    name = "charbonnier"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {
        "distortion": frozenset(),
        "perception": frozenset({"critic"}),
        "classification": frozenset({"classifier"}),
    }

    def __init__(self, epsilon: float = 0.5) -> None:
        self.epsilon = epsilon

    def term(self, name: str, outcome: rdcbench.Outcome) -> Tensor:
        """Compute one term: a scalar with a gradient to x_hat."""
        if name == "distortion":
            difference = outcome.x_hat - outcome.x
            return 2 * self.epsilon * ((difference.square() + self.epsilon**2).sqrt() - self.epsilon).mean()
        if name == "perception":
            assert outcome.critic is not None
            score: Tensor = outcome.critic(outcome.x_hat)
            return -score.mean()
        assert outcome.classifier is not None
        return cross_entropy(outcome.classifier(outcome.x_hat)["digit"], outcome.labels["digit"])


@rdcbench.hookimpl
def rdcbench_objectives() -> list[type[rdcbench.Objective]]:
    """Offer the objective."""
    return [Charbonnier]

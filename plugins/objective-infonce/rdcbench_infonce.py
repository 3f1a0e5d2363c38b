"""An objective for rdcbench: classification by a contrastive bound in a classifier's features."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

import rdcbench


class InfoNce(rdcbench.Objective):
    """MSE + lambda_p * critic's W1 + lambda_c * InfoNCE between the features of an image and of its reconstruction.

    The loss is log n less a lower bound on the information that the reconstruction's features have about the image's
    (van den Oord et al. 2018, eq. 4): no label is read, and the classifier's last layer is not asked. Features are the
    frozen classifier's last hidden layer, compared by their cosine.

    temperature: of the comparison; a smaller one looks at the nearest images only.
    """

    name = "infonce"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {
        "distortion": frozenset(),
        "perception": frozenset({"critic"}),
        "classification": frozenset({"classifier"}),
    }

    def __init__(self, temperature: float = 0.1) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature = {temperature} is not possible; it must be above 0")
        self.temperature = temperature

    def term(self, name: str, outcome: rdcbench.Outcome) -> Tensor:
        """Compute one term: a scalar with a gradient to x_hat."""
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        if name == "perception":
            assert outcome.critic is not None
            score: Tensor = outcome.critic(outcome.x_hat)
            return -score.mean()
        assert outcome.classifier is not None
        with torch.no_grad():
            real = outcome.classifier.features(outcome.x)
        return info_nce(real, outcome.classifier.features(outcome.x_hat), self.temperature)


def info_nce(real: Tensor, decoded: Tensor, temperature: float) -> Tensor:
    """Cross-entropy in nats of finding the image among the batch by its reconstruction: features [n, f] each."""
    likeness = F.normalize(decoded, dim=1) @ F.normalize(real, dim=1).T / temperature
    return F.cross_entropy(likeness, torch.arange(len(real), device=real.device))


@rdcbench.hookimpl
def rdcbench_objectives() -> list[type[rdcbench.Objective]]:
    """Offer the objective."""
    return [InfoNce]

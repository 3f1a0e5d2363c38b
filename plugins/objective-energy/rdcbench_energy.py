"""An objective for rdcbench: perception without a critic, by the energy distance."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

import rdcbench


class Energy(rdcbench.Objective):
    """MSE + lambda_p * energy distance of real and decoded images + lambda_c * cross-entropy; no critic is trained.

    The energy distance 2 E|X - X^| - E|X - X'| - E|X^ - X^'| (Szekely and Rizzo 2013) is the squared MMD with the
    kernel -|x - y| (Sejdinovic et al. 2013): 0 for equal distributions only. It is estimated from pairs of different
    images of the batch, so it has no bias, whatever the batch is; Euclidean norms are divided by the square root of
    the number of pixels.

    label: the label that the classification term is about.
    """

    name = "energy"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {
        "distortion": frozenset(),
        "perception": frozenset(),
        "classification": frozenset({"classifier"}),
    }

    def __init__(self, label: str = "digit") -> None:
        self.label = label

    def term(self, name: str, outcome: rdcbench.Outcome) -> Tensor:
        """Compute one term: a scalar with a gradient to x_hat."""
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        if name == "perception":
            return energy_distance(outcome.x, outcome.x_hat)
        assert outcome.classifier is not None
        return F.cross_entropy(outcome.classifier(outcome.x_hat)[self.label], outcome.labels[self.label])


def energy_distance(x: Tensor, x_hat: Tensor) -> Tensor:
    """Unbiased estimate from [n, ...] each, n > 1; image i never meets its own reconstruction."""
    real, decoded = x.flatten(1), x_hat.flatten(1)
    others = 1.0 - torch.eye(len(real), device=real.device)
    across, within, without = (
        (torch.cdist(*pair) * others).sum() / others.sum()
        for pair in ((real, decoded), (real, real), (decoded, decoded))
    )
    distance: Tensor = (2 * across - within - without) / float(real.shape[1]) ** 0.5
    return distance


@rdcbench.hookimpl
def rdcbench_objectives() -> list[type[rdcbench.Objective]]:
    """Offer the objective."""
    return [Energy]

"""The paper's objective as named terms: RD, RDP, RDC and RDPC are one objective with different weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from rdcbench import Objective, Outcome, PartError, unknown


class Weighted(Objective):
    """MSE + lambda_p * critic's W1 + lambda_c * cross-entropy of a pre-trained classifier (arXiv 2504.13191, eq. 12).

    The W1 term is -E h(x_hat): the critic h is trained beside by its own loss, and E h(x) does not depend on the codec.

    Parameters
    ----------
    label: the label that the classification term is about.
    """

    name = "weighted"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {
        "distortion": frozenset(),
        "perception": frozenset({"critic"}),
        "classification": frozenset({"classifier"}),
    }

    def __init__(self, label: str = "digit") -> None:
        self.label = label

    def term(self, name: str, outcome: Outcome) -> Tensor:
        """MSE per pixel; negative mean critic score; cross-entropy in nats."""
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        if name == "perception":
            assert outcome.critic is not None
            score: Tensor = outcome.critic(outcome.x_hat)
            return -score.mean()
        assert outcome.classifier is not None
        logits = outcome.classifier(outcome.x_hat)
        if self.label not in logits:
            raise PartError(unknown("label of the classifier", self.label, logits))
        return F.cross_entropy(logits[self.label], outcome.labels[self.label])


OBJECTIVES = (Weighted,)

"""Means over the test images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from rdcbench import Classifier, Critic, Decoded, Field, Metric


class Mse(Metric):
    """Squared error per pixel."""

    name = "mse"
    fields: ClassVar[Mapping[str, Field]] = {"mse": Field("per pixel", "lower", 0.0)}

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        return {"mse": (decoded.x_hat - decoded.x).square().flatten(1).mean(1)}


class ClassifierMetric(Metric):
    """Cross-entropy and accuracy of the pre-trained classifier."""

    name = "classifier"
    fields: ClassVar[Mapping[str, Field]] = {
        "ce": Field("nat", "lower", 0.0),
        "accuracy": Field("share", "higher", 0.0, 1.0),
    }

    def __init__(self, classifier: Classifier, label: str = "digit") -> None:
        self.classifier, self.label = classifier, label

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n] each."""
        logits, label = self.classifier(decoded.x_hat)[self.label], decoded.labels[self.label]
        return {"ce": F.cross_entropy(logits, label, reduction="none"), "accuracy": (logits.argmax(1) == label).float()}


class OwnCritic(Metric):
    """Gap of the codec's own critic between real and decoded images: the paper's perception axis."""

    name = "own-critic"
    fields: ClassVar[Mapping[str, Field]] = {"perception_own": Field("critic", "lower")}

    def __init__(self, critic: Critic) -> None:
        self.critic = critic

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        return {"perception_own": self.critic(decoded.x) - self.critic(decoded.x_hat)}


METRICS = (Mse, ClassifierMetric, OwnCritic)

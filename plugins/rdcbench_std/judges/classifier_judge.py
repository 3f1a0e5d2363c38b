"""The held-out classifier: another architecture and seed than the codec's own, never seen in training a codec."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import Decoded, Field, Judge, Measurement, Split, unknown
from rdcbench.errors import PartError
from rdcbench_std.judges.distances import frechet, frechet_measurement, kernel_distance, kernel_measurement, moments

BATCH = 1000
SAMPLE = 10_000
"""Training images that stand for real ones in the real-against-real values."""


class ClassifierJudge(Judge):
    """Cross-entropy and accuracy of a held-out classifier, and distances in its last hidden layer (100 features).

    Strided convolutions 16 and 32 (5x5), 100 ReLU, classes; trained with Adam and a one-cycle rate.

    Parameters
    ----------
    image_shape, classes: given.
    label: the label that it judges; the first one of the data set if not given.
    epochs, batch, learning_rate: of its training.
    """

    name = "classifier-judge"
    fields: ClassVar[Mapping[str, Field]] = {
        "ce_judge": Field("nat", "lower", 0.0),
        "accuracy_judge": Field("share", "higher", 0.0, 1.0),
        "perception": Field("Frechet distance in the judge's features", "lower", 0.0),
        "kid": Field("squared MMD in the judge's features", "lower"),
    }

    sample: Tensor

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: Mapping[str, int],
        label: str = "",
        epochs: int = 3,
        batch: int = 64,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__()
        self.label = label or next(iter(classes))
        if self.label not in classes:
            raise PartError(unknown("label of the data set", self.label, classes))
        channels, height, width = image_shape
        for _ in range(2):
            height, width = (height + 1) // 2, (width + 1) // 2
        self.hidden = nn.Sequential(
            nn.Conv2d(channels, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * height * width, 100), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(100, classes[self.label])
        self.epochs, self.batch, self.learning_rate = epochs, batch, learning_rate
        self.register_buffer("sample", torch.zeros(0, 100))

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Train the classifier, then keep the features of some training images for the real-against-real values."""
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate, fused=True)
        steps = self.epochs * -(-len(train) // self.batch)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, steps, cycle_momentum=False)
        for _ in range(self.epochs):
            for index in torch.randperm(len(train), generator=generator).split(self.batch):
                batch = train.batch(index, self.head.weight.device)
                loss = F.cross_entropy(self.head(self.hidden(batch.x)), batch.labels[self.label])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                cycle.step()
        chosen = torch.randperm(len(train), generator=generator)[:SAMPLE]
        self.sample = self.features(train.batch(chosen, self.head.weight.device).x)

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, 100]."""
        return torch.cat([self.hidden(part) for part in x.split(BATCH)])

    @torch.no_grad()
    def measure(self, test: Decoded, train: Callable[[], Decoded]) -> Mapping[str, Measurement]:  # noqa: ARG002
        """Judge decoded images against the real test images, n = all of them."""
        real, fake = self.features(test.x), self.features(test.x_hat)
        logits, label = self.head(fake), test.labels[self.label]
        entropy = F.cross_entropy(logits, label, reduction="none").double().cpu().numpy()
        correct = (logits.argmax(1) == label).double().cpu().numpy()
        count = min(len(real), len(self.sample))
        return {
            "ce_judge": Measurement(float(entropy.mean()), entropy),
            "accuracy_judge": Measurement(float(correct.mean()), correct),
            "perception": frechet_measurement(real, fake, frechet(moments(self.sample), moments(real))),
            "kid": kernel_measurement(real, fake, kernel_distance(self.sample[:count:10], real[:count:10])),
        }

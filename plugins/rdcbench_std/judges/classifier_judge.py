"""The held-out classifier: another architecture and seed than the codec's own, never seen in training a codec."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import Decoded, Field, Judge, Measurement, PartError, Split, unknown
from rdcbench_std.judges.distances import (
    Gaussians,
    blocks,
    frechet,
    frechet_measurement,
    gaussians,
    kernel_distance,
    kernel_measurement,
    kernel_sums,
)
from rdcbench_std.judges.recent import Recent

BATCH = 500
SAMPLE = 10_000
"""Training images that stand for real ones in the real-against-real values."""
FEATURES = 100
ROUNDS = 40
"""A small data set is not gone through more often, whatever `steps` says: that would be learning it by heart."""


@dataclass(frozen=True)
class _Real:
    """What the judge knows of the real test images: features [n, 100], and how far from them training images are."""

    features: Tensor
    gaussians: Gaussians
    kernel_sums: Tensor
    frechet: float
    kernel: float


class ClassifierJudge(Judge):
    """Cross-entropy and accuracy of a held-out classifier, and distances in its last hidden layer (100 features).

    Two strided convolutions of 16 and 32 channels (5x5), 100 ReLU, classes; no pooling and no batch norm, so it has no
    training mode to be left in. Trained with Adam, a one-cycle rate and small shifts. On MNIST: 99 %.

    Parameters
    ----------
    image_shape, classes: given.
    label: the label that it judges; the first one of the data set if not given.
    steps: of its training, but at most 40 rounds of the training split.
    batch, learning_rate: of its training.
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
        steps: int = 1700,
        batch: int = 128,
        learning_rate: float = 5e-3,
    ) -> None:
        super().__init__()
        self.label = label or next(iter(classes), "")
        if self.label not in classes:
            raise PartError(unknown("label of the data set", self.label, classes))
        self.hidden, self.head = _network(image_shape), nn.Linear(FEATURES, classes[self.label])
        self.steps, self.batch, self.learning_rate = steps, batch, learning_rate
        self.register_buffer("sample", torch.zeros(0, FEATURES))
        self._recent: Recent[_Real] = Recent(self)

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Train the classifier, then keep the features of some training images for the real-against-real values."""
        self._start(generator)
        steps = min(self.steps, ROUNDS * max(1, len(train) // self.batch))
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate, fused=True)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, steps, cycle_momentum=False)
        for index in _batches(len(train), self.batch, steps, generator):
            batch = train.batch(index, self.head.weight.device)
            loss = F.cross_entropy(self.head(self.hidden(_shifted(batch.x, generator))), batch.labels[self.label])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
        chosen = torch.randperm(len(train), generator=generator)[:SAMPLE]
        self.sample = self.features(train.batch(chosen, self.head.weight.device).x)
        self._recent.forget()

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> last hidden layer, [n, 100], all at least 0."""
        return torch.cat([self.hidden(part) for part in x.split(BATCH)])

    @torch.no_grad()
    def measure(self, test: Decoded, train: Callable[[int], Decoded]) -> Mapping[str, Measurement]:  # noqa: ARG002
        """Judge decoded images against the real test images, n = all of them."""
        real = self._recent(test.x, lambda: self._real(test.x))
        fake = self.features(test.x_hat)
        fitted = gaussians(fake, blocks(len(fake)))
        return {
            **self._classify(real.features, fake, test.labels[self.label]),
            "perception": frechet_measurement(real.gaussians, fitted, real.frechet),
            "kid": kernel_measurement(real.kernel_sums, real.features, fake, real.kernel),
        }

    def _start(self, generator: torch.Generator) -> None:
        """Draw the first weights from the generator, whatever the global one has been used for."""
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for layer in self.modules():
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    layer.reset_parameters()

    def _real(self, x: Tensor) -> _Real:
        features = self.features(x)
        fitted = gaussians(features, blocks(len(x)))
        whole = Gaussians(fitted.mean[:1], fitted.covariance[:1])
        count = min(len(features), len(self.sample))
        some = features[:count]
        kernel = kernel_distance(kernel_sums(some, some), some, self.sample[:count])[0]
        distance = frechet(whole, gaussians(self.sample))[0]
        return _Real(features, fitted, kernel_sums(features, features), float(distance), float(kernel))

    def _classify(self, real: Tensor, fake: Tensor, label: Tensor) -> dict[str, Measurement]:
        """Cross-entropy and accuracy from features [n, 100]; the reference is what the real images have."""
        (entropy, correct), (real_entropy, real_correct) = (
            (F.cross_entropy(logits, label, reduction="none").double(), (logits.argmax(1) == label).double())
            for logits in (self.head(fake), self.head(real))
        )
        return {
            "ce_judge": _mean(entropy, real_entropy),
            "accuracy_judge": _mean(correct, real_correct),
        }


def _mean(values: Tensor, real: Tensor) -> Measurement:
    return Measurement(float(values.mean()), values.cpu().numpy(), reference=float(real.mean()))


def _network(image_shape: Sequence[int]) -> nn.Sequential:
    """Images to features; images of less than 16 pixels a side are padded, so that something is left of them."""
    channels, height, width = image_shape
    padding = 0 if min(height, width) >= 16 else 2
    for _ in range(2):
        height, width = ((side + 2 * padding - 5) // 2 + 1 for side in (height, width))
    return nn.Sequential(
        nn.Conv2d(channels, 16, 5, 2, padding), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, padding), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * height * width, FEATURES), nn.ReLU(),
    )  # fmt: skip


def _batches(images: int, size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices [size] of `steps` batches: round after round in random order, the rest of a round dropped."""
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        if len(order) < size:
            order = torch.randperm(images, generator=generator)
        yield order[:size]
        order = order[size:]


def _shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shift a batch by up to 1 pixel in 28 each way, filled with black: fewer test errors, and features less noisy."""
    reach = round(min(x.shape[-2:]) / 28)
    down, right = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
    return F.pad(x, (right, -right, down, -down))

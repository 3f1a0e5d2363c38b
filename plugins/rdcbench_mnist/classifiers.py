"""The paper's pre-trained classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import Classifier, Split


class PaperClassifier(Classifier):
    """Conv 10 (k5) ReLU MaxPool, Conv 10 (k5) ReLU MaxPool, 160 -> 100 ReLU -> classes (for 28x28).

    Trained with Adam, 1e-3, betas (0.9, 0.999), as in the paper's table 2.

    Parameters
    ----------
    image_shape, classes: given.
    labels: the labels to know; one head each.
    kernel: of both convolutions (5 for the paper's; smaller images need less).
    epochs, batch: of its training.
    """

    name = "paper"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        classes: Mapping[str, int],
        labels: Sequence[str] = ("digit",),
        kernel: int = 5,
        epochs: int = 6,
        batch: int = 64,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        for _ in range(2):
            height, width = (height - kernel + 1) // 2, (width - kernel + 1) // 2
        if min(height, width) < 1:
            raise ValueError(f"images of {image_shape} are too small for two convolutions of {kernel}x{kernel}")
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 10, kernel), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(10, 10, kernel), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.hidden = nn.Linear(10 * height * width, 100)
        self.heads = nn.ModuleDict({label: nn.Linear(100, classes[label]) for label in labels})
        self.epochs = epochs
        self.batch = batch

    def features(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, 100]."""
        return F.relu(self.hidden(self.convolutions(x).flatten(1)))

    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """[n, *image_shape] -> label -> logits [n, classes]."""
        hidden = self.features(x)
        return {label: head(hidden) for label, head in self.heads.items()}

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Minimise the sum of the labels' cross-entropies."""
        optimizer = torch.optim.Adam(self.parameters(), lr=1e-3, betas=(0.9, 0.999))
        for _ in range(self.epochs):
            for index in torch.randperm(len(train), generator=generator).split(self.batch):
                batch = train.batch(index, self.hidden.weight.device)
                logits = self(batch.x)
                loss = sum((F.cross_entropy(logits[label], batch.labels[label]) for label in logits), torch.zeros(()))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()


CLASSIFIERS = (PaperClassifier,)

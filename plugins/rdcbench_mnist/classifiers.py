"""The paper's pre-trained classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import Classifier, Split
from rdcbench_mnist.convpool import conv_relu_pool


class PaperClassifier(Classifier):
    """Conv 10 (k5) ReLU MaxPool, Conv 10 (k5) ReLU MaxPool, 160 -> 100 ReLU -> classes (for 28x28).

    Trained with Adam, betas (0.9, 0.999); the paper's table 2 has the constant rate 1e-3.

    Parameters
    ----------
    image_shape, classes: given.
    labels: the labels to know; one head each.
    kernel: of both convolutions (5 for the paper's; smaller images need less).
    epochs, batch, learning_rate: of its training, with a one-cycle schedule.
    """

    name = "paper"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        classes: Mapping[str, int],
        labels: Sequence[str] = ("digit",),
        kernel: int = 5,
        epochs: int = 3,
        batch: int = 64,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        side = ((height - kernel + 1) // 2 - kernel + 1) // 2
        if height != width or side < 1:
            raise ValueError(f"images of {image_shape} do not fit two convolutions of {kernel}x{kernel} with 2x2 pools")
        self.first = nn.Conv2d(channels, 10, kernel)
        self.second = nn.Conv2d(10, 10, kernel)
        self.hidden = nn.Linear(10 * side * side, 100)
        self.heads = nn.ModuleDict({label: nn.Linear(100, classes[label]) for label in labels})
        self.epochs, self.batch, self.learning_rate = epochs, batch, learning_rate

    def features(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, 100]."""
        maps = conv_relu_pool(x.permute(1, 2, 3, 0), *self.first.parameters())
        maps = conv_relu_pool(maps, *self.second.parameters())
        return F.relu(self.hidden(maps.reshape(-1, len(x)).T))

    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """[n, *image_shape] -> label -> logits [n, classes]."""
        hidden = self.features(x)
        return {label: head(hidden) for label, head in self.heads.items()}

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Minimise the sum of the labels' cross-entropies."""
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate, fused=True)
        steps = self.epochs * -(-len(train) // self.batch)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.learning_rate, steps, cycle_momentum=False)
        for _ in range(self.epochs):
            for index in torch.randperm(len(train), generator=generator).split(self.batch):
                batch = train.batch(index, self.hidden.weight.device)
                logits = self(batch.x)
                loss = sum((F.cross_entropy(logits[label], batch.labels[label]) for label in logits), torch.zeros(()))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                cycle.step()


CLASSIFIERS = (PaperClassifier,)

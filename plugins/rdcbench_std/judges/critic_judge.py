"""A fresh critic for each row: trained after the codec is fixed, on equal terms, and scored on images it never saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import Decoded, Field, Judge, Measurement, Split

MOMENTUM = 0.9
BIAS_SHARE = 0.2
"""Step of the biases in shares of that of the matrices."""


class LipschitzCritic(nn.Module):
    """A network no steeper than 1: orthonormal matrices with sorted pairs between them (Anil, Lucas and Grosse 2019).

    So the gap of its mean score between two distributions never exceeds their W1 in the Euclidean norm of the pixels,
    whatever its training was. A gradient penalty promises this only where it was imposed, and costs a second backward.
    """

    def __init__(self, pixels: int, widths: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        sizes = [pixels]
        for width in widths:
            sizes.append(min(width, sizes[-1] - sizes[-1] % 2))  # never wider than before: rows can be orthonormal
        drawn = (torch.randn(shape, generator=generator) for shape in zip([*sizes[1:], 1], sizes, strict=True))
        self.matrices = nn.ParameterList(nearest_orthonormal(matrix) for matrix in drawn)
        self.biases = nn.ParameterList(torch.zeros(size) for size in sizes[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Images [n, *image_shape] -> scores [n]."""
        hidden = x.flatten(1)
        for matrix, bias in zip(self.matrices, self.biases, strict=False):
            first, second = F.linear(hidden, matrix, bias).chunk(2, dim=1)
            hidden = torch.cat((torch.maximum(first, second), torch.minimum(first, second)), dim=1)
        return F.linear(hidden, self.matrices[-1])[:, 0]


class FreshCritic(Judge):
    """Gap between real and decoded images of a critic trained anew for each row: a lower bound on their W1.

    Equal architecture, first weights, batches and steps for every row. Trained on reconstructions of the training
    split, so the gap on the test split has mean 0 where the distributions agree. Its interval is over the test images,
    for the critic as it was trained.

    Parameters
    ----------
    image_shape: given.
    images: reconstructions of the training split that it learns from (all, if there are fewer).
    steps, batch: of its training.
    step_size: length of the first step (of each matrix, at most .5), falling to 0 along a line.
    widths: of its hidden layers, at most.
    """

    name = "fresh-critic"
    fields: ClassVar[Mapping[str, Field]] = {
        "perception_critic": Field("Euclidean norm of pixel values", "lower"),
    }

    seed: Tensor
    reference: Tensor

    def __init__(
        self,
        image_shape: Sequence[int],
        images: int = 20_000,
        steps: int = 500,
        batch: int = 64,
        step_size: float = 0.5,
        widths: Sequence[int] = (128, 64),
    ) -> None:
        super().__init__()
        self.pixels, self.images, self.widths = math.prod(image_shape), images, tuple(widths)
        self.steps, self.batch, self.step_size = steps, batch, step_size
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("reference", torch.zeros((), dtype=torch.float64))

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Draw the seed that all rows share, and see what gap two samples of real images have."""
        self.seed = torch.randint(2**62, (), generator=generator)
        quarter = min(len(train) // 4, self.images)
        if quarter == 0:
            return
        parts = torch.randperm(len(train), generator=generator)[: 4 * quarter].chunk(4)
        real, other, unseen, unseen_other = (train.batch(part).x for part in parts)
        critic = self.train_critic(real, other)
        self.reference = (critic(unseen).double().mean() - critic(unseen_other).double().mean()).detach()

    def measure(self, test: Decoded, train: Callable[[int], Decoded]) -> Mapping[str, Measurement]:
        """Train on this row's reconstructions of the training split, then score the test split, [n] differences."""
        learned = train(self.images)
        critic = self.train_critic(learned.x, learned.x_hat)
        with torch.no_grad():
            gap = (critic(test.x) - critic(test.x_hat)).double().cpu().numpy()
        measured = Measurement(float(gap.mean()), gap, reference=float(self.reference))
        return {"perception_critic": measured}

    def train_critic(self, real: Tensor, fake: Tensor) -> LipschitzCritic:
        """Train to tell apart real and fake images, [n, *image_shape] each; pairs stay together, for less noise."""
        generator = torch.Generator().manual_seed(int(self.seed))
        critic = LipschitzCritic(self.pixels, self.widths, generator).to(real.device)
        real, fake = real.flatten(1), fake.flatten(1)
        weights = [*critic.matrices, *critic.biases]
        directions = [torch.zeros_like(weight) for weight in weights]
        with torch.enable_grad():
            for step in range(self.steps):
                chosen = torch.randint(len(real), (self.batch,), generator=generator)
                scores = critic(torch.cat((fake[chosen], real[chosen])))
                gradients = torch.autograd.grad(scores[self.batch :].mean() - scores[: self.batch].mean(), weights)
                _climb(weights, directions, gradients, self.step_size * (1 - step / self.steps))
        with torch.no_grad():
            for matrix in critic.matrices:
                matrix.copy_(nearest_orthonormal(matrix))
        return critic


@torch.no_grad()
def _climb(weights: Sequence[Tensor], directions: Sequence[Tensor], gradients: Sequence[Tensor], size: float) -> None:
    """One step of given length along the mean gradient, then back towards the orthonormal matrices (in place).

    A step of length at most .5 leaves singular values below 1.5, where Bjorck's iteration 1.5 W - .5 W W^T W converges;
    one iteration a step keeps them within the square of the step.
    """
    for weight, direction, gradient in zip(weights, directions, gradients, strict=True):
        direction.mul_(MOMENTUM).add_(gradient)
        length = size if weight.ndim == 2 else BIAS_SHARE * size
        weight.add_(direction * (length / direction.norm().clamp(min=1e-12)))
        if weight.ndim == 2:
            weight.copy_(1.5 * weight - 0.5 * (weight @ weight.T) @ weight)


def nearest_orthonormal(matrix: Tensor) -> Tensor:
    """The matrix with orthonormal rows nearest to [rows, columns], rows <= columns: all singular values become 1."""
    left, _, right = torch.linalg.svd(matrix.detach(), full_matrices=False)
    nearest: Tensor = left @ right
    return nearest

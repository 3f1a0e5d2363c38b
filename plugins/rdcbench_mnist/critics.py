"""WGAN-GP critics (Gulrajani et al. 2017) whose gradient penalty has a closed form: convolutional and dense."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rdcbench import Critic

PENALTY = 10.0
SLOPE = 0.2


def wasserstein_loss(real_scores: Tensor, fake_scores: Tensor, gradient: Tensor, penalty: float) -> Tensor:
    """-E h(x) + E h(x_hat) + penalty * E (|dh/dx| - 1)^2, with the gradient at random mixtures, [n, ...]."""
    norm = gradient.flatten(1).square().sum(1).add(1e-12).sqrt()
    return fake_scores.mean() - real_scores.mean() + penalty * (norm - 1).square().mean()


def mixtures(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Points on the lines between real and fake images, one for each pair."""
    share = torch.rand(len(real), generator=generator).to(real.device)
    return fake + share.view(-1, *[1] * (real.dim() - 1)) * (real - fake)


class ConvCritic(Critic):
    """Convolutions with stride 2, LeakyReLU, one linear score; widths 64, 128, 256 with 5x5 kernels are the paper's.

    Parameters
    ----------
    image_shape: given.
    widths: channels of each layer.
    kernels: side of each layer's kernel, odd.
    penalty: weight of the gradient penalty.
    penalty_share: share of the batch on which the penalty is computed.
    """

    name = "conv"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        widths: Sequence[int] = (16, 32, 64),
        kernels: Sequence[int] = (5, 5, 5),
        penalty: float = PENALTY,
        penalty_share: float = 1.0,
    ) -> None:
        super().__init__()
        channels, self.size, width = image_shape
        if self.size != width:
            raise ValueError(f"the convolutional critic takes square images, not {self.size}x{width}")
        if len(kernels) != len(widths) or any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"kernels {list(kernels)} must be odd and as many as widths {list(widths)}")
        sizes = zip((channels, *widths[:-1]), widths, kernels, strict=True)
        layers = [nn.Conv2d(inputs, outputs, kernel, 2, kernel // 2) for inputs, outputs, kernel in sizes]
        self.layers = nn.ModuleList(layers).to(memory_format=torch.channels_last)
        side = self.size
        for _ in widths:
            side = (side + 1) // 2
        self.score = nn.Linear(widths[-1] * side * side, 1)
        self.penalty = penalty
        self.penalty_share = penalty_share

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n]."""
        return self._scores(x)[0]

    def loss(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
        """WGAN-GP loss with the penalty in closed form; real, fake and mixed images pass in one batch."""
        some = max(1, math.ceil(self.penalty_share * len(real)))
        mixed = mixtures(real[:some], fake[:some], generator)
        scores, masks = self._scores(torch.cat([real, fake, mixed]), some)
        real_scores, fake_scores, _ = scores.split([len(real), len(fake), some])
        return wasserstein_loss(real_scores, fake_scores, self._input_gradient(masks), self.penalty)

    def _scores(self, x: Tensor, masked: int = 0) -> tuple[Tensor, list[Tensor]]:
        """Scores, [n], and the activations' slopes for the last `masked` images."""
        masks = []
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            before = layer(x)
            if masked:
                masks.append(torch.where(before[-masked:].detach() > 0, 1.0, SLOPE))
            x = nn.functional.leaky_relu(before, SLOPE)
        scores: Tensor = self.score(x.flatten(1))
        return scores.squeeze(1), masks

    def _input_gradient(self, masks: Sequence[Tensor]) -> Tensor:
        """dh/dx, [n, *image_shape]: the convolutions' transposes on the masked weights."""
        gradient = self.score.weight.view(1, *masks[-1].shape[1:]) * masks[-1]
        sizes = [self.size, *(mask.shape[2] for mask in masks[:-1])]
        for number in reversed(range(len(masks))):
            weight: Tensor = self.layers[number].get_parameter("weight")
            padding = weight.shape[-1] // 2
            rest = sizes[number] - ((gradient.shape[2] - 1) * 2 + 1)
            gradient = nn.functional.conv_transpose2d(gradient, weight, None, 2, padding, rest)
            if number:
                gradient = gradient * masks[number - 1]
        return gradient


class MlpCritic(Critic):
    """Fully connected with LeakyReLU; the gradient with respect to its input is a product of masked weights.

    So the penalty needs no second backward pass: with masks m_k (1 or the slope) the gradient is
    W_1' m_1 W_2' m_2 ... w, and the masks are constant almost everywhere.

    Parameters
    ----------
    image_shape: given.
    widths: hidden widths.
    penalty: weight of the gradient penalty.
    penalty_share: share of the batch on which the penalty is computed.
    """

    name = "mlp"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        widths: Sequence[int] = (512, 256),
        penalty: float = PENALTY,
        penalty_share: float = 1.0,
    ) -> None:
        super().__init__()
        sizes = [math.prod(image_shape), *widths]
        self.hidden = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes))
        self.score = nn.Linear(sizes[-1], 1)
        self.penalty = penalty
        self.penalty_share = penalty_share

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n]."""
        return self._scores(x.flatten(1))[0]

    def loss(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
        """WGAN-GP loss with the penalty in closed form; equal to the one by automatic differentiation."""
        some = max(1, math.ceil(self.penalty_share * len(real)))
        mixed = mixtures(real[:some], fake[:some], generator)
        scores, _ = self._scores(torch.cat([real, fake]).flatten(1))
        with torch.no_grad():
            masks = self._scores(mixed.flatten(1))[1]
        real_scores, fake_scores = scores.split([len(real), len(fake)])
        return wasserstein_loss(real_scores, fake_scores, self._input_gradient(masks), self.penalty)

    def _scores(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores, [n], and the slopes of each hidden layer's activation, [n, width]."""
        masks = []
        for layer in self.hidden:
            before = layer(x)
            masks.append(torch.where(before > 0, 1.0, SLOPE))
            x = nn.functional.leaky_relu(before, SLOPE)
        scores: Tensor = self.score(x)
        return scores.squeeze(1), masks

    def _input_gradient(self, masks: Sequence[Tensor]) -> Tensor:
        """dh/dx, [n, pixels]."""
        gradient = self.score.weight.expand(len(masks[0]), -1)
        for layer, mask in zip(reversed(self.hidden), reversed(masks), strict=True):
            gradient = (gradient * mask) @ layer.get_parameter("weight")
        return gradient


CRITICS = (MlpCritic, ConvCritic)

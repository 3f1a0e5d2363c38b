"""Frechet and kernel distances between two samples of features, with their leave-one-block-out values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rdcbench import Measurement, stats


@dataclass(frozen=True)
class Moments:
    """Sums over images, additive over blocks: count, first [d] and second [d, d], float64."""

    count: int
    first: Tensor
    second: Tensor

    def without(self, other: Moments) -> Moments:
        """Leave out a part."""
        return Moments(self.count - other.count, self.first - other.first, self.second - other.second)

    def gaussian(self) -> tuple[Tensor, Tensor]:
        """Mean and unbiased covariance."""
        mean = self.first / self.count
        centred = self.second - self.count * torch.outer(mean, mean)
        return mean, centred / (self.count - 1)


def moments(features: Tensor) -> Moments:
    """Sums of features [n, d]."""
    double = features.double()
    return Moments(len(double), double.sum(0), double.T @ double)


def frechet(first: Moments, second: Moments) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2): W2^2 of the fitted Gaussians (Dowson and Landau 1982)."""
    (mean_a, covariance_a), (mean_b, covariance_b) = first.gaussian(), second.gaussian()
    values, vectors = torch.linalg.eigh(covariance_a)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ covariance_b @ root).clamp(min=0).sqrt().sum()
    return float((mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * cross)


def blocks(images: int) -> list[Tensor]:
    """The blocks of the jackknife, the same for every row: random, of nearly equal size."""
    return [torch.from_numpy(index) for index in stats.block_indices(images)]


def frechet_measurement(real: Tensor, fake: Tensor, reference: float) -> Measurement:
    """Frechet distance of features [n, d] of the same images, leaving out real and decoded images together."""
    whole = moments(real), moments(fake)
    left = []
    for index in blocks(len(real)):
        real_rest, fake_rest = whole[0].without(moments(real[index])), whole[1].without(moments(fake[index]))
        left.append(frechet(real_rest, fake_rest))
    return Measurement(max(0.0, frechet(*whole)), leave_out=torch.tensor(left).double().numpy(), reference=reference)


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3, of features [n, d] each (Binkowski et al. 2018).

    An image is not compared with its own reconstruction: the two samples are paired (Gretton et al. 2012, eq. 4).
    """
    count, width = real.shape

    def mean_of_others(a: Tensor, b: Tensor) -> Tensor:
        gram = (a @ b.T / width + 1).pow(3)
        return (gram.sum() - gram.trace()) / (count * (count - 1))

    return float(mean_of_others(real, real) + mean_of_others(fake, fake) - 2 * mean_of_others(real, fake))


def kernel_measurement(real: Tensor, fake: Tensor, reference: float) -> Measurement:
    """Mean of the kernel distance over blocks of images: unbiased, and cheap because no block meets another."""
    by_block = [kernel_distance(real[index].double(), fake[index].double()) for index in blocks(len(real))]
    values = torch.tensor(by_block).double()
    rest = (values.sum() - values) / (len(values) - 1)
    return Measurement(float(values.mean()), leave_out=rest.numpy(), reference=reference)

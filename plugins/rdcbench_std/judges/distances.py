"""Frechet and kernel distances between two samples of features, with their leave-one-block-out values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from rdcbench import Measurement, stats

BLOCKS = 20


def blocks(images: int) -> list[Tensor]:
    """The blocks of the jackknife, the same for every row: random, of nearly equal size, [images / 20] int64 each."""
    return [torch.from_numpy(index) for index in stats.block_indices(images, min(BLOCKS, images))]


@dataclass(frozen=True)
class Gaussians:
    """The Gaussians fitted to all images, and to all but each block: mean [1 + blocks, d], covariance [.., d, d]."""

    mean: Tensor
    covariance: Tensor

    @cached_property
    def root(self) -> Tensor:
        """Symmetric square roots of the covariances."""
        values, vectors = torch.linalg.eigh(self.covariance)
        root: Tensor = (vectors * values.clamp(min=0).sqrt().unsqueeze(-2)) @ vectors.mT
        return root


def gaussians(features: Tensor, left_out: Sequence[Tensor] = ()) -> Gaussians:
    """Mean and unbiased covariance of features [n, d] in float64, of all and without each of the blocks `left_out`."""
    double = features.double()
    parts = [double, *(double[index] for index in left_out)]
    first = torch.stack([part.sum(0) for part in parts])
    second = torch.stack([part.T @ part for part in parts])
    count = torch.tensor([len(part) for part in parts], dtype=torch.float64, device=double.device)
    first[1:], second[1:], count[1:] = first[:1] - first[1:], second[:1] - second[1:], count[:1] - count[1:]
    mean = first / count[:, None]
    scatter = second - count[:, None, None] * mean[:, :, None] * mean[:, None, :]
    return Gaussians(mean, scatter / (count - 1)[:, None, None])


def frechet(real: Gaussians, fake: Gaussians) -> Tensor:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2): W2^2 of the fitted Gaussians (Dowson and Landau 1982).

    [1 + blocks], pair by pair. Eigenvalues of a symmetric matrix, so neither complex numbers nor an iteration.
    """
    squares: Tensor = torch.linalg.eigvalsh(real.root @ fake.covariance @ real.root)
    cross = squares.clamp(min=0).sqrt().sum(-1)
    traces = (real.covariance + fake.covariance).diagonal(dim1=-2, dim2=-1).sum(-1)
    return (real.mean - fake.mean).square().sum(-1) + traces - 2 * cross


def frechet_measurement(real: Gaussians, fake: Gaussians, reference: float) -> Measurement:
    """Frechet distance between two samples of the same images, leaving out real and decoded images together."""
    values = frechet(real, fake)
    return Measurement(max(0.0, float(values[0])), leave_out=values[1:].cpu().numpy(), reference=reference)


def kernel_sums(first: Tensor, second: Tensor) -> Tensor:
    """Sums of the kernel (x.y / d + 1)^3 over all pairs of two blocks of images, [blocks, blocks] float64.

    Features [n, d] of the same n images; pairs of an image with itself, or with its own reconstruction, are left out.
    """
    parts = blocks(len(first))
    sums = torch.zeros(len(parts), len(parts), dtype=torch.float64)
    one = first.new_ones(())
    for i, rows in enumerate(parts):
        for j, columns in enumerate(parts):
            if first is second and j < i:
                sums[i, j] = sums[j, i]
                continue
            gram = torch.addmm(one, first[rows], second[columns].T, alpha=1 / first.shape[1])
            cube = gram.square().mul_(gram)
            sums[i, j] = cube.sum(dtype=torch.float64) - (cube.diagonal().sum(dtype=torch.float64) if i == j else 0.0)
    return sums


def kernel_distance(real_sums: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    """Unbiased squared MMD of features [n, d] (Binkowski et al. 2018), of all images and without each block.

    [1 + blocks] float64; `real_sums` is kernel_sums(real, real). The mean of k(x, x') + k(y, y') - k(x, y') - k(x', y)
    over all pairs of images: unbiased although each y is made from its x (Gretton et al. 2012, equation 4).
    """
    across = kernel_sums(real, fake)
    sums = real_sums + kernel_sums(fake, fake) - across - across.T
    rest = sums.sum() - 2 * sums.sum(1) + sums.diagonal()
    size = torch.tensor([0, *(len(part) for part in blocks(len(real)))], dtype=torch.float64)
    count = len(real) - size
    return torch.cat((sums.sum()[None], rest)) / (count * (count - 1))


def kernel_measurement(real_sums: Tensor, real: Tensor, fake: Tensor, reference: float) -> Measurement:
    """Kernel distance between two samples of the same images; it may be negative."""
    values = kernel_distance(real_sums, real, fake)
    return Measurement(float(values[0]), leave_out=values[1:].numpy(), reference=reference)

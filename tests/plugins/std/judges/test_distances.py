"""Frechet and kernel distances against torchmetrics, scipy, closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from rdcbench.oracles import frechet_floor
from rdcbench.stats import jackknife_interval
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


class Same(nn.Module):
    """Images that are features already, for torchmetrics."""

    def __init__(self, num_features):
        super().__init__()
        self.num_features = num_features

    def forward(self, x):
        return x


def samples(images=300, width=8, seed=0, paired=0.5):
    """Two correlated samples of different laws, [n, d] each."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator)
    real = torch.randn(images, width, generator=generator) @ mixing
    other = torch.randn(images, width, generator=generator) @ mixing
    return real.relu(), (paired * real + (1 - paired) * other + 0.3).relu()


def test_blocks_share_the_images_out():
    parts = blocks(1003)
    assert len(parts) == 20
    assert {len(part) for part in parts} == {50, 51}
    assert sorted(torch.cat(parts).tolist()) == list(range(1003))
    assert len(blocks(7)) == 7


# ---------------------------------------------------------------------------------------------------------- Frechet


def test_frechet_is_that_of_torchmetrics():
    fid = pytest.importorskip("torchmetrics.image.fid")
    real, fake = samples()
    metric = fid.FrechetInceptionDistance(Same(8), input_img_size=(8,)).set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    assert float(frechet(gaussians(real), gaussians(fake))[0]) == pytest.approx(float(metric.compute()), rel=1e-9)


def test_frechet_is_that_of_a_matrix_square_root():
    real, fake = (sample.double().numpy() for sample in samples(seed=1))
    first, second = np.cov(real.T), np.cov(fake.T)
    root = scipy.linalg.sqrtm(first @ second).real
    expected = np.sum((real.mean(0) - fake.mean(0)) ** 2) + np.trace(first + second - 2 * root)
    seen = frechet(gaussians(torch.from_numpy(real)), gaussians(torch.from_numpy(fake)))
    assert float(seen[0]) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_gaussians_with_common_axes_is_the_closed_form():
    """Commuting covariances: |m1 - m2|^2 + sum (sqrt l1 - sqrt l2)^2."""
    axes, _ = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0)).double())
    first, second = torch.tensor([4.0, 1, 0.25, 9, 0, 2]).double(), torch.tensor([1.0, 1, 4, 0, 1, 2]).double()
    mean = torch.arange(6.0).double()
    made = [
        Gaussians(shift[None], (axes * law @ axes.T)[None]) for shift, law in ((mean, first), (torch.zeros(6), second))
    ]
    expected = mean.square().sum() + (first.sqrt() - second.sqrt()).square().sum()
    assert float(frechet(*made)[0]) == pytest.approx(float(expected), abs=1e-6)


def test_frechet_of_a_scaled_and_shifted_sample_is_exact():
    real, _ = samples()
    mean, covariance = real.double().mean(0), torch.cov(real.double().T)
    expected = (0.5 * mean - 1).square().sum() + 0.25 * covariance.trace()
    seen = frechet(gaussians(real.double()), gaussians(0.5 * real.double() + 1))
    assert float(seen[0]) == pytest.approx(float(expected), rel=1e-9)


def test_frechet_is_symmetric_zero_for_equal_samples_and_stands_dead_features():
    real, fake = samples()
    real[:, 2] = 0
    fake[:, 2] = fake[:, 3]
    there, back = (float(frechet(*map(gaussians, pair))[0]) for pair in ((real, fake), (fake, real)))
    assert there == pytest.approx(back, rel=1e-6)
    assert float(frechet(gaussians(real), gaussians(real))[0]) == pytest.approx(0, abs=1e-7)
    assert frechet_measurement(gaussians(real), gaussians(real), 0.0).value >= 0


def test_frechet_without_a_block_is_frechet_of_the_rest():
    real, fake = samples(images=207)
    parts = blocks(207)
    measured = frechet_measurement(gaussians(real, parts), gaussians(fake, parts), 1.5)
    assert measured.reference == 1.5
    assert measured.leave_out.shape == (20,)
    for k in (0, 7, 19):
        kept = np.setdiff1d(np.arange(207), parts[k])
        alone = float(frechet(gaussians(real[kept]), gaussians(fake[kept]))[0])
        assert measured.leave_out[k] == pytest.approx(alone, rel=1e-8)


def test_two_samples_of_one_gaussian_have_the_known_floor_and_the_jackknife_removes_it():
    law = 1 / torch.arange(1.0, 21).double()
    generator = torch.Generator().manual_seed(0)
    parts = blocks(1000)
    raw, corrected = [], []
    for _ in range(40):
        first, second = (torch.randn(1000, 20, generator=generator).double() * law.sqrt() for _ in range(2))
        measured = frechet_measurement(gaussians(first, parts), gaussians(second, parts), 0.0)
        raw.append(measured.value)
        corrected.append(jackknife_interval(measured.leave_out, measured.value).value)
    floor = frechet_floor(law.numpy(), 1000, 1000)
    assert np.mean(raw) == pytest.approx(floor, rel=0.1)
    assert abs(np.mean(corrected)) < 0.15 * floor


def test_images_that_come_back_as_they_were_have_distance_0_without_width_and_a_hair_beside_them_its_own():
    """x_hat = x is one distribution twice, whatever the images are; the floor is that of two independent samples."""
    real = samples(images=400)[0]
    parts = blocks(400)
    for moved in (0.0, 0.01):
        fake = real + moved
        distances = (
            frechet_measurement(gaussians(real, parts), gaussians(fake, parts), 0.0),
            kernel_measurement(kernel_sums(real, real), real, fake, 0.0),
        )
        found = [jackknife_interval(measured.leave_out, measured.value) for measured in distances]
        if not moved:
            assert [end for one in found for end in (one.lo, one.hi)] == pytest.approx([0.0] * 4, abs=1e-6)
            continue
        assert found[0].value == pytest.approx(real.shape[1] * moved**2, rel=1e-3)
        assert found[1].hi > 0


# ----------------------------------------------------------------------------------------------------------- kernel


def test_kernel_distance_is_brute_force_over_pairs_of_images():
    real, fake = samples(images=41, width=3)
    x, y = real.double().numpy(), fake.double().numpy()

    def kernel(a, b):
        return (a @ b / 3 + 1) ** 3

    pairs = [(i, j) for i in range(41) for j in range(41) if i != j]
    total = sum(
        kernel(x[i], x[j]) + kernel(y[i], y[j]) - kernel(x[i], y[j]) - kernel(y[i], x[j]) for i, j in pairs
    )  # fmt: skip
    seen = kernel_distance(kernel_sums(real, real), real, fake)
    assert float(seen[0]) == pytest.approx(total / len(pairs), rel=1e-5)


def test_kernel_distance_is_that_of_torchmetrics_but_for_pairs_of_an_image_with_its_own():
    """torchmetrics takes k(x_i, y_i) into the mean as if x_i and y_i were independent; put them back to compare."""
    kid = pytest.importorskip("torchmetrics.image.kid")
    real, fake = (sample.double() for sample in samples(images=120))
    metric = kid.KernelInceptionDistance(Same(8), subsets=1, subset_size=120, reset_real_features=False)
    metric.set_dtype(torch.float64)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    across = (real @ fake.T / 8 + 1) ** 3
    own = 2 * (across.sum() / 120**2 - (across.sum() - across.trace()) / (120 * 119))
    expected = float(metric.compute()[0]) + float(own)
    seen = kernel_distance(kernel_sums(real, real), real, fake)
    assert float(seen[0]) == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_without_a_block_is_that_of_the_rest():
    real, fake = samples(images=103)
    measured = kernel_measurement(kernel_sums(real, real), real, fake, 0.25)
    assert measured.reference == 0.25
    for k in (0, 3, 19):
        kept = np.setdiff1d(np.arange(103), blocks(103)[k])
        x, y = real[kept], fake[kept]
        alone = float(kernel_distance(kernel_sums(x, x), x, y)[0])
        assert measured.leave_out[k] == pytest.approx(alone, rel=1e-4)


def test_kernel_distance_of_paired_samples_of_one_law_has_mean_zero():
    """Counting the pairs of an image with its own reconstruction would put the mean at -2 (E k(x, y) - E k(x, x'))/n."""
    generator = torch.Generator().manual_seed(0)
    seen = []
    for _ in range(100):
        real = torch.randn(40, 4, generator=generator)
        fake = 0.9 * real + (1 - 0.9**2) ** 0.5 * torch.randn(40, 4, generator=generator)
        seen.append(float(kernel_distance(kernel_sums(real, real), real, fake)[0]))
    assert abs(np.mean(seen)) < 0.02  # .41 with those pairs


def test_kernel_distance_of_equal_samples_is_zero():
    real, _ = samples()
    assert float(kernel_distance(kernel_sums(real, real), real, real.clone())[0]) == pytest.approx(0, abs=1e-4)

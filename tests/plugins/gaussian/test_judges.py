from __future__ import annotations

import numpy as np
import pytest
import torch

from rdcbench import Decoded, stats
from rdcbench_gaussian.judges import ComponentW2

IMAGES, COUNT = 400, 8


def row(x_hat, x):
    return Decoded(x, x_hat, {}, torch.zeros(len(x)))


def measured(x_hat, x):
    return ComponentW2().measure(row(x_hat, x), lambda images: pytest.fail("asked for training images"))["w2_squared"]


@pytest.fixture
def x():
    drawn = torch.randn(IMAGES, 1, 1, COUNT, generator=torch.Generator().manual_seed(0))
    return (0.5 + 0.12 * drawn).clamp(0, 1)


def test_equal_images_have_distance_0_in_any_order(x):
    shuffled = x[torch.randperm(IMAGES, generator=torch.Generator().manual_seed(1))]
    assert measured(x, x).value == measured(shuffled, x).value == 0.0


def test_it_is_the_mean_square_of_sorted_components(x):
    x_hat = 0.5 + 0.7 * (x - 0.5) + 0.02
    expected = (x_hat.flatten().sort().values - x.flatten().sort().values).double().square().mean()
    assert measured(x_hat, x).value == pytest.approx(float(expected), rel=1e-3)


def test_blocks_are_those_of_the_statistics_and_leave_out_both_sides(x):
    x_hat = 0.5 + 0.7 * (x - 0.5)
    found = measured(x_hat, x)
    blocks = stats.block_indices(IMAGES)
    assert len(found.leave_out) == len(blocks)
    kept = np.setdiff1d(np.arange(IMAGES), blocks[3])
    assert found.leave_out[3] == pytest.approx(measured(x_hat[kept], x[kept]).value, rel=1e-9)


def test_values_outside_the_range_count_as_its_ends(x):
    assert measured(x * 0 + 7.0, x * 0 + 1.5).value == 0.0

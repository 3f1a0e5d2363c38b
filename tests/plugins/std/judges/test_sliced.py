"""Sliced W2 against optimal assignments, scipy's W1 in one dimension, and exact laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance

from rdcbench_std.judges.distances import blocks
from rdcbench_std.judges.sliced import SlicedJudge, in_order, squared_distance

from .conftest import DIAL, decoded_of


def judged(judge, x, x_hat):
    judge.sample = judge._projected(x)
    return judge.measure(decoded_of(x, x_hat), lambda images: None)["sliced_w2"]


@pytest.fixture
def judge():
    return SlicedJudge(image_shape=(1, 4, 4), directions=8)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(60, 1, 4, 4, generator=generator), torch.rand(60, 1, 4, 4, generator=generator) ** 2


def test_it_is_the_cost_of_the_best_assignment_along_each_direction(judge, images):
    costs = []
    for direction in judge.directions.T:
        first, second = (x.flatten(1) @ direction for x in images)
        cost = (first[:, None] - second).square().numpy()
        costs.append(cost[linear_sum_assignment(cost)].mean())
    measured = judged(judge, *images)
    assert measured.root
    assert measured.value == pytest.approx(np.mean(costs), rel=1e-5)


def test_where_one_sample_dominates_the_other_it_is_the_w1_of_scipy(judge, images):
    """A shift along each direction: there W2 is W1."""
    first = in_order(images[0].flatten(1) @ judge.directions).values
    expected = np.mean([wasserstein_distance(line, line + 0.3) ** 2 for line in first])
    assert squared_distance(first, first + np.float32(0.3)) == pytest.approx(expected, rel=1e-5)


def test_a_shift_has_its_own_length(images):
    judge, shift = SlicedJudge(image_shape=(1, 4, 4), directions=2000), torch.linspace(-0.2, 0.3, 16).view(1, 4, 4)
    measured = judged(judge, images[0], images[0] + shift)
    assert measured.value == pytest.approx(float((shift.flatten() @ judge.directions).square().mean()), rel=1e-5)
    assert measured.value == pytest.approx(float(shift.square().mean()), rel=0.1)


def test_its_square_stays_below_the_mse_of_any_pairing(fitted, digits):
    judge = fitted(SlicedJudge)
    for a in DIAL:
        decoded = digits.dial(digits.test, a)
        mse = float((decoded.x - decoded.x_hat).square().mean())
        assert judge.measure(decoded, lambda images: None)["sliced_w2"].value < mse


def test_without_a_block_it_is_the_distance_of_the_rest(judge, images):
    left = judged(judge, *images).leave_out
    for k in (0, 11, 19):
        kept = np.setdiff1d(np.arange(60), blocks(60)[k])
        first, second = (in_order(x[kept].flatten(1) @ judge.directions).values for x in images)
        assert left[k] == pytest.approx(squared_distance(first, second), rel=1e-5)


def test_the_reference_compares_equally_many_images(judge, images):
    judge.sample = judge._projected(images[1][:40])
    seen = judge.measure(decoded_of(images[0], images[0]), lambda images: None)["sliced_w2"].reference
    assert seen == pytest.approx(judged(judge, images[0][:40], images[1][:40]).value, rel=1e-6)


def test_directions_are_unit_vectors_and_equal_on_every_machine():
    directions = SlicedJudge(image_shape=(1, 28, 28)).directions
    assert directions.shape == (784, 256)
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(256))
    assert torch.equal(directions, SlicedJudge(image_shape=(1, 28, 28)).directions)
    assert abs(float(directions.mean())) < 1e-3
    np.testing.assert_allclose(directions[:3, 0], [0.025802240, -0.008746637, -0.022119584], rtol=1e-5)
    assert float(directions[783, 255]) == pytest.approx(0.015779881, rel=1e-5)
    # Fewer directions are the first of more, so that their number is a matter of time only.
    assert torch.equal(SlicedJudge(image_shape=(1, 28, 28), directions=5).directions, directions[:, :5])

from __future__ import annotations

import numpy as np
import pytest

from rdcbench.stats import label_entropy, least_error

RANDOM = np.random.default_rng(0)


def gaussian(count: int, noise: float):
    """X of variance 1 in two coordinates, received with additive noise: MMSE noise^2 / (1 + noise^2)."""
    x = RANDOM.normal(size=(count, 2))
    return x, x + noise * RANDOM.normal(size=(count, 2))


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_the_least_error_of_a_gaussian_lies_in_the_bracket(noise):
    (images, train), (tested, received) = gaussian(20_000, noise), gaussian(5000, noise)
    found = least_error(train, images, received, tested)
    truth = noise**2 / (1 + noise**2)
    assert found.lo <= truth <= found.hi
    assert found.width < 0.2 * truth


def test_the_entropy_of_a_label_lies_in_the_bracket():
    """r uniform on [0, 1] and P(S = 1 | r) = r: H(S|r) = 1/2 nat, and E sum p^2 = 2/3."""
    train, received = RANDOM.uniform(size=(20_000, 1)), RANDOM.uniform(size=(5000, 1))
    labels, tested = (RANDOM.uniform(size=len(one)) < one[:, 0] for one in (train, received))
    found = label_entropy(train, labels, received, tested, 2)
    assert found.lo <= 0.5 <= found.hi
    assert found.lo == pytest.approx(-np.log(2 / 3), abs=0.05)
    assert found.hi == pytest.approx(0.5, abs=0.05)


def three_points(count: int):
    """X in {0, 1, 3} with p = (.5, .3, .2), received as X >= 1: MMSE .48; the label says which, H(S|r) = .3365 nat."""
    label = RANDOM.choice(3, p=[0.5, 0.3, 0.2], size=count)
    return np.array([0.0, 1.0, 3.0])[label][:, None], label, (label >= 1).astype(float)[:, None]


def test_of_few_values_both_are_nearly_exact():
    (images, labels, train), (tested, truth, received) = three_points(40_000), three_points(10_000)
    error = least_error(train, images, received, tested)
    assert (error.lo + error.hi) / 2 == pytest.approx(0.48, rel=0.02)
    entropy = label_entropy(train, labels, received, truth, 3)
    exact = -0.3 * np.log(0.6) - 0.2 * np.log(0.4)
    assert (entropy.lo + entropy.hi) / 2 == pytest.approx(exact, rel=0.02)
    assert max(error.width / 0.48, entropy.width / exact) < 0.06


def test_nothing_is_left_of_a_label_that_is_received():
    labels = np.arange(3000) % 3
    received = labels[:, None] + 0.1 * RANDOM.uniform(size=(3000, 1))
    assert label_entropy(received, labels, received + 0.001, labels, 3).hi < 0.02


def test_what_does_not_fit_is_refused():
    some = np.zeros((5, 2))
    with pytest.raises(ValueError, match="received has 1 coordinates, that of training images 2"):
        least_error(some, some, np.zeros((5, 1)), some, 2)
    with pytest.raises(ValueError, match="neighbours = 64; there are 5 training images"):
        least_error(some, some, some, some)
    with pytest.raises(ValueError, match=r"labels of shape \(4,\); 5 of 0..1 are needed"):
        label_entropy(some, [0, 1, 0, 1], some, [0, 1, 0, 1, 0], 2, 2)

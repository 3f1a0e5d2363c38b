"""The fresh critic: a lower bound on W1 that comes near it, and equal terms for every row."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import wasserstein_distance

from rdcbench_std.judges import FreshCritic
from rdcbench_std.judges.critic_judge import LipschitzCritic, nearest_orthonormal

from .conftest import decoded_of


def singular_values(critic):
    return torch.cat([torch.linalg.svdvals(matrix.detach()) for matrix in critic.matrices])


def test_nearest_orthonormal_is_the_polar_factor():
    matrix = torch.randn(5, 9, generator=torch.Generator().manual_seed(0)).double()
    nearest = nearest_orthonormal(matrix)
    torch.testing.assert_close(nearest @ nearest.T, torch.eye(5).double())
    stretch = matrix @ nearest.T  # matrix = stretch @ nearest, symmetric and positive
    torch.testing.assert_close(stretch, stretch.T)
    assert float(torch.linalg.eigvalsh(stretch).min()) > 0


@pytest.mark.parametrize("pixels", [2, 5, 64, 784])
def test_a_critic_is_nowhere_steeper_than_1(pixels):
    generator = torch.Generator().manual_seed(0)
    critic = LipschitzCritic(pixels, (128, 64), generator)
    torch.testing.assert_close(singular_values(critic), torch.ones_like(singular_values(critic)))
    for bias in critic.biases:
        bias.data = torch.randn(bias.shape, generator=generator)
    x = torch.randn(200, pixels, generator=generator).requires_grad_()
    slope = torch.autograd.grad(critic(x).sum(), x)[0].norm(dim=1)
    assert float(slope.max()) <= 1 + 1e-5
    assert float(slope.max()) > 0.1


def test_after_training_it_still_is_not_and_no_gap_exceeds_the_distance_of_its_pair(fitted, digits):
    judge = fitted(FreshCritic)
    for a in (0.0, 0.5, 1.0):
        decoded, learned = digits.dial(digits.test, a), digits.dial(digits.train, a, seed=1)
        critic = judge.train_critic(learned.x, learned.x_hat)
        torch.testing.assert_close(singular_values(critic), torch.ones_like(singular_values(critic)))
        gap = judge.measure(decoded, lambda images, learned=learned: learned)["perception_critic"].per_image
        distance = (decoded.x - decoded.x_hat).flatten(1).norm(dim=1).double().numpy()
        assert (abs(gap) <= distance + 1e-5).all()


@pytest.mark.parametrize("spread", [0.2, 3.0])
def test_in_one_dimension_it_comes_near_the_w1_of_scipy_from_below(spread):
    """Images with one value in all 4 pixels lie on a line, where the Euclidean norm is twice the value's."""
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(4000, generator=generator)
    fake = spread * torch.randn(4000, generator=generator) + 0.5
    x, x_hat = (line.view(-1, 1, 1, 1).expand(-1, 1, 2, 2) for line in (real, fake))
    judge = FreshCritic(image_shape=(1, 2, 2))
    judge.seed.fill_(3)
    seen = judge.measure(decoded_of(x[:2000], x_hat[:2000]), lambda images: decoded_of(x[2000:], x_hat[2000:]))
    truth = 2 * wasserstein_distance(real[:2000], fake[:2000])
    assert 0.8 * truth < seen["perception_critic"].value < 1.0001 * truth


def test_it_finds_the_whole_distance_of_a_shift(digits):
    x, train = digits.images(digits.test), digits.images(digits.train)
    shift = torch.linspace(0, 0.4, 64).view(1, 8, 8)
    judge = FreshCritic(image_shape=(1, 8, 8))
    judge.seed.fill_(3)
    seen = judge.measure(decoded_of(x, x + shift), lambda images: decoded_of(train, train + shift))["perception_critic"]
    assert seen.value == pytest.approx(float(shift.norm()), rel=0.03)


def test_rows_are_judged_on_equal_terms(fitted, digits):
    judge, images = fitted(FreshCritic), digits.images(digits.train)
    first, second = judge.train_critic(images, images), judge.train_critic(images, images)
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), second.parameters(), strict=True))
    assert int(judge.seed) != 0


def test_it_asks_for_no_more_training_images_than_it_is_told(digits, build):
    judge, asked = build(FreshCritic, images=10, steps=1), []
    judge.seed.fill_(1)
    train = digits.dial(digits.train, 0.0)
    judge.measure(digits.dial(digits.test, 0.0), lambda images: asked.append(images) or train)
    assert asked == [10]


def test_a_training_split_of_three_images_still_gives_a_seed(digits, build):
    judge = build(FreshCritic)
    few = type(digits.train)("train", digits.train.images[:3], {})
    judge.fit(few, torch.Generator().manual_seed(0))
    assert int(judge.seed) != 0
    assert float(judge.reference) == 0.0

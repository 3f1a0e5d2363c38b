"""Penalties in closed form equal those by automatic differentiation."""

import pytest
import torch

from rdcbench_mnist.critics import ConvCritic, MlpCritic, mixtures, wasserstein_loss

SHAPES = [(1, 28, 28), (1, 8, 8), (3, 9, 9)]


def _images(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.rand(6, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [ConvCritic, MlpCritic])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_loss_and_its_gradients_equal_double_backward(kind: type, shape: tuple[int, ...], share: float) -> None:
    critic = kind(shape, penalty_share=share).double()
    real, fake = _images(shape, 1), _images(shape, 2)
    ours = critic.loss(real, fake, torch.Generator().manual_seed(3))
    some = int(share * len(real))
    mixed = mixtures(real[:some], fake[:some], torch.Generator().manual_seed(3)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    plain = wasserstein_loss(critic(real), critic(fake), slope, 10.0)
    torch.testing.assert_close(ours, plain)
    parameters = list(critic.parameters())
    mine = torch.autograd.grad(ours, parameters, allow_unused=True)
    theirs = torch.autograd.grad(plain, parameters, allow_unused=True)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_kernels_of_other_sizes_have_the_same_closed_form() -> None:
    critic = ConvCritic((1, 28, 28), widths=(4, 6, 8), kernels=(5, 3, 3)).double()
    real, fake = _images((1, 28, 28), 1), _images((1, 28, 28), 2)
    ours = critic.loss(real, fake, torch.Generator().manual_seed(3))
    mixed = mixtures(real, fake, torch.Generator().manual_seed(3)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    torch.testing.assert_close(ours, wasserstein_loss(critic(real), critic(fake), slope, 10.0))
    with pytest.raises(ValueError, match="must be odd"):
        ConvCritic((1, 28, 28), kernels=(4, 4, 4))


def test_mixtures_lie_between_their_ends_and_repeat_with_the_generator() -> None:
    real, fake = _images((1, 8, 8), 1), _images((1, 8, 8), 2)
    mixed = mixtures(real, fake, torch.Generator().manual_seed(0))
    assert bool((mixed >= torch.minimum(real, fake)).all())
    assert bool((mixed <= torch.maximum(real, fake)).all())
    torch.testing.assert_close(mixed, mixtures(real, fake, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("kind", [ConvCritic, MlpCritic])
def test_a_critic_learns_to_tell_bright_from_dark(kind: type) -> None:
    critic = kind((1, 8, 8))
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.full((16, 1, 8, 8), 0.8), torch.full((16, 1, 8, 8), 0.2)
    for _ in range(30):
        optimizer.zero_grad()
        critic.loss(real, fake, rng).backward()
        optimizer.step()
    assert float(critic(real).mean() - critic(fake).mean()) > 1.0


def test_the_convolutional_critic_refuses_images_that_are_not_square() -> None:
    with pytest.raises(ValueError, match="square"):
        ConvCritic((1, 8, 9))

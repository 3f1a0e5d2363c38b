"""The critic's penalty in closed form is that of automatic differentiation; what critic and decoder see and draw."""

import pytest
import torch

from rdcbench import Context
from rdcbench_mnist.critics import mixtures, wasserstein_loss
from rdcbench_mnist.patches import PatchCritic, PatchDecoder


def _images(shape: tuple[int, ...], seed: int, count: int = 6) -> torch.Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(
    ("shape", "patch", "window"),
    [((1, 28, 28), 6, 2), ((1, 28, 28), 4, 3), ((1, 8, 8), 4, 1), ((1, 8, 8), 8, 1), ((3, 9, 13), 3, 2)],
)
def test_loss_and_its_gradients_equal_double_backward(
    shape: tuple[int, ...], patch: int, window: int, share: float
) -> None:
    critic = PatchCritic(shape, patch, window, widths=(12, 10, 8), penalty_share=share).double()
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


def test_every_window_is_seen_by_the_same_weights_and_the_edges_by_none() -> None:
    critic = PatchCritic((1, 28, 28), widths=(12,)).double()
    windows = critic._windows(_images((1, 28, 28), 1)).view(6, 9, 144)
    image = _images((1, 28, 28), 1)
    for number, (top, left) in enumerate((top, left) for top in (2, 8, 14) for left in (2, 8, 14)):
        square = image[:, 0, top : top + 12, left : left + 12]
        torch.testing.assert_close(windows[:, number].sort(1).values, square.flatten(1).sort(1).values)
    moved = image.clone()
    moved[:, :, :2] = moved[:, :, -2:] = 0.0
    moved[..., :2] = moved[..., -2:] = 0.0
    torch.testing.assert_close(critic(moved), critic(image))


def test_it_learns_to_tell_bright_from_dark() -> None:
    torch.manual_seed(0)
    critic = PatchCritic((1, 8, 8), patch=4, window=1)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.full((16, 1, 8, 8), 0.8), torch.full((16, 1, 8, 8), 0.2)
    for _ in range(30):
        optimizer.zero_grad()
        critic.loss(real, fake, rng).backward()
        optimizer.step()
    with torch.no_grad():
        assert float(critic(real).mean() - critic(fake).mean()) > 1.0


def test_it_refuses_images_without_a_window() -> None:
    with pytest.raises(ValueError, match="8x8 pixels have no window of 2x2 patches of 6x6"):
        PatchCritic((1, 8, 8))


CONTEXT = Context(0, "train", torch.arange(5))


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (3, 12, 20)])
def test_an_untrained_decoder_starts_near_its_start(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        images = PatchDecoder(shape, 3, start=0.1)(torch.randn(5, 3), CONTEXT)
    assert images.shape == (5, *shape)
    assert 0.05 < float(images.min()) < float(images.max()) < 0.2


def test_a_patch_is_drawn_into_a_square_of_twice_its_side() -> None:
    decoder = PatchDecoder((1, 28, 28), 3, patch=4)
    before = decoder(torch.zeros(5, 3), CONTEXT)
    with torch.no_grad():
        decoder.dense[-2].bias.view(49, -1)[8] += 1.0  # the maps of the second patch of the second row
    changed = (decoder(torch.zeros(5, 3), CONTEXT) != before)[0, 0]
    rows, columns = changed.any(1).nonzero().flatten().tolist(), changed.any(0).nonzero().flatten().tolist()
    assert rows == columns == list(range(2, 10))


def test_the_decoder_refuses_patches_that_do_not_fill_the_image() -> None:
    with pytest.raises(ValueError, match="patches of 4x4 pixels must be of an even side and fill 9x9"):
        PatchDecoder((1, 9, 9), 3)

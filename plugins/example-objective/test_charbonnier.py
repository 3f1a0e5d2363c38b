"""Tests of the sample plugin; they need it installed or on the path."""

import torch
from rdcbench_charbonnier import Charbonnier

from rdcbench import Outcome


def distortion(epsilon: float, difference: float) -> float:
    """Distortion of images that all differ by the same."""
    x = torch.full((2, 1, 4, 4), 0.5)
    outcome = Outcome(x, x + difference, {}, torch.zeros(2, 3))
    return float(Charbonnier(epsilon).term("distortion", outcome))


def test_small_differences_count_as_their_square() -> None:
    """Far below epsilon it is the squared error, so that weights keep their meaning."""
    assert abs(distortion(10.0, 0.1) - 0.01) < 1e-5


def test_large_differences_count_as_their_size() -> None:
    """Far above epsilon it grows with the size of the difference."""
    assert abs(distortion(1e-3, 0.4) / distortion(1e-3, 0.2) - 2) < 0.01


def test_equal_images_have_no_distortion_and_a_gradient_that_is_finite() -> None:
    """At zero difference the distance is 0 and so is its gradient."""
    x = torch.rand(2, 1, 4, 4)
    x_hat = x.clone().requires_grad_(True)
    value = Charbonnier().term("distortion", Outcome(x, x_hat, {}, torch.zeros(2, 3)))
    value.backward()
    assert float(value) == 0.0
    assert x_hat.grad is not None
    assert float(x_hat.grad.abs().max()) == 0.0

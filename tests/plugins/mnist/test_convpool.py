"""The matrix product equals the plain layers, forward and backward."""

import pytest
import torch
from torch.nn import functional as F

from rdcbench_mnist.convpool import conv_relu_pool


@pytest.mark.parametrize(("channels", "size", "kernel"), [(1, 28, 5), (10, 12, 5), (2, 8, 2), (3, 9, 3)])
def test_equals_convolution_relu_and_pool(channels: int, size: int, kernel: int) -> None:
    rng = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=rng, dtype=torch.float64).requires_grad_()
        for shape in ((7, channels, size, size), (4, channels, kernel, kernel), (4,))
    )
    plain = F.max_pool2d(F.relu(F.conv2d(x, weight, bias)), 2)
    ours = conv_relu_pool(x.permute(1, 2, 3, 0), weight, bias).permute(3, 0, 1, 2)
    torch.testing.assert_close(ours, plain)
    seen = torch.randn(plain.shape, generator=rng, dtype=torch.float64)
    expected = torch.autograd.grad(plain, (x, weight, bias), seen)
    for mine, theirs in zip(torch.autograd.grad(ours, (x, weight, bias), seen), expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_equal_outputs_send_the_gradient_to_the_first_as_max_pool_does() -> None:
    x = torch.ones(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    weight, bias = torch.ones(1, 1, 3, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    plain = torch.autograd.grad(F.max_pool2d(F.relu(F.conv2d(x, weight, bias)), 2).sum(), x)[0]
    ours = torch.autograd.grad(conv_relu_pool(x.permute(1, 2, 3, 0), weight, bias).sum(), x)[0]
    torch.testing.assert_close(ours, plain)


def test_a_frozen_classifier_gives_a_gradient_to_the_images_only() -> None:
    x = torch.rand(1, 28, 28, 3, requires_grad=True)
    weight, bias = torch.randn(10, 1, 5, 5), torch.randn(10)
    conv_relu_pool(x, weight, bias).sum().backward()
    assert x.grad is not None
    assert weight.grad is None

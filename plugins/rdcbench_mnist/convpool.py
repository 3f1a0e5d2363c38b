"""Convolution, ReLU and 2x2 max-pooling as one matrix product, for small channel counts on a CPU.

A 2x2 pool of a k x k convolution looks at a (k+1) x (k+1) patch with stride 2. One product with those patches gives
the four convolution outputs that each pool compares; images stand last in memory, so that all copies are contiguous.
About twice as fast as the plain layers at 10 channels; equal to them up to the order of summation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_PHASES = tuple((row, column) for row in (0, 1) for column in (0, 1))


def conv_relu_pool(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """max_pool2d(relu(conv2d(x, weight, bias)), 2) with images last.

    x: [channels, size, size, n]; weight: [out, channels, k, k]; gives [out, pooled, pooled, n], a rest left out.
    First derivatives only.
    """
    pooled: Tensor = _ConvReluPool.apply(x, weight, bias)
    return pooled


class _ConvReluPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Keep which of the four outputs won; of equal ones the first wins, as in max_pool2d."""
        out, _, kernel, _ = weight.shape
        spread = _spread(weight)
        patches = _patches(x, kernel)
        phase = (spread @ patches).view(4, out, -1)
        upper, lower = torch.maximum(phase[0], phase[1]), torch.maximum(phase[2], phase[3])
        y = torch.maximum(upper, lower).add_(bias[:, None]).relu_()
        ctx.margins = (phase[1] - phase[0], phase[3] - phase[2], lower - upper)
        ctx.save_for_backward(y, spread, patches if ctx.needs_input_grad[1] else None)
        ctx.sizes = (*x.shape, out, kernel)
        side = (x.shape[1] - kernel + 1) // 2
        return y.view(out, side, side, x.shape[3])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Send each gradient to the output that won, then through the product."""
        y, spread, patches = ctx.saved_tensors
        channels, size, _, images, out, kernel = ctx.sizes
        gradient = _where_positive(gradients[0].reshape(out, -1), y)
        phase = _to_winners(gradient, ctx.margins).view(4 * out, -1)
        to_weight = _gather(phase @ patches.T, out, channels, kernel) if ctx.needs_input_grad[1] else None
        to_bias = gradient.sum(1) if ctx.needs_input_grad[2] else None
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = _unpatch(spread.T @ phase, (channels, size, images), kernel)
        return to_x, to_weight, to_bias


def _where_positive(values: Tensor, test: Tensor) -> Tensor:
    """Values where test > 0, else 0, in one pass."""
    kept: Tensor = torch.ops.aten.threshold_backward(values, test, 0)
    return kept


def _to_winners(gradient: Tensor, margins: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Split a gradient [out, m] over the four phases, [4, out, m]."""
    right_above, right_below, below = margins
    phase = gradient.new_empty(4, *gradient.shape)
    lower = _where_positive(gradient, below)
    for first, half, margin in ((0, gradient - lower, right_above), (2, lower, right_below)):
        phase[first + 1] = _where_positive(half, margin)
        torch.sub(half, phase[first + 1], out=phase[first])
    return phase


def _patches(x: Tensor, kernel: int) -> Tensor:
    """[channels, size, size, n] -> [channels * (k+1)^2, pooled^2 * n]."""
    channels, size, _, images = x.shape
    side, window = (size - kernel + 1) // 2, kernel + 1
    strides = (size * size * images, size * images, images, 2 * size * images, 2 * images, 1)
    view = x.contiguous().as_strided((channels, window, window, side, side, images), strides)
    return view.reshape(channels * window * window, -1)


def _unpatch(patches: Tensor, sizes: tuple[int, int, int], kernel: int) -> Tensor:
    """Add patches back to where they came from: the transpose of `_patches`."""
    channels, size, images = sizes
    side, window = (size - kernel + 1) // 2, kernel + 1
    parts = patches.view(channels, window, window, side, side, images)
    x = patches.new_zeros(channels, size, size, images)
    for row in range(window):
        for column in range(window):
            x[:, row : row + 2 * side - 1 : 2, column : column + 2 * side - 1 : 2] += parts[:, row, column]
    return x


def _spread(weight: Tensor) -> Tensor:
    """Each kernel at its four places in the larger window: [out, channels, k, k] -> [4 * out, channels * (k+1)^2]."""
    out, channels, kernel, _ = weight.shape
    wide = weight.new_zeros(4, out, channels, kernel + 1, kernel + 1)
    for phase, (row, column) in enumerate(_PHASES):
        wide[phase, :, :, row : row + kernel, column : column + kernel] = weight
    return wide.view(4 * out, -1)


def _gather(gradient: Tensor, out: int, channels: int, kernel: int) -> Tensor:
    """The transpose of `_spread`."""
    wide = gradient.view(4, out, channels, kernel + 1, kernel + 1)
    parts = [
        wide[phase, :, :, row : row + kernel, column : column + kernel] for phase, (row, column) in enumerate(_PHASES)
    ]
    return torch.stack(parts).sum(0)

"""CompressAI's EntropyBottleneck as a density of what was received, and its training on counted symbols.

All values are in steps of the quantiser: v = received / step = (c_k - u) / step. The learned distribution function F
gives p(k | u) = F(v + 1/2) - F(v - 1/2), where the outermost cells take the tails, so that the p of one dither point
sum to 1. Since v is y / step plus noise that is uniform on one cell, this is what an EntropyBottleneck is made for
(Balle et al. 2018, arXiv 1802.01436, appendix 6.1).
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

from rdcbench import PartError, Quantizer
from rdcbench_std.coding import quiet_import

CERTAIN: Final = 40.0
"""Logit of an event that is certain: sigmoid(-40) = 4e-18."""

VALUES_A_STEP: Final = 1024
"""Values of one position that a step of training looks at, at most: all, up to 16 levels by 64 dither points."""


def new_density(last: Tensor, generator: torch.Generator) -> Any:
    """An untrained EntropyBottleneck with one channel for each position, its randomness from `generator` alone.

    last: [positions], alphabet - 1, which sets the width of the start: a quarter of the largest alphabet.
    """
    bottleneck = quiet_import("compressai.entropy_models").EntropyBottleneck
    with torch.random.fork_rng(devices=[]):  # its constructor draws from the global generator
        density = bottleneck(len(last), init_scale=(float(last.max()) + 1.0) / 4.0)
    for bias in density.biases:
        nn.init.uniform_(bias, -0.5, 0.5, generator=generator)
    del density.quantiles  # a parameter of its own coder, whose place the tables take
    return density


def bits_of(density: Any, values: Tensor, last: Tensor) -> Tensor:
    """-log2 p of each value: values in steps [positions, n], last [positions] -> [positions, n], differentiable."""
    cell = (values.detach() + last[:, None] / 2.0).round()
    lower = _logits(density, values - 0.5).masked_fill(cell <= 0, -CERTAIN)
    upper = _logits(density, values + 0.5).masked_fill(cell >= last[:, None], CERTAIN)
    return -torch.log2(_probability(density, lower, upper))


def law(density: Any, edges: Tensor, last: Tensor) -> Tensor:
    """p(k | position, dither) from the inner edges of the cells: [positions, m, K - 1] -> [positions, m, K].

    Symbols beyond the alphabet of a position get the least p that the density gives, 1e-9.
    """
    logits = _logits(density, edges.flatten(1)).view_as(edges)
    logits = logits.masked_fill(torch.arange(edges.shape[2]) >= last[:, None, None], CERTAIN)
    lower, upper = (nn.functional.pad(logits, side, value=end) for side, end in (((1, 0), -CERTAIN), ((0, 1), CERTAIN)))
    return _probability(density, lower, upper)


def train(
    density: Any, counts: Tensor, edges: Tensor, last: Tensor, steps: int, peak: float, generator: torch.Generator
) -> None:
    """Fit the density to how often each symbol was seen under each dither point, by Adam.

    A latent under a dither is one of few values, so the mean bits over all latents and all dithers are a sum over
    counts: every step sees the whole split. Large alphabets take some dither points a step, drawn from `generator`.

    Parameters
    ----------
    counts: int64 [positions, dither_points, K].
    edges: [positions, dither_points, K - 1], from `cell_edges`.
    steps, peak: number of updates; the learning rate rises to `peak` over a fifth of them, and falls to 0.
    """
    weights = counts.float() / counts.sum(2, keepdim=True).clamp(min=1)
    drawn_points = min(edges.shape[1], max(1, VALUES_A_STEP // counts.shape[2]))
    optimizer = torch.optim.Adam(density.parameters(), peak, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, total_steps=steps + 1, pct_start=0.2, cycle_momentum=False
    )
    with torch.enable_grad():
        for _ in range(steps):
            drawn = torch.randperm(edges.shape[1], generator=generator)[:drawn_points].sort().values
            probability = law(density, edges[:, drawn], last)
            loss = -(weights[:, drawn] * torch.log2(probability)).sum() / drawn_points
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def at_most_equal_shares(probability: Tensor, counts: Tensor, last: Tensor) -> Tensor:
    """Give a table equal shares where the density prices the counted symbols above log2 of the alphabet.

    A density cannot follow point masses; so the training split keeps its rate bound. Shapes [positions, m, K].
    """
    cost = -(counts * torch.log2(probability)).sum(2, keepdim=True)
    bound = counts.sum(2, keepdim=True) * torch.log2(last + 1.0)[:, None, None]
    return torch.where(cost > bound, torch.ones(()), probability)


def cell_edges(quantizer: Quantizer) -> Tensor:
    """Edge between the cells of k and k + 1: (c_k - u) / step + 1/2, float32 [positions, dither_points, K - 1].

    The quantiser itself is asked what each symbol stands for. Raises PartError unless that is c_k - u with centres
    evenly spaced on [-1, 1] and |u| <= step / 2.
    """
    alphabet = quantizer.alphabet
    last = (alphabet.flatten().cpu() - 1).float()[:, None]
    every = torch.arange(int(alphabet.max()), device=alphabet.device).view(-1, *[1] * alphabet.ndim)
    symbols = every.minimum(alphabet - 1)
    values = torch.empty(alphabet.numel(), quantizer.dither_points, len(every))
    for point in range(quantizer.dither_points):
        received = quantizer.dequantize(symbols, torch.full_like(symbols, point)).detach()
        if received.shape != symbols.shape:
            raise _no_lattice(quantizer)
        values[:, point] = received.cpu().float().flatten(1).T * last.clamp(min=1.0) / 2.0
    shift = values - (symbols.cpu().flatten(1).T - last / 2.0)[:, None, :]
    if (shift - shift[..., :1]).abs().max() > 1e-3 or shift.abs().max() > 0.5 + 1e-3:
        raise _no_lattice(quantizer)
    return values[..., :-1] + 0.5


def _no_lattice(quantizer: Quantizer) -> PartError:
    return PartError(
        "The entropy model 'bottleneck' needs symbols that stand for centres evenly spaced on [-1, 1], and those of "
        f"the quantizer {quantizer.name!r} do not; choose the entropy model 'frequencies', which fits any quantizer."
    )


def _logits(density: Any, values: Tensor) -> Tensor:
    """Logits of F, [positions, n] -> [positions, n].

    Not by the density's public call, which would add noise of its own or round: the values already are noisy.
    """
    logits: Tensor = density._logits_cumulative(values[:, None, :], stop_gradient=False)
    return logits[:, 0, :]


def _probability(density: Any, lower: Tensor, upper: Tensor) -> Tensor:
    """sigmoid(upper) - sigmoid(lower), at least 1e-9, taken on the side where float32 cancels least."""
    side = torch.where(lower + upper > 0, -1.0, 1.0)
    difference = (torch.sigmoid(side * upper) - torch.sigmoid(side * lower)).abs()
    probability: Tensor = density.likelihood_lower_bound(difference)
    return probability

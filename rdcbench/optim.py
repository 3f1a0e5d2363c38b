"""Adam over one flat buffer, and learning-rate schedules as plain functions of the share of steps done."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from rdcbench.recipe import Training


def flat_adam(
    parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float], replayed: bool = False
) -> torch.optim.Adam:
    """Make an Adam over one flat tensor of which the parameters, and their gradients, become views.

    One fused update instead of one for each tensor: for small networks the update costs less than a fifth. Gradients
    accumulate in place, so clear them with `zero_grad(set_to_none=False)`.

    replayed: the update will be replayed by a graph, so the rate is a tensor that `set_rate` fills.
    """
    views = [parameter for parameter in parameters if parameter.requires_grad]
    flat = nn.Parameter(torch.cat([view.detach().reshape(-1) for view in views]))
    flat.grad = torch.zeros_like(flat)
    start = 0
    for view in views:
        stop = start + view.numel()
        view.data = flat.data[start:stop].view_as(view)
        view.grad = flat.grad[start:stop].view_as(view)
        start = stop
    if not replayed:
        return torch.optim.Adam([flat], lr=rate, betas=betas, fused=True)
    on_gpu = flat.device.type == "cuda"  # whose kernel reads a rate that is a tensor as float32
    kept = torch.tensor(rate, dtype=torch.float32 if on_gpu else torch.float64, device=flat.device)
    return torch.optim.Adam([flat], lr=kept, betas=betas, fused=True, capturable=on_gpu)


class MovingAverage:
    """Exponential moving average of all that an optimizer trains (Polyak and Juditsky 1992); decay 0 keeps the last."""

    def __init__(self, optimizer: torch.optim.Optimizer, decay: float) -> None:
        self.decay = decay
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]] if decay else []
        self._averages = [parameter.detach().clone() for parameter in self._parameters]

    def update(self, step: int) -> None:
        """Take in the parameters after a step; early ones weigh as in a plain mean, so that the start is forgotten."""
        for average, parameter in zip(self._averages, self._parameters, strict=True):
            average.lerp_(parameter.detach(), max(1 - self.decay, 1 / (step + 1)))

    @property
    def state(self) -> list[torch.Tensor]:
        """The averages, to be read or written in place."""
        return self._averages

    def keep(self) -> None:
        """Put the averages in the parameters' place."""
        for average, parameter in zip(self._averages, self._parameters, strict=True):
            parameter.data.copy_(average)


def rate_factor(schedule: str, share: float, training: Training) -> float:
    """Factor of the learning rate after `share` in [0, 1] of the steps.

    one-cycle: half a cosine up from 1/25 to 1 in the first `warmup`, half a cosine down to 1e-4 (Smith and Topin 2018),
    with constant momentum; step: 1, then `drop_to` from `drop_at` on.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "step":
        return 1.0 if share < training.drop_at else training.drop_to
    if share < training.warmup:
        return _cosine(1 / 25, 1.0, share / training.warmup)
    return _cosine(1.0, 1e-4, (share - training.warmup) / max(1e-9, 1 - training.warmup))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups, in place where it is a tensor."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2

"""Training a model of CompressAI as its own example does: a rate-distortion loss, and one for the quantiles."""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import PartError, Split, Training, seed_of
from rdcbench_compressai.names import quiet

CLIP: Final = 1.0
"""Largest norm of a gradient."""
QUANTILE_RATE: Final = 1e-3
DROP_AT: Final = 0.8
"""Share of the steps after which the learning rate is a tenth."""
MS_SSIM_SIDE: Final = 161
"""Smallest side of an image that has five scales of 11 pixels."""


def padded(x: Tensor, stride: int) -> Tensor:
    """Repeat the last line and column until both sides are multiples of the stride."""
    down, across = (-side % stride for side in x.shape[-2:])
    return F.pad(x, (0, across, 0, down), mode="replicate") if down or across else x


def check_metric(metric: str, image_shape: tuple[int, ...]) -> None:
    """PartError for a distortion that does not exist, or that these images are too small for."""
    if metric not in ("mse", "ms-ssim"):
        raise PartError(f"A CompressAI model was asked for with metric = {metric!r}; there is: mse, ms-ssim.")
    if metric == "ms-ssim" and min(image_shape[-2:]) < MS_SSIM_SIDE:
        raise PartError(
            f"MS-SSIM needs images of {MS_SSIM_SIDE} pixels or more on a side; these have {image_shape[-2]} x "
            f"{image_shape[-1]}. Take larger crops, or metric = 'mse'."
        )


def train(
    model: Any, split: Split, training: Training, lmbda: float, metric: str, stride: int, generator: torch.Generator
) -> None:
    """Minimise bits a pixel + lmbda * distortion (255^2 MSE, or 1 - MS-SSIM), and make the tables of the coder.

    All randomness, the noise that stands for rounding included, comes from the generator. The distortion is that of
    the image; the rate includes what padding costs.
    """
    distortion = quiet("compressai.losses").RateDistortionLoss(lmbda=lmbda, metric=metric)
    main = [parameter for name, parameter in model.named_parameters() if not name.endswith("quantiles")]
    quantiles = [parameter for name, parameter in model.named_parameters() if name.endswith("quantiles")]
    optimizer = torch.optim.Adam(main, lr=training.learning_rate)
    other = torch.optim.Adam(quantiles, lr=QUANTILE_RATE) if quantiles else None
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("compressai", int(torch.randint(2**62, (1,), generator=generator))))
        for step in range(training.steps):
            if step == int(DROP_AT * training.steps):
                optimizer.param_groups[0]["lr"] = training.learning_rate / 10
            index = torch.randint(len(split), (training.batch,), generator=generator)
            _step(model, split.batch(index).x, distortion, optimizer, other, stride)
        model.eval()
        model.update(force=True, update_quantiles=True)


def _step(
    model: Any,
    x: Tensor,
    distortion: nn.Module,
    optimizer: torch.optim.Optimizer,
    other: torch.optim.Optimizer | None,
    stride: int,
) -> None:
    """One step of the model, then one of its quantiles."""
    out = model(padded(x, stride))
    out = {"x_hat": out["x_hat"][..., : x.shape[-2], : x.shape[-1]], "likelihoods": out["likelihoods"]}
    loss = distortion(out, x)["loss"]
    if not math.isfinite(float(loss.detach())):
        raise PartError(f"The loss of the CompressAI model is {float(loss.detach())}; try a lower learning rate.")
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], CLIP)
    optimizer.step()
    if other is not None:
        other.zero_grad()
        model.aux_loss().backward()
        other.step()

"""Means over the test images: fidelity, sharpness, and what the codec's own classifier and critic say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from rdcbench import Classifier, Critic, Decoded, Field, Metric, PartError, unknown

PSNR_CAP = 100.0
"""Decibel of an image that came back exactly: its PSNR is infinite, and a mean needs a number."""


class Mse(Metric):
    """Squared error, averaged over the pixels of each image; pixels in [0, 1]: the paper's distortion."""

    name = "mse"
    fields: ClassVar[Mapping[str, Field]] = {"mse": Field("squared pixel value", "lower", 0.0)}

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        return {"mse": _mse(decoded)}


class Psnr(Metric):
    """-10 log10 MSE of each image, averaged over images (not the PSNR of the mean MSE); at most 100 dB."""

    name = "psnr"
    fields: ClassVar[Mapping[str, Field]] = {"psnr": Field("dB", "higher", 0.0, PSNR_CAP)}

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        return {"psnr": -10 * _mse(decoded).clamp(min=10 ** (-PSNR_CAP / 10)).log10()}


class Ssim(Metric):
    """Structural similarity (Wang et al. 2004): Gaussian window, sigma 1.5, 11 pixels wide or as wide as fits.

    Where the window fits into the image, averaged over places and channels; K1 = .01, K2 = .03, range 1.
    """

    name = "ssim"
    fields: ClassVar[Mapping[str, Field]] = {"ssim": Field("share", "higher", -1.0, 1.0)}

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        return {"ssim": ssim(decoded.x, decoded.x_hat)}


class Sharpness(Metric):
    """Mean length of the gradient (forward differences) of the decoded image."""

    name = "sharpness"
    fields: ClassVar[Mapping[str, Field]] = {"sharpness": Field("pixel value per pixel", "none", 0.0)}

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        x = decoded.x_hat
        down, right = x[..., 1:, :-1] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., :-1, :-1]
        return {"sharpness": (down.square() + right.square()).sqrt().flatten(1).mean(1)}


class ClassifierMetric(Metric):
    """Cross-entropy and accuracy of the pre-trained classifier that codecs are trained with, on the reconstruction.

    Parameters
    ----------
    classifier: given.
    label: the label asked for.
    """

    name = "classifier"
    fields: ClassVar[Mapping[str, Field]] = {
        "ce": Field("nat", "lower", 0.0),
        "accuracy": Field("share", "higher", 0.0, 1.0),
    }

    def __init__(self, classifier: Classifier, label: str = "digit") -> None:
        self.classifier, self.label = classifier, label

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n] each."""
        known = self.classifier(decoded.x_hat)
        if self.label not in known:
            raise PartError(unknown("label of the classifier", self.label, known))
        logits, label = known[self.label], decoded.labels[self.label]
        return {"ce": F.cross_entropy(logits, label, reduction="none"), "accuracy": (logits.argmax(1) == label).float()}


class OwnCritic(Metric):
    """Gap of the codec's own critic between real and decoded images: the paper's perception axis.

    Each point has a critic of its own, so points do not compare on it; `perception` is for that.

    Parameters
    ----------
    critic: given, for jobs that trained one.
    """

    name = "own-critic"
    fields: ClassVar[Mapping[str, Field]] = {"perception_own": Field("critic score", "lower")}

    def __init__(self, critic: Critic) -> None:
        self.critic = critic

    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """[n]."""
        return {"perception_own": self.critic(decoded.x) - self.critic(decoded.x_hat)}


def _mse(decoded: Decoded) -> Tensor:
    return (decoded.x_hat - decoded.x).double().square().flatten(1).mean(1)


def _window_means(size: int, width: int) -> Tensor:
    """Matrix [size - width + 1, size] whose product with a line gives its Gaussian-weighted local means."""
    place = torch.arange(width, dtype=torch.float64) - width // 2
    weights = torch.exp(-place.square() / (2 * 1.5**2))
    rows = torch.zeros(size - width + 1, size, dtype=torch.float64)
    for row in range(len(rows)):
        rows[row, row : row + width] = weights / weights.sum()
    return rows


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity of each pair of images, [n, c, h, w] each in [0, 1] -> [n]."""
    height, width = x.shape[-2:]
    window = min(11, (min(height, width) - 1) // 2 * 2 + 1)
    down, across = _window_means(height, window).to(x.device), _window_means(width, window).to(x.device).T

    def local_mean(image: Tensor) -> Tensor:
        return down @ (image @ across)  # the window is separable: two products instead of a convolution

    x, y = x.double(), y.double()
    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x, variance_y = local_mean(x * x) - mean_x**2, local_mean(y * y) - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2)
    return (light * structure).flatten(1).mean(1)


METRICS = (Mse, Psnr, Ssim, Sharpness, ClassifierMetric, OwnCritic)

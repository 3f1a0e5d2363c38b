"""Metrics against independent implementations, on images of two sizes, and for any split into batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

import rdcbench
from rdcbench_std.metrics import METRICS, PSNR_CAP, ClassifierMetric, Mse, OwnCritic, Psnr, Sharpness, Ssim, ssim

SHAPES = [(1, 28, 28), (1, 8, 8), (3, 20, 13)]


class Linear(rdcbench.Classifier):
    """Logits of a fixed random matrix."""

    name = "linear"

    def __init__(self, pixels, classes=10):
        super().__init__()
        weight = torch.randn(pixels, classes, generator=torch.Generator().manual_seed(3))
        self.register_buffer("weight", weight)

    def forward(self, x):
        return {"digit": self.features(x) @ self.weight}

    def features(self, x):
        return x.flatten(1)

    def fit(self, train, generator):
        """Nothing to learn."""


class Brightness(rdcbench.Critic):
    """Scores an image by its mean."""

    name = "brightness"

    def forward(self, x):
        return x.flatten(1).mean(1)

    def loss(self, real, fake, generator):
        return self(fake).mean() - self(real).mean()


def pairs(shape, images=12, noise=0.1):
    """Smooth random images and noisy versions of them."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(images, shape[0], 5, 5, generator=generator)
    x = torch.nn.functional.interpolate(coarse, shape[1:], mode="bilinear")
    strength = torch.linspace(0.2, 1, images).view(-1, 1, 1, 1) * noise
    x_hat = (x + strength * torch.randn(x.shape, generator=generator)).clamp(0, 1)
    digit = torch.randint(10, (images,), generator=generator)
    return rdcbench.Decoded(x, x_hat, {"digit": digit}, torch.zeros(images))


def built(shape):
    """Every metric, with what it is given."""
    given = {ClassifierMetric: (Linear(int(np.prod(shape))),), OwnCritic: (Brightness(),)}
    return [metric(*given.get(metric, ())) for metric in METRICS]


def exact(decoded):
    return rdcbench.Decoded(decoded.x, decoded.x, decoded.labels, decoded.bits)


def gray(image):
    return image.permute(1, 2, 0).numpy().astype(np.float64)


# ------------------------------------------------------------------------------------------------------ all metrics


@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_per_image_and_do_not_depend_on_the_batch(shape):
    decoded = pairs(shape)
    for metric in built(shape):
        whole = metric.update(decoded)
        assert set(whole) == set(metric.fields)
        pieces = [metric.update(decoded.slice(start, stop)) for start, stop in ((0, 1), (1, 8), (8, 12))]
        for name, values in whole.items():
            assert values.shape == (12,)
            torch.testing.assert_close(torch.cat([piece[name] for piece in pieces]), values)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_keep_their_bounds_and_more_noise_is_worse(shape):
    mild, strong = pairs(shape, noise=0.05), pairs(shape, noise=0.6)
    for metric in built(shape):
        for name, field in metric.fields.items():
            seen = [metric.update(decoded)[name].double() for decoded in (exact(mild), mild, strong)]
            for values in seen:
                assert bool(((values >= field.lower) & (values <= field.upper)).all()), name
            if name in ("mse", "psnr", "ssim"):
                better = [float(values.mean()) * (-1 if field.direction == "lower" else 1) for values in seen]
                assert better == sorted(better, reverse=True)


def test_the_ideal_values():
    decoded = exact(pairs((1, 28, 28)))
    assert Mse().update(decoded)["mse"].tolist() == [0.0] * 12
    assert Psnr().update(decoded)["psnr"].tolist() == [PSNR_CAP] * 12
    torch.testing.assert_close(Ssim().update(decoded)["ssim"], torch.ones(12, dtype=torch.float64))
    assert OwnCritic(Brightness()).update(decoded)["perception_own"].tolist() == [0.0] * 12


# ------------------------------------------------------------------------------------------- mse, psnr, sharpness


@pytest.mark.parametrize("shape", SHAPES)
def test_mse_and_psnr_are_those_of_scikit_image(shape):
    metrics = pytest.importorskip("skimage.metrics")
    decoded = pairs(shape)
    images = list(zip(decoded.x.double().numpy(), decoded.x_hat.double().numpy(), strict=True))
    mse = [metrics.mean_squared_error(x, y) for x, y in images]
    psnr = [metrics.peak_signal_noise_ratio(x, y, data_range=1.0) for x, y in images]
    np.testing.assert_allclose(Mse().update(decoded)["mse"], mse, rtol=1e-6)
    np.testing.assert_allclose(Psnr().update(decoded)["psnr"], psnr, rtol=1e-6)


def test_psnr_is_a_mean_of_decibels_not_the_psnr_of_the_mean_mse():
    decoded = pairs((1, 28, 28))
    mean = float(Psnr().update(decoded)["psnr"].mean())
    of_mean = -10 * float(Mse().update(decoded)["mse"].mean().log10())
    assert mean > of_mean + 0.5


def test_sharpness_of_a_ramp_is_its_slope_and_blur_lowers_it():
    ramp = (torch.arange(8.0).view(8, 1) * 0.03 + torch.arange(8.0) * 0.04).expand(1, 1, 8, 8)
    assert _sharpness(ramp).item() == pytest.approx(0.05)
    assert _sharpness(torch.full((1, 3, 8, 8), 0.7)).item() == 0.0
    noisy = pairs((1, 28, 28)).x_hat
    assert bool((_sharpness(torch.nn.functional.avg_pool2d(noisy, 3, 1)) < _sharpness(noisy)).all())


def test_sharpness_is_that_of_numpy():
    decoded = pairs((1, 20, 13))
    down, right = np.diff(decoded.x_hat, axis=2)[..., :-1], np.diff(decoded.x_hat, axis=3)[:, :, :-1]
    np.testing.assert_allclose(_sharpness(decoded.x_hat), np.hypot(down, right).mean((1, 2, 3)), rtol=1e-5)


def _sharpness(x_hat):
    zeros = torch.zeros(len(x_hat))
    return Sharpness().update(rdcbench.Decoded(x_hat, x_hat, {}, zeros))["sharpness"]


# ------------------------------------------------------------------------------------------------------------- ssim


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 13)])
def test_ssim_is_that_of_scikit_image_where_its_window_fits(shape):
    metrics = pytest.importorskip("skimage.metrics")
    decoded = pairs(shape, noise=0.4)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    images = zip(decoded.x, decoded.x_hat, strict=True)
    expected = [metrics.structural_similarity(gray(x), gray(y), channel_axis=2, **settings) for x, y in images]
    np.testing.assert_allclose(ssim(decoded.x, decoded.x_hat), expected, atol=1e-9)


@pytest.mark.parametrize(("shape", "window"), [((1, 28, 28), 11), ((1, 8, 8), 7), ((3, 20, 13), 11), ((1, 5, 9), 5)])
def test_ssim_is_that_of_pytorch_msssim_for_any_size(shape, window):
    independent = pytest.importorskip("pytorch_msssim")
    decoded = pairs(shape, noise=0.4)
    x, y = decoded.x.double(), decoded.x_hat.double()
    kernel = independent.ssim.__globals__["_fspecial_gauss_1d"](window, 1.5).double().repeat(shape[0], 1, 1, 1)
    expected = independent.ssim(x, y, data_range=1.0, size_average=False, win=kernel)
    torch.testing.assert_close(ssim(x, y), expected, atol=1e-5, rtol=0)


def test_ssim_is_symmetric():
    decoded = pairs((1, 8, 8), noise=0.4)
    torch.testing.assert_close(ssim(decoded.x, decoded.x_hat), ssim(decoded.x_hat, decoded.x))


# ------------------------------------------------------------------------------------------- classifier and critic


def test_cross_entropy_in_nats_and_accuracy_are_those_of_scikit_learn():
    decoded, classifier = pairs((1, 8, 8), images=50), Linear(64)
    seen = ClassifierMetric(classifier).update(decoded)
    chance = classifier(decoded.x_hat)["digit"].double().softmax(1).numpy()
    label = decoded.labels["digit"].numpy()
    assert float(seen["ce"].mean()) == pytest.approx(log_loss(label, chance, labels=range(10)), rel=1e-5)
    assert float(seen["accuracy"].mean()) == pytest.approx(accuracy_score(label, chance.argmax(1)))


def test_a_label_that_the_classifier_does_not_know_is_answered_with_those_it_knows():
    with pytest.raises(rdcbench.PartError, match=r"'digits'.*digit"):
        ClassifierMetric(Linear(64), label="digits").update(pairs((1, 8, 8)))


def test_own_critic_is_the_gap_of_the_scores():
    decoded = pairs((1, 8, 8))
    expected = (decoded.x - decoded.x_hat).flatten(1).mean(1)
    torch.testing.assert_close(OwnCritic(Brightness()).update(decoded)["perception_own"], expected)

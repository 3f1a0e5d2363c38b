"""Encoders, decoders, critics and classifiers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rdcbench.conformance import samples, shared
from rdcbench.conformance.case import Case, NetworkTrial, Tensors, Trial
from rdcbench.conformance.contract import NotJudged, contract, expect
from rdcbench.interfaces import Fitted
from rdcbench.records import Context
from rdcbench.rng import generator

IMAGES = 12
STEPS = 120
"""Of the training that shows which way a critic learns."""


def _images(case: Case) -> Tensor:
    return samples.batch(case.shape, IMAGES).x.clone()


def _expect_shape(name: str, value: Any, shape: tuple[int, ...]) -> None:
    expect(isinstance(value, Tensor), f"{name} is a {type(value).__name__}, not a tensor.")
    expect(value.dtype == torch.float32, f"{name} is {value.dtype}, not torch.float32.")
    expect(tuple(value.shape) == shape, f"{name} has shape {list(value.shape)}, not {list(shape)}.")


def _expect_gradients(part: nn.Module, loss: Tensor) -> None:
    """Every parameter gets a finite gradient, one of them one that is not 0."""
    expect(loss.requires_grad, "The result has no gradient at all.")
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in part.named_parameters() if parameter.requires_grad}
    without = [name for name, gradient in gradients.items() if gradient is None]
    expect(not without, f"No gradient reaches {', '.join(without)}.")
    there = [gradient for gradient in gradients.values() if gradient is not None]
    expect(all(bool(torch.isfinite(gradient).all()) for gradient in there), "A gradient is not finite.")
    expect(any(bool((gradient != 0).any()) for gradient in there), "All gradients are 0.")


def _trained(case: Case) -> nn.Module:
    part: nn.Module = case.build()
    if isinstance(part, Fitted) or not any(True for _ in part.parameters()):
        raise NotJudged("it is not trained by gradient")
    return part.train()


_DETACHED = "do not detach, round or convert to numpy between input and output; drop parameters that are not used."


# ------------------------------------------------------------------------------------------------------------- encoders


class EncoderTrial(NetworkTrial):
    """x -> latent."""

    def inputs(self, case: Case) -> Tensors:
        """Images."""
        return {"x": _images(case)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Latents."""
        return {"latent": part(inputs["x"])}


@contract(
    "shape",
    says="An encoder maps images [n, *image_shape] to latents [n, *latent], float32.",
    mend="keep the batch dimension first and compute in float32.",
)
def encoder_shape(case: Case) -> None:
    """Latents of a batch."""
    latent = case.run(case.ready())["latent"]
    expect(latent.ndim >= 2, f"The latent has shape {list(latent.shape)}; it needs the batch and at least one more.")
    _expect_shape("The latent", latent, (IMAGES, *latent.shape[1:]))


@contract("gradient", says="An encoder is trained by gradient through all its parameters.", mend=_DETACHED)
def encoder_gradient(case: Case) -> None:
    """In training mode."""
    part = _trained(case)
    latent = part(_images(case))
    _expect_gradients(part, (latent * _weights(latent)).sum())


def _weights(like: Tensor) -> Tensor:
    """Fixed random weights: the gradient of a plain sum vanishes behind a batch norm."""
    return torch.randn(like.shape, generator=generator("conformance", "weights")).to(like)


# ------------------------------------------------------------------------------------------------------------- decoders


class DecoderTrial(NetworkTrial):
    """What was received -> x_hat."""

    def inputs(self, case: Case) -> Tensors:  # noqa: ARG002
        """What a dithered quantizer gives, and the images' indices."""
        drawn = torch.rand(IMAGES, samples.DIMENSIONS, generator=generator("conformance", "received"))
        return {"received": 3 * drawn - 1.5, "index": torch.arange(IMAGES)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:
        """Images."""
        dials = dict.fromkeys(case.entry.target.dials, 0.5)
        index = torch.arange(IMAGES)[: len(inputs["index"])] if inputs["index"].is_meta else inputs["index"]
        return {"x_hat": part(inputs["received"], Context(7, "test", index, tradeoff=dials))}

    def seen(self, case: Case, index: Tensor) -> Tensor:
        """What a codec of stand-ins receives of the training images."""
        return samples.small_codec(case.shape).received(samples.split(case.shape), index)


@contract(
    "shape",
    says="A decoder gives images [n, *image_shape], float32 in [0, 1].",
    mend="end in a sigmoid or clamp(0, 1), and reshape to image_shape.",
)
def decoder_shape(case: Case) -> None:
    """Images of what was received."""
    x_hat = case.run(case.ready())["x_hat"]
    _expect_shape("x_hat", x_hat, (IMAGES, *case.shape))
    low, high = float(x_hat.min()), float(x_hat.max())
    expect(low >= 0 and high <= 1, f"x_hat lies in [{low:.4g}, {high:.4g}].")


@contract(
    "gradient",
    says="A decoder is trained by gradient through all its parameters, and passes the gradient on to the encoder.",
    mend=_DETACHED,
)
def decoder_gradient(case: Case) -> None:
    """In training mode."""
    part = _trained(case)
    given = case.trial.inputs(case)
    given["received"].requires_grad_(True)
    x_hat = case.trial.per_image(case, part, given)["x_hat"]
    _expect_gradients(part, (x_hat * _weights(x_hat)).sum())
    expect(given["received"].grad is not None, "No gradient reaches what was received.")


# -------------------------------------------------------------------------------------------------------------- critics


class CriticTrial(NetworkTrial):
    """Images -> scores, and the loss of real and fake ones."""

    def inputs(self, case: Case) -> Tensors:
        """Real and fake images."""
        real = _images(case)
        return {"real": real, "fake": samples.damaged(1 - real, 0.1)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Scores."""
        return {"score": part(inputs["fake"])}

    def whole(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """The loss."""
        with torch.enable_grad():
            return {"loss": part.loss(inputs["real"], inputs["fake"], generator("conformance", "loss")).detach()}


@contract(
    "shape",
    says="A critic scores images [n, *image_shape] with one number each, [n]; its loss is a scalar.",
    mend="squeeze(1) the last layer's output, and average the loss.",
)
def critic_shape(case: Case) -> None:
    """Scores and loss."""
    given = case.run(case.ready())
    _expect_shape("The score", given["score"], (IMAGES,))
    _expect_shape("The loss", given["loss"], ())


@contract(
    "gradient",
    says="A critic's loss trains all its parameters, and its score has a gradient to the images.",
    mend=_DETACHED,
)
def critic_gradient(case: Case) -> None:
    """Of the loss in training mode, and of the score in evaluation mode."""
    part = _trained(case)
    given = case.trial.inputs(case)
    _expect_gradients(part, part.loss(given["real"], given["fake"], generator("loss")))  # type: ignore[operator]
    x_hat = given["fake"].requires_grad_(True)
    case.ready()(x_hat).sum().backward()
    expect(x_hat.grad is not None and bool((x_hat.grad != 0).any()), "The score has no gradient to the images.")


@contract(
    "direction",
    says="Higher scores are more like the data: the critic's own loss teaches it to score real images above fake ones.",
    mend="the loss is E score(fake) - E score(real) and penalties; swap the signs if they are the other way round.",
)
def critic_direction(case: Case) -> None:
    """Train on patterns and their negatives."""
    part: Any = _trained(case)
    given = case.trial.inputs(case)
    optimizer = torch.optim.Adam(part.parameters(), 1e-2, betas=(0.5, 0.9))
    random = generator("conformance", "direction")
    for _ in range(STEPS):
        optimizer.zero_grad()
        part.loss(given["real"], given["fake"], random).backward()
        optimizer.step()
    gap = float((part.eval()(given["real"]).mean() - part(given["fake"]).mean()).detach())
    expect(gap > 0, f"After {STEPS} steps of its own loss, real images score {gap:.3g} above fake ones.")


# ---------------------------------------------------------------------------------------------------------- classifiers


class ClassifierTrial(Trial):
    """Images -> logits and features."""

    def ready(self, case: Case, part: Any, seed: int) -> Any:
        """Train on the patterns."""
        part.fit(samples.split(case.shape), generator("fit", seed))
        return part

    def inputs(self, case: Case) -> Tensors:
        """Images."""
        return {"x": _images(case)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Logits of each label, and features."""
        logits = {f"logits of {label}": value for label, value in part(inputs["x"]).items()}
        return {**logits, "features": part.features(inputs["x"])}


@contract(
    "shape",
    says="A classifier gives logits [n, classes] for each label it knows, and features [n, features], float32.",
    mend="build one head for each label with classes[label] outputs, and flatten the features.",
)
def classifier_shape(case: Case) -> None:
    """Logits and features."""
    part = case.ready()
    logits = part(_images(case))
    expect(len(logits) > 0, "It knows no label.")
    for label, value in logits.items():
        expect(label in samples.CLASSES, f"It knows a label {label!r}, which the data set does not have.")
        _expect_shape(f"The logits of {label}", value, (IMAGES, samples.CLASSES[label]))
    features = part.features(_images(case))
    expect(features.ndim == 2, f"The features have shape {list(features.shape)}.")
    _expect_shape("The features", features, (IMAGES, features.shape[1]))


@contract(
    "gradient",
    says="The logits have a gradient to the images: codecs are trained through the classifier.",
    mend="do not use torch.no_grad() or detach() in forward.",
)
def classifier_gradient(case: Case) -> None:
    """From one label's logits to x."""
    x = _images(case).requires_grad_(True)
    value = next(iter(case.ready()(x).values()))
    expect(value.requires_grad, "The logits have no gradient.")
    (value * _weights(value)).sum().backward()
    expect(x.grad is not None and bool((x.grad != 0).any()), "The gradient to the images is 0.")


TRIALS = {
    "encoder": EncoderTrial(),
    "decoder": DecoderTrial(),
    "critic": CriticTrial(),
    "classifier": ClassifierTrial(),
}
CHECKS = {
    "encoder": (*shared.MODULES, encoder_shape, encoder_gradient),
    "decoder": (*shared.MODULES, decoder_shape, decoder_gradient),
    "critic": (*shared.MODULES, critic_shape, critic_gradient, critic_direction),
    "classifier": (*shared.MODULES, classifier_shape, classifier_gradient),
}

"""Encoders and decoders, and what is asked of every network that is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rdcbench.conformance import samples, shared, stand_ins
from rdcbench.conformance.case import Case, NetworkTrial, Tensors
from rdcbench.conformance.contract import NotJudged, contract, expect
from rdcbench.interfaces import Fitted
from rdcbench.records import Context
from rdcbench.rng import generator

IMAGES = 12


def images(case: Case) -> Tensor:
    """The images that networks are tried on, [IMAGES, *shape]."""
    return samples.batch(case.shape, IMAGES).x.clone()


def expect_shape(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """A float32 tensor of this shape."""
    expect(isinstance(value, Tensor), f"{name} is a {type(value).__name__}, not a tensor.")
    expect(value.dtype == torch.float32, f"{name} is {value.dtype}, not torch.float32.")
    expect(tuple(value.shape) == shape, f"{name} has shape {list(value.shape)}, not {list(shape)}.")


def expect_gradients(part: nn.Module, loss: Tensor) -> None:
    """Every parameter gets a finite gradient, one of them one that is not 0."""
    expect(loss.requires_grad, "The result has no gradient at all.")
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in part.named_parameters() if parameter.requires_grad}
    without = [name for name, gradient in gradients.items() if gradient is None]
    expect(not without, f"No gradient reaches {', '.join(without)}.")
    there = [gradient for gradient in gradients.values() if gradient is not None]
    expect(all(bool(torch.isfinite(gradient).all()) for gradient in there), "A gradient is not finite.")
    expect(any(bool((gradient != 0).any()) for gradient in there), "All gradients are 0.")


def trained(case: Case) -> nn.Module:
    """The part in training mode; not judged where it is not trained by gradient."""
    part: nn.Module = case.build()
    if isinstance(part, Fitted) or not any(True for _ in part.parameters()):
        raise NotJudged("it is not trained by gradient")
    return part.train()


DETACHED = "do not detach, round or convert to numpy between input and output; drop parameters that are not used."


# ------------------------------------------------------------------------------------------------------------- encoders


class EncoderTrial(NetworkTrial):
    """x -> latent."""

    def inputs(self, case: Case) -> Tensors:
        """Images."""
        return {"x": images(case)}

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
    expect_shape("The latent", latent, (IMAGES, *latent.shape[1:]))


@contract("gradient", says="An encoder is trained by gradient through all its parameters.", mend=DETACHED)
def encoder_gradient(case: Case) -> None:
    """In training mode."""
    part = trained(case)
    latent = part(images(case))
    expect_gradients(part, (latent * weights(latent)).sum())


def weights(like: Tensor) -> Tensor:
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
        return stand_ins.small_codec(case.shape).received(samples.split(case.shape), index)


@contract(
    "shape",
    says="A decoder gives images [n, *image_shape], float32 in [0, 1].",
    mend="end in a sigmoid or clamp(0, 1), and reshape to image_shape.",
)
def decoder_shape(case: Case) -> None:
    """Images of what was received."""
    x_hat = case.run(case.ready())["x_hat"]
    expect_shape("x_hat", x_hat, (IMAGES, *case.shape))
    low, high = float(x_hat.min()), float(x_hat.max())
    expect(low >= 0 and high <= 1, f"x_hat lies in [{low:.4g}, {high:.4g}].")


@contract(
    "gradient",
    says="A decoder is trained by gradient through all its parameters, and passes the gradient on to the encoder.",
    mend=DETACHED,
)
def decoder_gradient(case: Case) -> None:
    """In training mode."""
    part = trained(case)
    given = case.trial.inputs(case)
    given["received"].requires_grad_(True)
    x_hat = case.trial.per_image(case, part, given)["x_hat"]
    expect_gradients(part, (x_hat * weights(x_hat)).sum())
    expect(given["received"].grad is not None, "No gradient reaches what was received.")


TRIALS = {"encoder": EncoderTrial(), "decoder": DecoderTrial()}
CHECKS = {
    "encoder": (*shared.MODULES, encoder_shape, encoder_gradient),
    "decoder": (*shared.MODULES, decoder_shape, decoder_gradient),
}

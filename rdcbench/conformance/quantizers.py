"""Quantizers: symbols inside their alphabets, a forward pass that is what is sent, and a dither that works."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rdcbench.conformance import samples, shared, stand_ins
from rdcbench.conformance.case import Case, NetworkTrial, Tensors
from rdcbench.conformance.contract import NotJudged, contract, expect
from rdcbench.interfaces import Fitted, Quantizer
from rdcbench.records import Context
from rdcbench.rng import generator

ROWS = 2000
VALUES = 40
"""Latents at which the error over the whole dither is looked at."""


class QuantizerTrial(NetworkTrial):
    """Latents and dither -> symbols and what is received."""

    def inputs(self, case: Case) -> Tensors:
        """Latents that reach beyond [-1, 1], and dither."""
        drawn = torch.rand(ROWS, samples.DIMENSIONS, generator=generator("conformance", "latents"))
        return {"latent": 3 * drawn - 1.5, "dither": _dither(case, ROWS)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Symbols, what is received by way of them, and by the forward pass."""
        symbols = part.quantize(inputs["latent"], inputs["dither"])
        return {
            "symbols": symbols,
            "received": part.dequantize(symbols, inputs["dither"]),
            "forward": part(inputs["latent"], inputs["dither"]),
        }

    def seen(self, case: Case, index: Tensor) -> Tensor:
        """Latents of a codec of stand-ins."""
        return stand_ins.small_codec(case.shape).latents(samples.split(case.shape), index)


def _dither(case: Case, count: int) -> Tensor:
    part: Quantizer = case.build() if case.device == "meta" else case.ready()
    points = torch.randint(part.dither_points, (count, *part.alphabet.shape), generator=generator("conformance", "u"))
    return points.to(torch.int64)


@contract(
    "shape",
    says="Symbols are int64, shaped as the alphabet for each image; what is received is float32, shaped as the latent.",
    mend="end quantize in .long() (torch.int64) and let dequantize undo it.",
)
def shape(case: Case) -> None:
    """Symbols, alphabet and what is received."""
    part, given = case.ready(), case.trial.inputs(case)
    alphabet, found = part.alphabet, case.run(part, given)
    expect(alphabet.dtype == torch.int64, f"The alphabet is {alphabet.dtype}, not torch.int64.")
    expect(bool((alphabet >= 1).all()), f"The alphabet is {alphabet.tolist()}; sizes are at least 1.")
    symbols, received = found["symbols"], found["received"]
    expect(symbols.dtype == torch.int64, f"Symbols are {symbols.dtype}, not torch.int64.")
    expect(
        tuple(symbols.shape) == (ROWS, *alphabet.shape),
        f"Symbols have shape {list(symbols.shape)}, the alphabet {list(alphabet.shape)}.",
    )
    expect(received.dtype == torch.float32, f"What is received is {received.dtype}, not torch.float32.")
    expect(
        received.shape == given["latent"].shape,
        f"What is received has shape {list(received.shape)}, the latent {list(given['latent'].shape)}.",
    )


@contract(
    "alphabet",
    says="Symbols lie in 0..alphabet-1, and each of them can occur: rate_bound is computed from the alphabet.",
    mend="clamp the symbols, or state the alphabet's true size for each position.",
)
def alphabet(case: Case) -> None:
    """The symbols of latents far and near under all points of the dither, and of those that a part was fitted to."""
    part = case.ready()
    given = case.trial.inputs(case)
    wide = [given["latent"], 10 * given["latent"]]
    dither = [given["dither"], given["dither"].flip(0)]
    if isinstance(part, Fitted):
        wide.append(QuantizerTrial().seen(case, torch.arange(samples.COUNTS["train"])))
        dither.append(_dither(case, len(wide[-1])))
    symbols = part.quantize(torch.cat(wide), torch.cat(dither))
    sizes = part.alphabet
    low, high = symbols.amin(0), symbols.amax(0)
    expect(bool((low >= 0).all()), f"The symbol {int(low.min())} occurs.")
    outside = f"Symbols up to {high.tolist()} occur, but the alphabet is {sizes.tolist()}."
    expect(bool((high < sizes).all()), outside)
    expect(bool((high + 1 == sizes).all()), f"{outside[:-1]}: the last of them never occurs.")


@contract(
    "forward",
    says="forward has the very value of dequantize(quantize(latent, dither), dither): training sees what is sent.",
    mend="return hard + (soft - soft.detach()), where `hard` is what is received.",
)
def forward(case: Case) -> None:
    """Both ways, bit for bit."""
    found = case.run(case.ready())
    expect(torch.equal(found["forward"], found["received"]), "forward differs from what is received.")


@contract(
    "gradient",
    says="forward has a gradient to the latent, so that an encoder can be trained.",
    mend="add (latent - latent.detach()) to the quantised value, or use a soft surrogate.",
)
def gradient(case: Case) -> None:
    """Finite, and not 0 everywhere."""
    given = case.trial.inputs(case)
    latent = given["latent"].clamp(-1, 1).requires_grad_(True)
    received = case.ready()(latent, given["dither"])
    expect(received.requires_grad, "forward has no gradient.")
    received.sum().backward()
    grad = latent.grad
    expect(grad is not None and bool(torch.isfinite(grad).all()), "The gradient to the latent is not finite.")
    expect(grad is not None and bool((grad != 0).any()), "The gradient to the latent is 0 everywhere.")


@contract(
    "shared dither",
    says="The dither is uniform on its grid, differs from image to image, and depends on nothing but the image's key.",
    mend="leave `dither` as it is, or draw from context.grid.",
)
def shared_dither(case: Case) -> None:
    """Counts of the grid's points, and the same images in another batch."""
    part: Quantizer = case.ready()
    drawn = part.dither(Context(3, "test", torch.arange(ROWS)))
    points, size = part.dither_points, drawn[0].numel()
    expect(drawn.dtype == torch.int64, f"The dither is {drawn.dtype}, not torch.int64.")
    expect(int(drawn.min()) >= 0 and int(drawn.max()) < points, f"The dither leaves its grid of {points} points.")
    piece = part.dither(Context(3, "test", torch.arange(7, 20)))
    expect(torch.equal(piece, drawn[7:20]), "Images 7 to 19 get another dither in a batch of their own.")
    if points > 1:
        counts = torch.bincount(drawn.flatten(), minlength=points).double()
        mean = ROWS * size / points
        chi = float(((counts - mean).square() / mean).sum())
        limit = (points - 1) + 6 * (2 * (points - 1)) ** 0.5
        expect(chi < limit, f"Its points are not equally frequent: chi-square {chi:.0f} where {limit:.0f} is much.")
        expect(bool((drawn[1:] != drawn[:-1]).any()), "All images get the same dither.")


@contract(
    "dither error",
    says="Over the dither's grid the error received - latent is uniform with mean 0, whatever the latent in [-1, 1].",
    mend="shift by the dither before rounding and subtract the same shift after it; spread its points over one step, "
    "at ((k + 1/2) / M - 1/2) step.",
)
def dither_error(case: Case) -> None:
    """At many latents the errors under all points of the grid are evenly spaced about 0."""
    part: Quantizer = case.ready()
    points = part.dither_points
    if points == 1:
        raise NotJudged("it has no dither")
    size = tuple(part.alphabet.shape)
    drawn = torch.rand(VALUES, samples.DIMENSIONS, generator=generator("conformance", "y")) * 1.98 - 0.99
    if drawn.shape[1:] != size:
        raise NotJudged("its symbols are not one for each coordinate")
    with torch.no_grad():
        errors = torch.stack(
            [part(drawn, torch.full((VALUES, *size), point, dtype=torch.int64)) - drawn for point in range(points)]
        )
    gaps = errors.sort(0).values.diff(dim=0)
    step = points * gaps.mean((0, 1))
    uneven = float(((gaps - gaps.mean((0, 1))).abs() / step.clamp(min=1e-9)).max())
    expect(uneven < 1e-3, f"At some latent the errors are not evenly spaced: they are off by {uneven:.2g} of a step.")
    worst = float((errors.mean(0).abs() / (step / (2 * points) * 1.01 + 1e-5)).max())
    expect(worst <= 1, f"The mean error at some latent is {worst:.1f} times as large as step / 2M allows.")


TRIALS = {"quantizer": QuantizerTrial()}
CHECKS = {"quantizer": (*shared.MODULES, shape, alphabet, forward, gradient, shared_dither, dither_error)}

"""Entropy models: lossless, honest about bits, and probabilities that sum to 1."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from rdcbench.conformance import samples, shared, stand_ins
from rdcbench.conformance.case import Case, NetworkTrial, Tensors
from rdcbench.conformance.contract import contract, expect
from rdcbench.errors import PartError, StreamError
from rdcbench.rng import generator

SIZES = (3, 2, 4)
"""Alphabets of the three positions: unequal, as a part must cope with."""
ROWS, FIT = 200, 40
SLACK = 16
"""Bytes that a stream may have beyond its bits and its flush."""


def _quantizer() -> stand_ins.GridQuantizer:
    return stand_ins.GridQuantizer(len(SIZES), 0, SIZES)


def _latents(count: int) -> Tensor:
    """Latents that prefer the middle of [-1, 1]."""
    drawn = torch.randn(count, len(SIZES), generator=generator("conformance", "latents of a fit"))
    return torch.tanh(0.6 * drawn)


class EntropyTrial(NetworkTrial):
    """Symbols and dither -> bits, bytes, and back."""

    movable = False

    def given(self, case: Case) -> dict[str, Any]:
        """The quantizer's alphabets and dither, too."""
        quantizer = _quantizer()
        return {
            **super().given(case),
            "dimensions": len(SIZES),
            "alphabet": quantizer.alphabet,
            "dither_points": quantizer.dither_points,
        }

    def ready(self, case: Case, part: Any, seed: int) -> Any:  # noqa: ARG002
        """Fit to a few latents."""
        part.fit(_quantizer(), _latents(FIT), generator("fit", seed))
        return part

    def inputs(self, case: Case) -> Tensors:  # noqa: ARG002
        """Random symbols of all alphabets under random dither."""
        random = generator("conformance", "symbols")
        symbols = torch.stack([torch.randint(size, (ROWS,), generator=random) for size in SIZES], 1)
        return {"symbols": symbols, "dither": torch.randint(samples.POINTS, symbols.shape, generator=random)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Bits."""
        return {"bits": part.bits(inputs["symbols"], inputs["dither"])}

    def whole(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """The bytes."""
        return {"bytes": torch.tensor(list(part.encode(inputs["symbols"], inputs["dither"])), dtype=torch.uint8)}


@contract(
    "shape",
    says="bits gives one number for each image, float64 [n], at least 0; encode gives bytes.",
    mend="sum over the positions in float64.",
)
def shape(case: Case) -> None:
    """Bits and bytes."""
    given, part = case.trial.inputs(case), case.ready()
    bits = part.bits(*given.values())
    expect(bits.dtype == torch.float64, f"bits is {bits.dtype}, not torch.float64.")
    expect(tuple(bits.shape) == (ROWS,), f"bits has shape {list(bits.shape)}, not [{ROWS}].")
    expect(bool((bits >= 0).all()), f"Some symbols cost {float(bits.min()):.3g} bits.")
    payload = part.encode(*given.values())
    expect(isinstance(payload, bytes), f"encode gives a {type(payload).__name__}, not bytes.")
    expect(isinstance(part.flush_bytes, int) and part.flush_bytes >= 0, f"flush_bytes is {part.flush_bytes!r}.")


@contract(
    "lossless",
    says="decode reads back exactly what encode wrote, for every symbol of every alphabet, rare or not.",
    mend="give every symbol a frequency of at least 1, and use the same integer tables on both sides.",
)
def lossless(case: Case) -> None:
    """Random symbols, each combination once, and one image alone."""
    part = case.ready()
    every, dither = _combinations()
    for symbols, points in ((*case.trial.inputs(case).values(),), (every, dither), (every[-1:], dither[-1:])):
        read = part.decode(part.encode(symbols, points), points)
        expect(read.dtype == torch.int64, f"decode gives {read.dtype}, not torch.int64.")
        expect(
            read.shape == symbols.shape and torch.equal(read, symbols),
            f"{len(symbols)} images came back with other symbols.",
        )


def _combinations() -> tuple[Tensor, Tensor]:
    """All symbols of one image under one dither: [combinations, positions] each."""
    every = torch.tensor(list(itertools.product(*map(range, SIZES))))
    return every, torch.ones_like(every)


@contract(
    "honest bits",
    says="bits is what coding costs: a stream is not shorter than the sum of its bits, nor much longer.",
    mend="compute bits from the very integer tables that the coder uses, and state all of flush_bytes.",
)
def honest(case: Case) -> None:
    """Bits against bytes of a stream."""
    part, given = case.ready(), case.trial.inputs(case)
    bits, size = float(part.bits(*given.values()).sum()), len(part.encode(*given.values()))
    expect(8 * size >= bits - 1e-6, f"{bits:.1f} bits were coded in {8 * size}: bits overstates the cost.")
    most = bits * 1.02 + 8 * (part.flush_bytes + SLACK)
    expect(8 * size <= most, f"{bits:.1f} bits took {8 * size}: bits understates the cost.")


@contract(
    "probabilities",
    says="Under every dither 2^-bits sums to 1 over all symbols of an image.",
    mend="normalise over the alphabet of each position, not over the largest one, and price each symbol once.",
)
def probabilities(case: Case) -> None:
    """The Kraft sum over all combinations of symbols."""
    every, dither = _combinations()
    for point in range(samples.POINTS):
        total = float(torch.exp2(-case.ready().bits(every, dither * point)).sum())
        expect(abs(total - 1) < 0.01, f"Under dither point {point} the probabilities sum to {total:.4f}.")


@contract(
    "conditioned",
    says="Probabilities depend on the dither: what is sent costs H(Z | U), and no more is needed.",
    mend="keep a table for each position and dither point, or compute the table from the dither.",
)
def conditioned(case: Case) -> None:
    """Prices of the same symbols under two dithers."""
    every, dither = _combinations()
    part = case.ready()
    first, other = part.bits(every, dither * 0), part.bits(every, dither * (samples.POINTS - 1))
    expect(not torch.allclose(first, other), "After a fit, all symbols cost the same under two dithers.")


@contract(
    "damage",
    says="A damaged payload is a StreamError or other symbols of the alphabet, never another error.",
    mend="check the payload's length first, and raise rdcbench.StreamError.",
)
def damage(case: Case) -> None:
    """A payload that was cut, and an empty one."""
    part, given = case.ready(), case.trial.inputs(case)
    payload = part.encode(*given.values())
    for cut in (payload[:-1], payload[: len(payload) // 2], b""):
        try:
            read = part.decode(cut, given["dither"])
        except StreamError:
            continue
        except Exception as error:
            expect(False, f"{len(cut)} of {len(payload)} bytes gave {type(error).__name__}: {error}.")
        inside = read.shape == given["symbols"].shape and bool(((read >= 0) & (read < torch.tensor(SIZES))).all())
        expect(inside, f"{len(cut)} of {len(payload)} bytes gave symbols outside the alphabet.")


@contract(
    "rate",
    says="rate, where a model has one, is finite bits [n] with a gradient to what is received.",
    mend="leave `rate` out, or compute it in torch from `received`.",
)
def rate(case: Case) -> None:
    """Its shape and gradient."""
    part = case.ready()
    received = _latents(12).requires_grad_(True)
    try:
        bits = part.rate(received)
    except PartError:
        return
    expect(tuple(bits.shape) == (12,), f"rate has shape {list(bits.shape)}, not [12].")
    expect(bool(torch.isfinite(bits).all()), "rate is not finite.")
    expect(bits.requires_grad, "rate has no gradient to what is received.")
    bits.sum().backward()
    expect(received.grad is not None, "rate has no gradient to what is received.")


TRIALS = {"entropy_model": EntropyTrial()}
CHECKS = {"entropy_model": (*shared.MODULES, shape, lossless, honest, probabilities, conditioned, damage, rate)}

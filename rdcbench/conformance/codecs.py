"""Whole codecs: what is decoded comes from the payloads alone, and bits are what they cost."""

from __future__ import annotations

from typing import Any

import torch

from rdcbench.codec import freeze, load_state
from rdcbench.conformance import samples, shared
from rdcbench.conformance.case import Case, NetworkTrial, Tensors, same
from rdcbench.conformance.contract import contract, expect
from rdcbench.records import Context, Packet
from rdcbench.rng import generator

IMAGES = 12
SEED = 7


class CodecTrial(NetworkTrial):
    """Images -> packets -> images."""

    movable = False

    def ready(self, case: Case, part: Any, seed: int) -> Any:
        """Fit or train to the training split."""
        part.seed = SEED
        part.fit(samples.split(case.shape), generator("fit", seed))
        return part

    def inputs(self, case: Case) -> Tensors:
        """Images and their indices."""
        return {"x": samples.batch(case.shape, IMAGES).x.clone(), "index": torch.arange(IMAGES)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Images there and back."""
        context = Context(SEED, "test", inputs["index"])
        part.seed = SEED
        return {"x_hat": part.decompress(part.compress(inputs["x"], context).payloads, context)}


def _packet(case: Case) -> tuple[Packet, Context]:
    given = case.trial.inputs(case)
    context = Context(SEED, "test", given["index"])
    with torch.no_grad():
        return case.ready().compress(given["x"], context), context


@contract(
    "shape",
    says="compress gives a Packet of bytes with float64 bits [n]; decompress gives images [n, *image_shape] in [0, 1].",
    mend="return rdcbench.Packet(payloads, bits), a tuple of bytes and a tensor, and clamp the images.",
)
def shape(case: Case) -> None:
    """A packet and its images."""
    packet, context = _packet(case)
    expect(isinstance(packet, Packet), f"compress gives a {type(packet).__name__}, not a rdcbench.Packet.")
    expect(all(isinstance(part, bytes) for part in packet.payloads), "A payload is not bytes.")
    bits = packet.bits
    expect(bits.dtype == torch.float64, f"bits is {bits.dtype}, not torch.float64.")
    expect(tuple(bits.shape) == (IMAGES,), f"bits has shape {list(bits.shape)}, not [{IMAGES}].")
    expect(bool(torch.isfinite(bits).all()) and bool((bits >= 0).all()), "bits is negative or not finite.")
    x_hat = case.ready().decompress(packet.payloads, context)
    expect(x_hat.dtype == torch.float32, f"The images are {x_hat.dtype}, not torch.float32.")
    expect(tuple(x_hat.shape) == (IMAGES, *case.shape), f"The images have shape {list(x_hat.shape)}.")
    low, high = float(x_hat.min()), float(x_hat.max())
    expect(low >= 0 and high <= 1, f"The images lie in [{low:.4g}, {high:.4g}].")
    expect(case.ready().rate_bound > 0, f"rate_bound is {case.ready().rate_bound}.")


@contract(
    "honest bits",
    says="The payloads are not shorter than the sum of the bits: rate_coded is at least rate_model.",
    mend="count the bits of the very symbols that are coded; for a coder without a model, 8 bits a byte.",
)
def honest(case: Case) -> None:
    """Bits against bytes."""
    packet, _ = _packet(case)
    bits, size = float(packet.bits.sum()), 8 * sum(map(len, packet.payloads))
    expect(size >= bits - 1e-6, f"{bits:.1f} bits are stated for payloads of {size}.")


@contract(
    "bytes alone",
    says="A receiver with the same state decodes from the payloads alone.",
    mend="keep nothing from compress to decompress; what decoding needs is in the payloads or in the state.",
)
def bytes_alone(case: Case) -> None:
    """A codec built anew and loaded, which never saw the images."""
    packet, context = _packet(case)
    receiver = case.build(seed=1)
    receiver.seed = SEED
    load_state(receiver, case.ready().state_dict())
    freeze(receiver)
    with torch.no_grad():
        there = case.ready().decompress(packet.payloads, context)
        try:
            alone = receiver.decompress(packet.payloads, context)
        except Exception as error:
            expect(False, f"A receiver built anew raised {type(error).__name__}: {error}.")
    expect(same(there, alone), "A receiver built anew decodes other images.")


TRIALS = {"codec": CodecTrial()}
CHECKS = {"codec": (*shared.MODULES, shape, honest, bytes_alone)}

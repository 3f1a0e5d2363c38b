"""Past the paper: codebooks, decoders that sample the posterior, strong competitors of its learned codecs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rdcbench.hookspecs import hookimpl

if TYPE_CHECKING:
    import rdcbench


@hookimpl
def rdcbench_encoders() -> Iterable[type[rdcbench.Encoder]]:
    """The image itself, with or without what the classifier says of it; its principal components; a learned one."""
    from rdcbench_frontier import asking, linear, pixels

    return (*pixels.ENCODERS, *linear.ENCODERS, *asking.ENCODERS)


@hookimpl
def rdcbench_quantizers() -> Iterable[type[rdcbench.Quantizer]]:
    """Codebooks: plain, aware of labels, entropy-constrained; learned centres; lattices with a dither."""
    from rdcbench_frontier import codebook, lattices, learned

    return (*codebook.QUANTIZERS, *learned.QUANTIZERS, *lattices.QUANTIZERS)


@hookimpl
def rdcbench_decoders() -> Iterable[type[rdcbench.Decoder]]:
    """Decoders that are fitted to any frozen sender: conditional means, posterior samples, and the way between."""
    from rdcbench_frontier import cells, groups, joint, labelled, likeliest, linear, neighbours

    modules = cells, labelled, groups, neighbours, likeliest, linear, joint
    return [decoder for module in modules for decoder in module.DECODERS]


@hookimpl
def rdcbench_objectives() -> Iterable[type[rdcbench.Objective]]:
    """Distortion at a given number of bits."""
    from rdcbench_frontier.limited import OBJECTIVES

    return OBJECTIVES


@hookimpl
def rdcbench_protocols() -> Iterable[type[rdcbench.Protocol]]:
    """One encoder that is trained for all tradeoffs at once."""
    from rdcbench_frontier.joint import PROTOCOLS

    return PROTOCOLS


@hookimpl
def rdcbench_codecs() -> Iterable[type[rdcbench.WholeCodec]]:
    """No compression at all, to compare with."""
    from rdcbench_frontier.linear import CODECS

    return CODECS

"""A Gaussian source, a simulated channel and closed-form decoders: what theory knows exactly, through the harness."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rdcbench.hookspecs import hookimpl

if TYPE_CHECKING:
    import rdcbench


@hookimpl
def rdcbench_datasets() -> Iterable[type[rdcbench.Dataset]]:
    """Independent Gaussian components."""
    from rdcbench_gaussian.source import DATASETS

    return DATASETS


@hookimpl
def rdcbench_encoders() -> Iterable[type[rdcbench.Encoder]]:
    """The components at a scale, and the simulated Gaussian channel."""
    from rdcbench_gaussian.encoders import ENCODERS

    return ENCODERS


@hookimpl
def rdcbench_decoders() -> Iterable[type[rdcbench.Decoder]]:
    """The linear decoder with a budget on W2^2."""
    from rdcbench_gaussian.decoders import DECODERS

    return DECODERS


@hookimpl
def rdcbench_judges() -> Iterable[type[rdcbench.Judge]]:
    """W2^2 of components."""
    from rdcbench_gaussian.judges import JUDGES

    return JUDGES

"""The standard parts: quantizers, entropy models, objectives, protocols, metrics, judges and executors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rdcbench.hookspecs import hookimpl

if TYPE_CHECKING:
    import rdcbench


@hookimpl
def rdcbench_quantizers() -> Iterable[type[rdcbench.Quantizer]]:
    """Dithered and plain uniform quantisation."""
    from rdcbench_std.quantizers import QUANTIZERS

    return QUANTIZERS


@hookimpl
def rdcbench_entropy_models() -> Iterable[type[rdcbench.EntropyModel]]:
    """Models that drive CompressAI's range coder."""
    from rdcbench_std import entropy_models, gaussian

    return (*entropy_models.ENTROPY_MODELS, *gaussian.ENTROPY_MODELS)


@hookimpl
def rdcbench_objectives() -> Iterable[type[rdcbench.Objective]]:
    """The paper's objective: distortion, perception and classification, weighted."""
    from rdcbench_std.objectives import OBJECTIVES

    return OBJECTIVES


@hookimpl
def rdcbench_codecs() -> Iterable[type[rdcbench.WholeCodec]]:
    """Image files: JPEG, WebP, PNG."""
    from rdcbench_std.image_files import CODECS

    return CODECS


@hookimpl
def rdcbench_protocols() -> Iterable[type[rdcbench.Protocol]]:
    """End-to-end; universal; one decoder for all points."""
    from rdcbench_std import one_decoder, protocols

    return (*protocols.PROTOCOLS, *one_decoder.PROTOCOLS)


@hookimpl
def rdcbench_metrics() -> Iterable[type[rdcbench.Metric]]:
    """Means over the test images."""
    from rdcbench_std.metrics import METRICS

    return METRICS


@hookimpl
def rdcbench_judges() -> Iterable[type[rdcbench.Judge]]:
    """Judges that trained no codec."""
    from rdcbench_std.judges import JUDGES

    return JUDGES


@hookimpl
def rdcbench_executors() -> Iterable[type[rdcbench.Executor]]:
    """This process, or local worker processes."""
    from rdcbench import executors

    return (executors.Serial, executors.Local)

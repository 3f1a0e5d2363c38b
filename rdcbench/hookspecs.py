"""The extension points: one hook for each kind of part. A hook takes nothing and returns classes (recipes: folders).

A package offers parts by an entry point in the group `rdcbench` whose module implements some of these with `hookimpl`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from rdcbench import interfaces as parts

PROJECT = "rdcbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def rdcbench_datasets() -> Iterable[type[parts.Dataset]]:
    """Images and labels in three disjoint splits."""
    return ()


@hookspec
def rdcbench_encoders() -> Iterable[type[parts.Encoder]]:
    """Images to latents."""
    return ()


@hookspec
def rdcbench_quantizers() -> Iterable[type[parts.Quantizer]]:
    """Latents to symbols and back, with or without a shared dither."""
    return ()


@hookspec
def rdcbench_entropy_models() -> Iterable[type[parts.EntropyModel]]:
    """Probabilities of symbols given the dither, and the coder they drive."""
    return ()


@hookspec
def rdcbench_decoders() -> Iterable[type[parts.Decoder]]:
    """What was received to images."""
    return ()


@hookspec
def rdcbench_critics() -> Iterable[type[parts.Critic]]:
    """Scores by which a codec learns to make images like the data."""
    return ()


@hookspec
def rdcbench_classifiers() -> Iterable[type[parts.Classifier]]:
    """Pre-trained classifiers that codecs are trained and measured with."""
    return ()


@hookspec
def rdcbench_objectives() -> Iterable[type[parts.Objective]]:
    """Named terms whose weighted sum a codec minimises."""
    return ()


@hookspec
def rdcbench_metrics() -> Iterable[type[parts.Metric]]:
    """Means over the test images, computed on decoded bytes."""
    return ()


@hookspec
def rdcbench_judges() -> Iterable[type[parts.Judge]]:
    """Judges of perception and classification that no codec was trained with."""
    return ()


@hookspec
def rdcbench_codecs() -> Iterable[type[parts.WholeCodec]]:
    """Whole codecs that are not encoder, quantizer and decoder."""
    return ()


@hookspec
def rdcbench_protocols() -> Iterable[type[parts.Protocol]]:
    """What trains, what is frozen and what starts from what."""
    return ()


@hookspec
def rdcbench_recipes() -> Iterable[Path]:
    """Folders of benchmarks: each has sub-folders NAME/recipe.toml."""
    return ()


@hookspec
def rdcbench_executors() -> Iterable[type[parts.Executor]]:
    """Where work runs: here, in local processes, on a cluster."""
    return ()


@hookspec
def rdcbench_trackers() -> Iterable[type[parts.Tracker]]:
    """Watchers of a run."""
    return ()

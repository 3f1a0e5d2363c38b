"""Measuring lossy compression when rate, distortion, perception and classification pull against each other.

This is the one module that a plugin imports. Names are loaded when first used, so importing it does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdcbench.api import build, load, rows, run
    from rdcbench.errors import DataError, PartError, RdcbenchError, RecipeError, StoreError, StreamError, unknown
    from rdcbench.executors import Cluster
    from rdcbench.hookspecs import hookimpl
    from rdcbench.interfaces import (
        Classifier,
        Critic,
        Dataset,
        Decoder,
        Encoder,
        EntropyModel,
        Executor,
        Fitted,
        Judge,
        Metric,
        Objective,
        Part,
        Protocol,
        Quantizer,
        Tracker,
        WholeCodec,
    )
    from rdcbench.jobs import ROLES, SENDER, Job, codec_job, job_name, point_name
    from rdcbench.recipe import PartSpec, Recipe, Study, Training
    from rdcbench.records import Batch, Context, Decoded, Field, Measurement, Outcome, Packet, Split, SplitName
    from rdcbench.results import Row
    from rdcbench.rng import generator, seed_of
    from rdcbench.versions import Borrowing

_WHERE = {
    "api": ("build", "load", "rows", "run"),
    "errors": ("DataError", "PartError", "RdcbenchError", "RecipeError", "StoreError", "StreamError", "unknown"),
    "executors": ("Cluster",),
    "hookspecs": ("hookimpl",),
    "interfaces": (
        "Classifier", "Critic", "Dataset", "Decoder", "Encoder", "EntropyModel", "Executor", "Fitted", "Judge",
        "Metric", "Objective", "Part", "Protocol", "Quantizer", "Tracker", "WholeCodec",
    ),
    "jobs": ("ROLES", "SENDER", "Job", "codec_job", "job_name", "point_name"),
    "records": ("Batch", "Context", "Decoded", "Field", "Measurement", "Outcome", "Packet", "Split", "SplitName"),
    "recipe": ("PartSpec", "Recipe", "Study", "Training"),
    "rng": ("generator", "seed_of"),
    "results": ("Row",),
    "versions": ("Borrowing",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "ROLES",
    "SENDER",
    "Batch",
    "Borrowing",
    "Classifier",
    "Cluster",
    "Context",
    "Critic",
    "DataError",
    "Dataset",
    "Decoded",
    "Decoder",
    "Encoder",
    "EntropyModel",
    "Executor",
    "Field",
    "Fitted",
    "Job",
    "Judge",
    "Measurement",
    "Metric",
    "Objective",
    "Outcome",
    "Packet",
    "Part",
    "PartError",
    "PartSpec",
    "Protocol",
    "Quantizer",
    "RdcbenchError",
    "Recipe",
    "RecipeError",
    "Row",
    "Split",
    "SplitName",
    "StoreError",
    "StreamError",
    "Study",
    "Tracker",
    "Training",
    "WholeCodec",
    "build",
    "codec_job",
    "generator",
    "hookimpl",
    "job_name",
    "load",
    "point_name",
    "rows",
    "run",
    "seed_of",
    "unknown",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'rdcbench' has no attribute {name!r}")
    return getattr(import_module(f"rdcbench.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

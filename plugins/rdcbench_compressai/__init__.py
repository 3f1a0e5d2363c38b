"""CompressAI in a recipe: models as whole codecs, layers in encoders and decoders, photographs to show them on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rdcbench.hookspecs import hookimpl

if TYPE_CHECKING:
    import rdcbench


@hookimpl
def rdcbench_codecs() -> Iterable[type[rdcbench.WholeCodec]]:
    """Any registered image model."""
    from rdcbench_compressai.models import CODECS

    return CODECS


@hookimpl
def rdcbench_encoders() -> Iterable[type[rdcbench.Encoder]]:
    """Layers by name, then a linear map."""
    from rdcbench_compressai.layers import ENCODERS

    return ENCODERS


@hookimpl
def rdcbench_decoders() -> Iterable[type[rdcbench.Decoder]]:
    """A linear map, then layers by name."""
    from rdcbench_compressai.layers import DECODERS

    return DECODERS


@hookimpl
def rdcbench_datasets() -> Iterable[type[rdcbench.Dataset]]:
    """Crops of photographs that ship with scikit-learn and scikit-image."""
    from rdcbench_compressai.photographs import DATASETS

    return DATASETS

"""Data sets and networks of the paper's experiment on MNIST, and their small variants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rdcbench.hookspecs import hookimpl

if TYPE_CHECKING:
    import rdcbench


@hookimpl
def rdcbench_datasets() -> Iterable[type[rdcbench.Dataset]]:
    """MNIST and its look-alikes, the embedded 8x8 digits, a folder of images."""
    from rdcbench_mnist.data import DATASETS

    return DATASETS


@hookimpl
def rdcbench_encoders() -> Iterable[type[rdcbench.Encoder]]:
    """The paper's encoder at any width."""
    from rdcbench_mnist.encoders import ENCODERS

    return ENCODERS


@hookimpl
def rdcbench_decoders() -> Iterable[type[rdcbench.Decoder]]:
    """The paper's decoder and small ones."""
    from rdcbench_mnist.decoders import DECODERS
    from rdcbench_mnist.patches import PatchDecoder

    return (*DECODERS, PatchDecoder)


@hookimpl
def rdcbench_critics() -> Iterable[type[rdcbench.Critic]]:
    """The paper's critic at any width, a fully connected one, and one of windows."""
    from rdcbench_mnist.critics import CRITICS
    from rdcbench_mnist.patches import PatchCritic

    return (*CRITICS, PatchCritic)


@hookimpl
def rdcbench_classifiers() -> Iterable[type[rdcbench.Classifier]]:
    """The paper's classifier."""
    from rdcbench_mnist.classifiers import CLASSIFIERS

    return CLASSIFIERS

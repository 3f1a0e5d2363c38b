"""Randomness that depends on names and counters only, so that it is equal on every machine and for every batch size.

Two kinds. `seed_of` and `generator` derive a seed from names, for weights and data order. `counter_hash` gives each
(key, image, dimension, draw) its own 64 random bits: the shared dither is made of it, and the receiver makes it again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

_GOLDEN = 0x9E3779B97F4A7C15
_UInts = npt.NDArray[np.uint64]


def seed_of(*names: str | int) -> int:
    """Derive a seed in [0, 2^63) from names, equal on every machine; ("a", 1) and ("a1",) differ."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*names: str | int) -> torch.Generator:
    """Make a CPU generator seeded by `seed_of(*names)`."""
    import torch

    return torch.Generator().manual_seed(seed_of(*names))


def _mix(bits: _UInts) -> _UInts:
    """Finalise 64-bit words in place-free steps: the output function of SplitMix64 (Steele, Lea, Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def counter_hash(key: int, index: npt.NDArray[np.int64], size: int, draw: int = 0) -> _UInts:
    """Give every image and dimension its own 64 random bits.

    Parameters
    ----------
    key: from `seed_of`, naming seed, split and purpose.
    index: [n], the images' indices in their split.
    size: how many words an image gets.
    draw: 0 on test; the epoch in training, so that no two epochs share a dither.

    Returns
    -------
    [n, size] of uint64; row i depends on index[i] alone, never on the batch it stands in.
    """
    golden = np.uint64(_GOLDEN)
    start = _mix(np.array([key], dtype=np.uint64) + np.array([draw], dtype=np.uint64) * golden)
    images = _mix(start + index.astype(np.uint64) * golden)
    dimensions = np.arange(1, size + 1, dtype=np.uint64) * golden
    return _mix(images[:, None] + dimensions[None, :])


def counter_grid(
    key: int, index: npt.NDArray[np.int64], size: int, points: int, draw: int = 0
) -> npt.NDArray[np.int64]:
    """Draw integers uniformly from 0..points-1, [n, size]; arguments as in `counter_hash` (points at most 2^31)."""
    high = counter_hash(key, index, size, draw) >> np.uint64(32)
    return ((high * np.uint64(points)) >> np.uint64(32)).astype(np.int64)


def counter_uniform(key: int, index: npt.NDArray[np.int64], size: int, draw: int = 0) -> npt.NDArray[np.float64]:
    """Draw numbers uniformly from the open interval (0, 1), [n, size]; arguments as in `counter_hash`."""
    return ((counter_hash(key, index, size, draw) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52

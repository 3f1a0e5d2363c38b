"""W2^2 of a component, for sources whose components are independent and of one law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rdcbench import Decoded, Field, Judge, Measurement, Split, oracles, stats

BLOCKS: Final = 20
LOW, HIGH, BINS = -0.5, 1.5, 1 << 14
"""Range of pixel values, and bins in it: an 8-bit grey level is 32 bins wide."""


class ComponentW2(Judge):
    """Squared W2 between the laws of a component before and after: all components of all images in one sample.

    Values are counted in fine bins, so that leaving out a block of images is a subtraction; the bins' own share is 1e-9
    squared pixel values.
    """

    name = "component-w2"
    fields: ClassVar[Mapping[str, Field]] = {"w2_squared": Field("squared pixel value", "lower", 0.0)}

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Nothing is learned."""

    @torch.no_grad()
    def measure(self, test: Decoded, train: Callable[[int], Decoded]) -> Mapping[str, Measurement]:  # noqa: ARG002
        """The distance, and without each block of images."""
        count = len(test)
        blocks = [torch.from_numpy(index) for index in stats.block_indices(count, min(BLOCKS, count))]
        real, fake = (np.stack([_counts(x[index]) for index in blocks]) for x in (test.x, test.x_hat))
        left_out = [_squared(real.sum(0) - a, fake.sum(0) - b) for a, b in zip(real, fake, strict=True)]
        return {"w2_squared": Measurement(_squared(real.sum(0), fake.sum(0)), leave_out=np.array(left_out))}


def _counts(x: Tensor) -> npt.NDArray[np.int64]:
    """How many components of all images lie in each bin, [BINS]."""
    places = ((x.flatten() - LOW) * (BINS / (HIGH - LOW))).long().clamp_(0, BINS - 1)
    counts: npt.NDArray[np.int64] = torch.bincount(places, minlength=BINS).cpu().numpy()
    return counts


def _squared(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> float:
    """W2^2 of two histograms, squared pixel values."""
    places = [np.flatnonzero(side) for side in (first, second)]
    points = [place * ((HIGH - LOW) / BINS) for place in places]
    weights = [side[place] / side.sum() for side, place in zip((first, second), places, strict=True)]
    return oracles.discrete_w2_squared(points[0], weights[0], points[1], weights[1])


JUDGES: Final[tuple[type[Judge], ...]] = (ComponentW2,)

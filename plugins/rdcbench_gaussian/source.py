"""The source: images of one line of independent Gaussian components, as normal scores in 8-bit pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from rdcbench import DataError, Dataset, PartError, Split, generator, unknown

if TYPE_CHECKING:
    from rdcbench import SplitName

MEAN: Final = 0.5
"""Mean of a pixel: the middle of its range."""
SIGMA: Final = 0.12
"""Standard deviation of a pixel: four of them fit on either side. One is 30.6 grey levels, so that in a step of
one standard deviation they do not fall onto the points of a dither of 16 or 64, which would tie error and source."""
SPLITS: Final = ("train", "validation", "test")


class GaussianSource(Dataset):
    """Images [1, 1, components] whose pixels are independent N(.5, .12^2), in 8 bits; no labels.

    Each component of a split is a random permutation of the same normal scores, the quantiles of (i + 1/2)/images with
    variance 1. So every marginal law is exact, and what is left to chance is how components and images combine. 8 bits
    add 9e-5 of the variance, and clipping beyond four standard deviations takes less than that.

    Parameters
    ----------
    components: of an image, one pixel each.
    images: of every split.
    """

    name = "gaussian"

    def __init__(self, *, components: int = 64, images: int = 10_000) -> None:
        for option, value in (("components", components), ("images", images)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 2:
                raise PartError(f"The Gaussian source's option {option} = {value!r} must be a whole number, 2 or more.")
        self.components, self.images = components, images
        self.image_shape = (1, 1, components)
        self.classes: Mapping[str, int] = {}

    def files(self) -> Mapping[str, str]:
        """No raw files."""
        return {}

    def fetch(self, folder: Path, offline: bool) -> str:  # noqa: ARG002
        """Nothing to do."""
        return "drawn here"

    def digest(self) -> str:
        """What the draws depend on."""
        return f"{self.name}:{self.components}x{self.images}"

    def load(self, folder: Path, split: SplitName) -> Split:  # noqa: ARG002
        """Draw one split, the same every time: images [images, 1, 1, components]."""
        if split not in SPLITS:
            raise DataError(unknown("split", split, SPLITS))
        scores = torch.special.ndtri((torch.arange(self.images, dtype=torch.float64) + 0.5) / self.images)
        pixels = 255 * (MEAN + SIGMA * scores / scores.square().mean().sqrt())
        ladder = pixels.round().clamp(0, 255).byte()
        random = generator(self.name, split)
        columns = [ladder[torch.randperm(self.images, generator=random)] for _ in range(self.components)]
        return Split(split, torch.stack(columns, 1).view(self.images, *self.image_shape), {})


DATASETS: Final[tuple[type[Dataset], ...]] = (GaussianSource,)

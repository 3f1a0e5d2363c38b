"""Encoders of Gaussian components: at a scale for a real quantizer, and through a simulated channel.

Both flip the signs of the components, by signs of their own: another operating point has another encoder, whose noise
has nothing to do with the first one's, and whose decoder is of no use to it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from torch import Tensor

from rdcbench import Encoder, PartError, generator, point_name, rng, seed_of
from rdcbench_gaussian.source import MEAN, SIGMA


class GaussianScale(Encoder):
    """Each component with a sign, at a scale on which the quantizer's step is `step` standard deviations.

    With L levels the quantizer's step is 2/(L-1), so that L - 1 >= 8/step keeps four standard deviations inside
    [-1, 1]: what it takes for the error to be that of an infinite lattice.

    Parameters
    ----------
    image_shape, dimensions, levels, tradeoff: given; as many dimensions as pixels, or the first ones are sent only.
    step: of the quantizer, in standard deviations of the source; 8/(L-1), the smallest, if not given.
    """

    name = "gaussian-scale"

    signs: Tensor
    key: Tensor

    def __init__(
        self,
        image_shape: tuple[int, ...],
        dimensions: int,
        levels: int,
        tradeoff: Mapping[str, float],
        step: float | None = None,
    ) -> None:
        super().__init__()
        if math.prod(image_shape) < dimensions:
            raise PartError(
                f"The encoder {self.name!r} sends one number for each pixel; the study has {dimensions} dimensions, "
                f"and an image {math.prod(image_shape)} pixels. Make them equal."
            )
        step = 8 / (levels - 1) if step is None else step
        self.scale = 2 / ((levels - 1) * step) if step > 0 else math.inf
        if not self.scale * 4 <= 1 + 1e-9:
            raise PartError(
                f"The encoder {self.name!r} cannot keep four standard deviations inside the quantizer with levels = "
                f"{levels} and step = {step}; levels - 1 must be at least 8/step."
            )
        drawn = int(torch.randint(2**62, ()))
        key = seed_of(self.name, point_name(tradeoff), drawn)
        signs = torch.randint(0, 2, (dimensions,), generator=generator("signs", key)) * 2.0 - 1.0
        self.register_buffer("signs", signs)
        self.register_buffer("key", torch.tensor(key))

    def components(self, x: Tensor) -> Tensor:
        """Pixels [n, 1, 1, d] as components of mean 0 and variance 1, with their signs: [n, d]."""
        return (x.flatten(1)[:, : len(self.signs)] - MEAN) / SIGMA * self.signs

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, d] in [-1, 1]."""
        return (self.components(x) * self.scale).clamp(-1, 1)


class GaussianChannel(GaussianScale):
    """The simulated channel Z = rX + sqrt(1 - r^2) N, r = sqrt(1 - 2^-2R): I(X; Z) = R bits, and Z has the law of X.

    The noise N is drawn by counters from a digest of the image, so that it follows the image and not its place. What
    is quantised is Z itself, finely; the bits that this takes say nothing on R.

    Parameters
    ----------
    image_shape, dimensions, levels, tradeoff: given, as above.
    rate: R in bits a component, above 0.
    reach: standard deviations of Z that fit inside the quantizer.
    """

    name = "gaussian-channel"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        dimensions: int,
        levels: int,
        tradeoff: Mapping[str, float],
        rate: float = 1.0,
        reach: float = 5.0,
    ) -> None:
        super().__init__(image_shape, dimensions, levels, tradeoff, step=2 * reach / (levels - 1))
        if not rate > 0:
            raise PartError(f"The Gaussian channel was asked for with rate = {rate}; it must be above 0.")
        self.correlation = math.sqrt(1 - 2 ** (-2 * rate))

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> Z at its scale, [n, d] in [-1, 1]."""
        noise = self._noise(x).to(x.device)
        z = self.correlation * self.components(x) + math.sqrt(1 - self.correlation**2) * noise
        return (z * self.scale).clamp(-1, 1)

    def _noise(self, x: Tensor) -> Tensor:
        """Standard Gaussians [n, d], the same whenever the same image comes."""
        pixels = (x.flatten(1) * 255).round().byte().cpu().numpy()
        digests = [hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in pixels]
        image = np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64)
        uniform = torch.from_numpy(rng.counter_uniform(int(self.key), image, len(self.signs)))
        noise: Tensor = torch.special.ndtri(uniform).float()
        return noise


ENCODERS: Final[tuple[type[Encoder], ...]] = (GaussianScale, GaussianChannel)

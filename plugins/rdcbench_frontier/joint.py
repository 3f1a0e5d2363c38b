"""One encoder for all tradeoffs at once, and one decoder that is told which of them is wanted.

The paper's universal encoder is that of one tradeoff, frozen. Here the encoder minimises the mean over all tradeoffs of
distortion + weight * term, each with the decoder of that tradeoff: every step draws one tradeoff of the study, whose
gradient is an unbiased estimate of the gradient of that mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import Context, Decoder, Job, PartError, Protocol, Recipe, RecipeError, Study, codec_job, point_name

SLOPE: Final = 0.2


class JointUniversal(Protocol):
    """One training for all operating points of a study: encoder, tables, decoder and critic meet every one of them.

    Parameters
    ----------
    repeat: how often each point is drawn beside the others, by its place in the study; equally often if not given.

    The decoder must answer to the tradeoff, as `conditioned` does. A study of the protocol `universal` may start from
    any of the rows to give the same encoder a decoder for each point.
    """

    name = "joint-universal"

    def __init__(self, repeat: Sequence[int] = ()) -> None:
        self.repeat = tuple(repeat)
        if any(count < 0 for count in self.repeat) or (self.repeat and not any(self.repeat)):
            raise ValueError(f"'repeat' = {list(self.repeat)} must be counts, at least one of them above 0")

    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """One job for each operating point; all have one training."""
        points = list(study.tradeoffs())
        self._check(study_name, points)
        repeat = self.repeat or (1,) * len(points)
        met = [point for point, count in zip(points, repeat, strict=True) for _ in range(count)]
        return [codec_job(recipe, study, study_name, seed, point, tradeoffs=met) for point in points]

    def _check(self, study_name: str, points: Sequence[Mapping[str, float]]) -> None:
        if len(points) < 2:
            raise RecipeError(
                f"The study {study_name!r} has {len(points)} operating point; joint-universal trains for several at "
                "once, so give its sweep two weights or more, or take end-to-end."
            )
        if self.repeat and len(self.repeat) != len(points):
            raise RecipeError(
                f"The study {study_name!r} has {len(points)} operating points and 'repeat' has {len(self.repeat)} "
                "counts; give one count for each point, in the study's order."
            )
        named = set().union(*points)
        for point in points:
            if missing := sorted(named - set(point)):
                raise RecipeError(
                    f"The point {point_name(point)!r} of the study {study_name!r} names no weight for "
                    f"{', '.join(missing)}, which other points do; one decoder is told them all, so write 0 where "
                    "a term is not wanted."
                )


class ConditionedDecoder(Decoder):
    """Fully connected decoder for all tradeoffs: every hidden unit has a gain and a shift that depend on the weights.

    Feature-wise modulation (Perez et al. 2018, arXiv 1709.07871) by a small network of log(1 + weight / unit) of each
    weight. Gains start at 1 and shifts at 0, so that an untrained decoder is the same for all tradeoffs.

    Parameters
    ----------
    image_shape, dimensions: given.
    weights: the entries of the tradeoff that it is told, of "classification" and "perception".
    widths: hidden widths.
    hidden: width of the network that makes gains and shifts.
    unit: weight at which the logarithm bends, above 0.
    start: pixel value of the untrained decoder.
    """

    name = "conditioned"
    dials: ClassVar[tuple[str, ...]] = ("classification", "perception")

    def __init__(
        self,
        image_shape: Sequence[int],
        dimensions: int,
        weights: Sequence[str] = ("classification",),
        widths: Sequence[int] = (128, 512),
        hidden: int = 32,
        unit: float = 1e-3,
        start: float = 0.5,
    ) -> None:
        super().__init__()
        if not weights or any(weight not in self.dials for weight in weights):
            raise PartError(f"The decoder 'conditioned' can be told {', '.join(self.dials)}; it got {list(weights)}.")
        if not unit > 0:
            raise PartError(f"The decoder 'conditioned' was asked for with unit = {unit}; it must be above 0.")
        self.image_shape, self.weights, self.unit = tuple(image_shape), tuple(weights), unit
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise([dimensions, *widths]))
        self.last = nn.Linear(widths[-1], math.prod(image_shape))
        nn.init.constant_(self.last.bias, math.log(start / (1 - start)))
        self.condition = nn.Sequential(nn.Linear(len(weights), hidden), nn.LeakyReLU(SLOPE))
        self.modulation = nn.Linear(hidden, 2 * sum(widths))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def told(self, context: Context) -> Tensor:
        """The weights as the network sees them, [len(weights)]; PartError where one is missing or negative."""
        values = []
        for name in self.weights:
            weight = context.tradeoff.get(name, math.nan)
            if not weight >= 0:
                known = point_name(context.tradeoff) if context.tradeoff else "nothing"
                raise PartError(
                    f"The decoder 'conditioned' must be told the weight {name!r}, 0 or more; the tradeoff says {known}."
                    " Give every point of the study that weight, or leave it out of the option 'weights'."
                )
            values.append(math.log1p(weight / self.unit))
        there = self.last.bias  # filled where it lies: nothing is brought to a GPU in every step
        return torch.stack([there.new_full((), value) for value in values])

    def forward(self, received: Tensor, context: Context) -> Tensor:
        """[n, dimensions] -> [n, *image_shape] in [0, 1]."""
        modulation = self.modulation(self.condition(self.told(context)))
        at, hidden = 0, received
        for layer in self.layers:
            hidden = layer(hidden)
            width = hidden.shape[1]
            gain, shift = modulation[at : at + width], modulation[at + width : at + 2 * width]
            hidden = F.leaky_relu(hidden * (1 + gain) + shift, SLOPE)
            at += 2 * width
        return torch.sigmoid(self.last(hidden)).view(-1, *self.image_shape)


PROTOCOLS: Final[tuple[type[Protocol], ...]] = (JointUniversal,)
DECODERS: Final[tuple[type[Decoder], ...]] = (ConditionedDecoder,)

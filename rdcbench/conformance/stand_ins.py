"""Stand-ins for the parts that others are given, a plugin like any other.

They are right by construction: the classifier knows the patterns of `samples`, the critic prefers clean images, so a
metric that is true sees it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench.codec import Codec
from rdcbench.conformance import samples
from rdcbench.hookspecs import hookimpl
from rdcbench.interfaces import (
    Classifier,
    Critic,
    Dataset,
    Decoder,
    Encoder,
    EntropyModel,
    Objective,
    Protocol,
    Quantizer,
)
from rdcbench.jobs import Job, codec_job
from rdcbench.recipe import Recipe, Study
from rdcbench.records import Context, Outcome, Split, SplitName
from rdcbench.rng import seed_of


class Images(Dataset):
    """Ten patterns with noise."""

    name = "conformance-images"

    def __init__(self) -> None:
        self.image_shape = (1, 8, 8)
        self.classes = samples.CLASSES

    def files(self) -> Mapping[str, str]:
        """No files."""
        return {}

    def fetch(self, folder: Path, offline: bool) -> str:  # noqa: ARG002
        """Nothing to fetch."""
        return "made on the spot"

    def digest(self) -> str:
        """One version."""
        return "conformance-1"

    def load(self, folder: Path, split_name: SplitName) -> Split:  # noqa: ARG002
        """Make a split."""
        return samples.split(self.image_shape, split_name)


class LinearEncoder(Encoder):
    """One linear map and a tanh."""

    name = "conformance-encoder"

    def __init__(self, image_shape: samples.Shape, dimensions: int) -> None:
        super().__init__()
        self.map = nn.Linear(math.prod(image_shape), dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, dimensions]."""
        return torch.tanh(self.map(x.flatten(1)))


class GridQuantizer(Quantizer):
    """Nearest of evenly spaced centres on [-1, 1] after a dither; the alphabets may differ."""

    name = "conformance-quantizer"

    sizes: Tensor

    def __init__(self, dimensions: int, levels: int, sizes: Sequence[int] = (), points: int = samples.POINTS) -> None:
        super().__init__()
        self.dither_points = points
        self.register_buffer("sizes", torch.tensor(list(sizes) or [levels] * dimensions), persistent=False)

    @property
    def alphabet(self) -> Tensor:
        """Centres of each coordinate, int64 [d]."""
        return self.sizes

    def _step(self) -> Tensor:
        return 2.0 / (self.sizes - 1)

    def _offset(self, dither: Tensor) -> Tensor:
        return ((dither + 0.5) / self.dither_points - 0.5) * self._step()

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:
        """[n, d] -> int64 [n, d]."""
        place = ((latent.detach() + self._offset(dither) + 1) / self._step()).round()
        return torch.minimum(place.clamp(min=0), self.sizes - 1.0).long()

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """[n, d] -> [n, d]."""
        return symbols * self._step() - 1 - self._offset(dither)

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """Straight through."""
        return self.dequantize(self.quantize(latent, dither), dither) + (latent - latent.detach())


class EqualShares(EntropyModel):
    """Every symbol equally likely, one byte each on the wire."""

    name = "conformance-entropy-model"

    sizes: Tensor

    def __init__(self, alphabet: Tensor) -> None:
        super().__init__()
        self.register_buffer("sizes", alphabet.flatten().clone())

    def fit(self, quantizer: Quantizer, latents: Tensor, generator: torch.Generator) -> None:
        """Nothing to fit."""

    def bits(self, symbols: Tensor, dither: Tensor) -> Tensor:  # noqa: ARG002
        """Equal for all images, float64 [n]."""
        return torch.full((len(symbols),), float(self.sizes.double().log2().sum()), dtype=torch.float64)

    def encode(self, symbols: Tensor, dither: Tensor) -> bytes:  # noqa: ARG002
        """One byte a symbol."""
        return bytes(symbols.flatten().tolist())

    def decode(self, payload: bytes, dither: Tensor) -> Tensor:
        """Read the bytes."""
        return torch.tensor(list(payload)).view(dither.shape)

    @property
    def flush_bytes(self) -> int:
        """Nothing beyond the symbols."""
        return 0


class LinearDecoder(Decoder):
    """One linear map and a sigmoid."""

    name = "conformance-decoder"

    def __init__(self, image_shape: samples.Shape, dimensions: int) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.map = nn.Linear(dimensions, math.prod(image_shape))

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        """[n, dimensions] -> [n, *image_shape]."""
        return torch.sigmoid(self.map(received)).view(-1, *self.image_shape)


class Smoothness(Critic):
    """Prefers images without noise: minus the mean absolute difference of neighbouring pixels."""

    name = "conformance-critic"

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n]."""
        across = (x[..., 1:] - x[..., :-1]).abs().flatten(1).mean(1)
        down = (x[..., 1:, :] - x[..., :-1, :]).abs().flatten(1).mean(1)
        score: Tensor = -self.scale * (across + down)
        return score

    def loss(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """The gap, with a price on the scale."""
        gap: Tensor = self(fake).mean() - self(real).mean()
        return gap + self.scale.square()


class Nearest(Classifier):
    """Knows the patterns: logits are negative squared distances a pixel over a temperature."""

    name = "conformance-classifier"

    means: Tensor

    def __init__(self, image_shape: samples.Shape) -> None:
        super().__init__()
        self.register_buffer("means", samples.patterns(tuple(image_shape)).flatten(1))

    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """[n, *image_shape] -> logits [n, 10] and [n, 2]."""
        logits = -(self.features(x)[:, None] - self.means).square().mean(2) / 0.01
        return {"digit": logits, "parity": torch.stack([logits[:, side::2].logsumexp(1) for side in (0, 1)], 1)}

    def features(self, x: Tensor) -> Tensor:
        """The pixels."""
        return x.flatten(1)

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Nothing to learn."""


class SquaredError(Objective):
    """Mean squared error, and a critic's score."""

    name = "conformance-objective"
    terms: ClassVar[Mapping[str, frozenset[str]]] = {
        "distortion": frozenset(),
        "perception": frozenset({"critic"}),
        "classification": frozenset({"classifier"}),
    }

    def term(self, name: str, outcome: Outcome) -> Tensor:
        """A scalar."""
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        if name == "perception":
            assert outcome.critic is not None
            return -torch.mean(outcome.critic(outcome.x_hat))
        assert outcome.classifier is not None
        return F.cross_entropy(outcome.classifier(outcome.x_hat)["digit"], outcome.labels["digit"])


class EachPoint(Protocol):
    """Everything is trained for each point."""

    name = "conformance-protocol"

    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """One job for each point."""
        return [codec_job(recipe, study, study_name, seed, point) for point in study.tradeoffs()]


def small_codec(shape: samples.Shape) -> Codec:
    """A codec of stand-ins with the same weights every time, whatever the program drew before."""
    quantizer = GridQuantizer(samples.DIMENSIONS, samples.LEVELS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("conformance", "small codec"))
        encoder, decoder = LinearEncoder(shape, samples.DIMENSIONS), LinearDecoder(shape, samples.DIMENSIONS)
    return Codec(encoder, quantizer, EqualShares(quantizer.alphabet), decoder, seed=7)


def _hook(*parts: type) -> Callable[[], tuple[type, ...]]:
    return hookimpl(lambda: parts)


rdcbench_datasets = _hook(Images)
rdcbench_encoders = _hook(LinearEncoder)
rdcbench_quantizers = _hook(GridQuantizer)
rdcbench_entropy_models = _hook(EqualShares)
rdcbench_decoders = _hook(LinearDecoder)
rdcbench_critics = _hook(Smoothness)
rdcbench_classifiers = _hook(Nearest)
rdcbench_objectives = _hook(SquaredError)
rdcbench_protocols = _hook(EachPoint)

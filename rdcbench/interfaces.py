"""The contract of every part: one abstract class per kind of part.

Shapes: n images in a batch; an image is [channels, height, width] with values in [0, 1]. A part is built from keyword
options; beside those of the recipe it may name any of the *given* ones, which the harness fills in: `image_shape`,
`classes`, `dimensions`, `levels`, `alphabet`, `dither_points`, `classifier`, `critic`, and, for what trains itself,
`tradeoff` and `training` of the job (see `rdcbench.build`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from rdcbench.errors import PartError
from rdcbench.records import Context, Decoded, Field, Measurement, Outcome, Packet, Split, SplitName

if TYPE_CHECKING:
    from rdcbench.jobs import Job
    from rdcbench.recipe import Recipe, Study


class Part:
    """What every part has: a name, a version that grows when its numbers change, and a docstring to list it by."""

    name: ClassVar[str]
    version: ClassVar[str] = "1"


class Fitted(ABC):
    """A part that is fitted to the training split instead of being trained by gradient.

    What it keeps are buffers, whose shapes may change in the fit.
    """

    @abstractmethod
    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:
        """Fit to the training split.

        `given(index)` is what this part is given of those images: x for an encoder, [n, *image_shape]; f(x) for a
        quantizer and what was received for a decoder, [n, *latent].
        """


class Dataset(Part, ABC):
    """Images and labels in three disjoint splits."""

    image_shape: tuple[int, ...]
    classes: Mapping[str, int]

    @abstractmethod
    def files(self) -> Mapping[str, str]:
        """Name -> MD5 digest of every raw file under the data folder; empty for a set that comes with a package."""

    @abstractmethod
    def fetch(self, folder: Path, offline: bool) -> str:
        """Bring the raw files into `folder` and say where they came from; DataError lists all that was tried."""

    @abstractmethod
    def load(self, folder: Path, split: SplitName) -> Split:
        """Read one split; DataError if a file is missing or has another digest."""

    def digest(self) -> str:
        """Identify the very images: the rows of two digests do not compare."""
        return "+".join(f"{name}:{digest}" for name, digest in sorted(self.files().items()))


class Encoder(nn.Module, Part, ABC):
    """x [n, *image_shape] -> latent f(x) [n, *latent]."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map images to latents; for dithered quantisation with values in [-1, 1]."""


class Quantizer(nn.Module, Part, ABC):
    """Latent + dither -> symbols -> what the decoder receives.

    The dither is an index into a finite grid (`dither_points` points, 1 for none), int64 and shaped like the symbols,
    so that an entropy model can hold one table for each grid point.
    """

    dither_points: int = 1

    @property
    @abstractmethod
    def alphabet(self) -> Tensor:
        """Alphabet size of each symbol, int64 [*symbol_shape]; symbols lie in 0..alphabet-1."""

    @abstractmethod
    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:
        """[n, *latent], [n, *symbol_shape] -> symbols int64 [n, *symbol_shape]."""

    @abstractmethod
    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """Symbols and dither -> what the decoder receives, [n, *latent] (z - u for a dithered quantiser)."""

    @abstractmethod
    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """Have the value of dequantize(quantize(latent)) with a gradient to the latent."""

    def dither(self, context: Context) -> Tensor:
        """The shared dither of these images, as grid indices int64 [n, *symbol_shape]."""
        shape = tuple(self.alphabet.shape)
        points = context.grid("dither", int(np.prod(shape)), self.dither_points)
        return points.reshape(-1, *shape).to(self.alphabet.device)


class EntropyModel(nn.Module, Part, ABC):
    """p(symbols | dither) and the coder driven by it; what decodes is what encoded: integer tables in the state."""

    @abstractmethod
    def fit(self, quantizer: Quantizer, latents: Tensor, generator: torch.Generator) -> None:
        """Fit to the latents of the training split, [N, *latent]; every symbol stays codable."""

    @abstractmethod
    def bits(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """-log2 p(symbols | dither) under the tables that code, float64 [n]."""

    @abstractmethod
    def encode(self, symbols: Tensor, dither: Tensor) -> bytes:
        """Code the symbols of all images as one stream."""

    @abstractmethod
    def decode(self, payload: bytes, dither: Tensor) -> Tensor:
        """Read back the symbols, int64 [n, *symbol_shape]."""

    @property
    @abstractmethod
    def flush_bytes(self) -> int:
        """Bytes that a stream has beyond its symbols' bits, whatever its length."""

    def rate(self, received: Tensor) -> Tensor:  # noqa: ARG002 - for models that have one
        """Differentiable bits of each image, [n], for objectives that read `rate`; a model may lack it."""
        raise PartError(
            f"The entropy model {self.name!r} has no differentiable rate; choose one that has, such as 'bottleneck'."
        )


class Decoder(nn.Module, Part, ABC):
    """What was received -> x_hat [n, *image_shape] in [0, 1]."""

    dials: ClassVar[tuple[str, ...]] = ()
    """Names of the tradeoff's entries that this decoder itself answers to."""

    @abstractmethod
    def forward(self, received: Tensor, context: Context) -> Tensor:
        """Reconstruct; any further randomness comes from `context`, so that the receiver's result is reproducible."""


class Critic(nn.Module, Part, ABC):
    """Scores images, [n, *image_shape] -> [n]; higher is more like the data."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Score images, [n]."""

    @abstractmethod
    def loss(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
        """Scalar that the critic minimises, its penalties included."""


class Classifier(nn.Module, Part, ABC):
    """Images -> logits for each label it knows; pre-trained, then frozen."""

    @abstractmethod
    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """Label name -> logits [n, classes]."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Last hidden layer, [n, features]."""

    @abstractmethod
    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Train on the training split."""


class Objective(Part, ABC):
    """Named terms; the harness minimises sum over terms of tradeoff[term] * term.

    terms: term name -> what it reads of the outcome beside the images, out of {"critic", "classifier", "rate"}.
    A term whose weight is 0 is not computed; "distortion" has weight 1 unless the tradeoff says otherwise.
    """

    terms: ClassVar[Mapping[str, frozenset[str]]]

    @abstractmethod
    def term(self, name: str, outcome: Outcome) -> Tensor:
        """Value of one term, a finite scalar with a gradient to x_hat."""


class Metric(Part, ABC):
    """Means over the images of the test split, updated batch by batch."""

    fields: ClassVar[Mapping[str, Field]]

    @abstractmethod
    def update(self, decoded: Decoded) -> Mapping[str, Tensor]:
        """Field -> value of each image, [n]; the harness averages and keeps them."""


class Judge(nn.Module, Part, ABC):
    """Someone who did not train the codec and says how good its images are; may itself be fitted to the train split."""

    fields: ClassVar[Mapping[str, Field]]

    @abstractmethod
    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Prepare once for a benchmark; equal for every row."""

    @abstractmethod
    def measure(self, test: Decoded, train: Callable[[int], Decoded]) -> Mapping[str, Measurement]:
        """Judge the decoded test split; `train(n)` decodes n training images for judges that train on each row."""


class WholeCodec(nn.Module, Part, ABC):
    """A codec as the harness sees it; most are built of parts, some (JPEG, a CompressAI model) are one part."""

    seed: int = 0
    """Key of the shared randomness."""

    def sender(self) -> Sequence[nn.Module]:
        """The modules that a stream depends on: its fingerprint covers their state."""
        return (self,)

    def receiver(self) -> Sequence[nn.Module]:
        """The modules that decoding needs: their state is the receiver's memory."""
        return (self,)

    @property
    @abstractmethod
    def rate_bound(self) -> float:
        """Bits an image that fixed-length coding would need; inf where there is no such bound."""

    @abstractmethod
    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Fit or train to the training split."""

    @abstractmethod
    def compress(self, x: Tensor, context: Context) -> Packet:
        """Code images [n, *image_shape]."""

    @abstractmethod
    def decompress(self, payloads: Sequence[bytes], context: Context) -> Tensor:
        """Reconstruct the images of `context`, [n, *image_shape], from the payloads alone."""


class Protocol(Part, ABC):
    """Says what trains, what is frozen and what starts from what."""

    @abstractmethod
    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """Lay out the jobs of one study for one seed."""


class Executor(Part, ABC):
    """Runs work items somewhere: here, in local processes, on a cluster."""

    @abstractmethod
    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start `work(*arguments)` as soon as a worker is free; both must be picklable."""

    @abstractmethod
    def close(self, cancel: bool = False) -> None:
        """End the workers; with `cancel`, at once."""


class Tracker(Part, ABC):
    """Watches a run; one that raises is left out, the run goes on."""

    @abstractmethod
    def event(self, kind: str, job: str, values: Mapping[str, Any]) -> None:
        """Take note: kind is "planned" ({jobs, todo}), "started", "learned" ({points}, its curve so far),
        "finished" (the numbers) or "failed" ({error})."""

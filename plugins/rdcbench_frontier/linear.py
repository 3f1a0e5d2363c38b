"""Rows that any table needs: principal components with scalar quantisation, and the image as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, final

import torch
from torch import Tensor

from rdcbench import Context, Decoder, Encoder, Fitted, Packet, PartError, Split, StreamError, WholeCodec


@final
class PrincipalComponents(Encoder, Fitted):
    """The first principal components of the image, cut off at so many standard deviations, [n, d] in [-1, 1].

    Parameters
    ----------
    image_shape, dimensions: given.
    reach: standard deviations that become 1; 1.22 is best for a Gaussian and three even levels (Max 1960).
    """

    name = "principal-components"

    mean: Tensor
    rows: Tensor

    def __init__(self, image_shape: Sequence[int], dimensions: int, reach: float = 1.22) -> None:
        super().__init__()
        pixels = math.prod(image_shape)
        if not 1 <= dimensions <= pixels or not reach > 0:
            raise PartError(
                f"Principal components were asked for with dimensions = {dimensions} and reach = {reach}; an image has "
                f"{pixels} components, and the reach must be above 0."
            )
        self.dimensions, self.reach = dimensions, reach
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("rows", torch.zeros(dimensions, pixels))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Eigenvectors of the covariance, each over `reach` times its standard deviation."""
        pixels = given(torch.arange(len(train))).flatten(1)
        self.mean = pixels.mean(0)
        centred = pixels - self.mean
        found = torch.linalg.eigh((centred.T @ centred).double() / len(train))
        variance, vectors = found.eigenvalues[-self.dimensions :], found.eigenvectors[:, -self.dimensions :]
        self.rows = (vectors / (self.reach * variance.clamp(min=1e-12).sqrt())).T.flip(0).float().contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, d]."""
        return ((x.flatten(1) - self.mean) @ self.rows.T).clamp(-1, 1)


@final
class LeastSquares(Decoder, Fitted):
    """The affine map of what was received that has the least squared error, cut off at 0 and 1.

    Parameters
    ----------
    image_shape: given.
    """

    name = "least-squares"

    weights: Tensor

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.register_buffer("weights", torch.zeros(1, math.prod(image_shape)))

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:  # noqa: ARG002
        """Solve the normal equations over the training split."""
        index = torch.arange(len(train))
        inputs = _with_one(given(index).flatten(1)).double()
        solution = torch.linalg.lstsq(inputs.T @ inputs, inputs.T @ train.batch(index).x.flatten(1).double()).solution
        self.weights = solution.float()

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        """[n, *latent] -> [n, *image_shape]."""
        return (_with_one(received.flatten(1)) @ self.weights).clamp(0, 1).view(-1, *self.image_shape)


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat([rows, rows.new_ones(len(rows), 1)], 1)


@final
class Identity(WholeCodec):
    """The 8-bit pixels themselves: no loss, and the rate that a raw file has.

    Parameters
    ----------
    image_shape: given.
    """

    name = "identity"

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)

    @property
    def rate_bound(self) -> float:
        """8 bits a sample."""
        return 8.0 * math.prod(self.image_shape)

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Nothing to fit."""

    def compress(self, x: Tensor, context: Context) -> Packet:  # noqa: ARG002
        """All samples as bytes, one payload."""
        pixels = (x.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        return Packet((pixels.tobytes(),), torch.full((len(x),), self.rate_bound, dtype=torch.float64))

    def decompress(self, payloads: Sequence[bytes], context: Context) -> Tensor:
        """[n, *image_shape]; StreamError if the payload is of another length."""
        wanted = len(context.index) * math.prod(self.image_shape)
        if len(payloads) != 1 or len(payloads[0]) != wanted:
            raise StreamError(
                f"{wanted} bytes were expected for {len(context.index)} images; the stream has "
                f"{sum(map(len, payloads))} in {len(payloads)} payloads."
            )
        pixels = torch.frombuffer(bytearray(payloads[0]), dtype=torch.uint8).view(-1, *self.image_shape)
        return pixels.float().div_(255).to(context.index.device)


ENCODERS: Final[tuple[type[Encoder], ...]] = (PrincipalComponents,)
DECODERS: Final[tuple[type[Decoder], ...]] = (LeastSquares,)
CODECS: Final[tuple[type[WholeCodec], ...]] = (Identity,)

"""CompressAI's GaussianConditional as an entropy model: a normal latent, with a mean and a scale for each position.

In a whole model a hyperprior sends mean and scale of every symbol. A codec of one latent has nothing to send them with,
so they are fitted, and the symbols of an image are independent. All values are in steps of the quantiser, as in
`density`: v = received / step = (c_k - u) / step, and a latent that is N(m, s^2) in steps has
p(k | u) = Phi((v + 1/2 - m) / s) - Phi((v - 1/2 - m) / s), the outermost cells with the tails (Balle et al. 2018, arXiv
1802.01436, where the uniform noise that is added to the latent is the dither here).
"""

from __future__ import annotations

from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rdcbench import EntropyModel, PartError, Quantizer
from rdcbench_std.coding import ConditionalTables, quiet_import
from rdcbench_std.density import at_most_equal_shares, cell_edges
from rdcbench_std.entropy_models import symbol_counts

CERTAIN: Final = 40.0
"""Standard deviations beyond which nothing lies."""
SMALLEST: Final = 1e-3
"""Scale of a latent that does not vary; CompressAI raises it to its own bound, 0.11 steps."""


@final
class GaussianConditional(EntropyModel):
    """CompressAI's GaussianConditional, its mean and scale of each position fitted to the training split.

    Two numbers for each position, and a differentiable rate. Needs a quantizer whose symbols stand for centres evenly
    spaced on [-1, 1], less a dither. A position whose latents are far from normal gets equal shares, if those are
    cheaper.

    Parameters
    ----------
    alphabet, dither_points: of the quantizer, given by the harness.
    """

    name = "gaussian-conditional"

    _last: Tensor

    def __init__(self, *, alphabet: Tensor, dither_points: int) -> None:
        super().__init__()
        self.tables = ConditionalTables(alphabet, dither_points)
        self.register_buffer("_last", self.tables.alphabet.flatten().float() - 1.0, persistent=False)
        self.mean = nn.Parameter(torch.zeros_like(self._last))
        self.log_scale = nn.Parameter(torch.log((self._last + 1.0) / 4.0))
        self._conditional: Any = quiet_import("compressai.entropy_models").GaussianConditional(None)

    @torch.no_grad()
    def fit(self, quantizer: Quantizer, latents: Tensor, generator: torch.Generator) -> None:  # noqa: ARG002
        """Take mean and deviation of the latents; nothing is random. PartError for symbols that are no lattice."""
        counts = symbol_counts(quantizer, latents, self.tables)
        edges = _edges(quantizer, self.name)
        values = latents.flatten(1).T * self._steps().to(latents)
        self.mean.copy_(values.mean(1))
        self.log_scale.copy_(values.std(1, correction=0).clamp(min=SMALLEST).log())
        self.tables.set(at_most_equal_shares(self._law(edges.to(self.mean)).cpu(), counts, self._last.cpu()))

    def rate(self, received: Tensor) -> Tensor:
        """Differentiable bits of each image, [n], from what the decoder receives, [n, *symbol_shape].

        It works before a fit, and mean and scale can train with a codec's parameters.
        """
        values, last = received.flatten(1).T * self._steps(), self._last[:, None]
        cell = (values.detach() + last / 2.0).round()
        lower = self._deviations(values - 0.5).masked_fill(cell <= 0, -CERTAIN)
        upper = self._deviations(values + 0.5).masked_fill(cell >= last, CERTAIN)
        return -torch.log2(self._probability(lower, upper)).sum(0)

    def bits(self, symbols: Tensor, dither: Tensor) -> Tensor:
        """-log2 p(symbols | dither), float64 [n]; equal symbols cost equal bits before a fit."""
        return self.tables.bits(symbols, dither)

    def encode(self, symbols: Tensor, dither: Tensor) -> bytes:
        """Code the symbols of all images as one stream."""
        return self.tables.encode(symbols, dither)

    def decode(self, payload: bytes, dither: Tensor) -> Tensor:
        """Read back the symbols, int64 [n, *symbol_shape]; StreamError if the payload is damaged."""
        return self.tables.decode(payload, dither)

    @property
    def flush_bytes(self) -> int:
        """Bytes of a stream without symbols: the coder's final state."""
        return self.tables.flush_bytes

    def _steps(self) -> Tensor:
        """Steps of the quantiser in a unit of the latent, [positions, 1]."""
        return self._last.clamp(min=1.0)[:, None] / 2.0

    def _law(self, edges: Tensor) -> Tensor:
        """p(k | position, dither) from the inner edges of the cells: [positions, m, K - 1] -> [positions, m, K]."""
        inside = torch.arange(edges.shape[2], device=edges.device) < self._last[:, None, None]
        z = torch.where(inside, self._deviations(edges.flatten(1)).view_as(edges), CERTAIN)
        return self._probability(F.pad(z, (1, 0), value=-CERTAIN), F.pad(z, (0, 1), value=CERTAIN))

    def _deviations(self, values: Tensor) -> Tensor:
        """How many scales a value is above the mean, [positions, n]."""
        scale = self._conditional.lower_bound_scale(self.log_scale.exp())
        deviations: Tensor = (values - self.mean[:, None]) / scale[:, None]
        return deviations

    def _probability(self, lower: Tensor, upper: Tensor) -> Tensor:
        """Phi(upper) - Phi(lower), at least 1e-9, taken in the lower tail, where float32 does not cancel.

        Not by CompressAI's public call, which would add noise of its own or round: the values already are noisy.
        """
        below = self._conditional._standardized_cumulative
        side = torch.where(lower + upper > 0, -1.0, 1.0)
        probability: Tensor = self._conditional.likelihood_lower_bound(
            (below(side * upper) - below(side * lower)).abs()
        )
        return probability


def _edges(quantizer: Quantizer, name: str) -> Tensor:
    """The edges of the cells; PartError, for this entropy model, where symbols are no lattice."""
    try:
        return cell_edges(quantizer)
    except PartError as error:
        raise PartError(
            f"The entropy model {name!r} needs symbols that stand for centres evenly spaced on [-1, 1], and those of "
            f"the quantizer {quantizer.name!r} do not; choose 'frequencies', which fits any quantizer."
        ) from error


ENTROPY_MODELS: Final[tuple[type[EntropyModel], ...]] = (GaussianConditional,)

"""Entropy models p(symbols | dither), factorised over the positions of an image, driving CompressAI's rANS coder.

Both are conditioned on the dither, as the true rate H(Z | U) is: each position has a table for each point of the
dither's grid. "frequencies" counts the training split; "bottleneck" learns a density with CompressAI's
EntropyBottleneck, has far fewer parameters, and gives objectives a differentiable rate.
"""

from __future__ import annotations

from typing import Any, Final, final

import torch
from torch import Tensor, nn

from rdcbench.errors import PartError
from rdcbench.interfaces import EntropyModel, Quantizer
from rdcbench_std.coding import ConditionalTables, quiet_import

CERTAIN: Final = 40.0
"""Logit of an event that is certain: sigmoid(-40) = 4e-18."""

POINTS_A_STEP: Final = 1024
"""Values of one position that a step of training looks at, at most: all of them up to 16 levels by 64 dither points."""


def symbol_counts(quantizer: Quantizer, latents: Tensor, tables: ConditionalTables) -> Tensor:
    """Count each symbol of all latents under every point of the dither: the exact conditional law of the split.

    latents: [N, *latent]. Returns int64 [positions, dither_points, max(alphabet)] on the CPU; each row sums to N.
    Raises PartError if the model was built for another quantizer.
    """
    alphabet = quantizer.alphabet
    if quantizer.dither_points != tables.dither_points or not torch.equal(alphabet.cpu(), tables.alphabet.cpu()):
        raise PartError(
            f"The entropy model was built for alphabets {tables.alphabet.tolist()} and {tables.dither_points} dither "
            f"points, the quantizer {quantizer.name!r} has {alphabet.tolist()} and {quantizer.dither_points}; "
            "build both from one recipe."
        )
    largest, positions = int(alphabet.max()), alphabet.numel()
    first = (torch.arange(positions, device=alphabet.device) * largest).view_as(alphabet)
    counts = torch.empty(positions, tables.dither_points, largest, dtype=torch.int64)
    for point in range(tables.dither_points):
        dither = torch.full_like(alphabet, point).expand(len(latents), *alphabet.shape)
        cells = quantizer.quantize(latents, dither) + first
        counted = torch.bincount(cells.flatten(), minlength=positions * largest)
        counts[:, point] = counted.view(positions, largest).cpu()
    return counts


@final
class Frequencies(EntropyModel):
    """Empirical frequencies of the training split, one table for each position and dither point.

    Every symbol counts once more than it was seen, so that all stay codable.

    Parameters
    ----------
    alphabet, dither_points: of the quantizer, given by the harness.
    """

    name = "frequencies"

    def __init__(self, *, alphabet: Tensor, dither_points: int) -> None:
        super().__init__()
        self.tables = ConditionalTables(alphabet, dither_points)

    @torch.no_grad()
    def fit(self, quantizer: Quantizer, latents: Tensor, generator: torch.Generator) -> None:  # noqa: ARG002
        """Count; nothing is random, since every latent is counted under every dither."""
        self.tables.set(symbol_counts(quantizer, latents, self.tables) + 1.0)

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


@final
class Bottleneck(EntropyModel):
    """CompressAI's EntropyBottleneck over v = received / step, trained on the training split.

    v is y / step plus noise that is uniform on one cell: what an EntropyBottleneck is made for (Balle et al. 2018,
    arXiv 1802.01436, appendix 6.1). With its distribution function F, p(k | u) = F(v + 1/2) - F(v - 1/2) at
    v = (c_k - u) / step, where the outermost cells take the tails: the p of a dither point sum to 1.
    It asks for symbols that stand for centres evenly spaced on [-1, 1], less a dither.

    Parameters
    ----------
    alphabet, dither_points: of the quantizer, given by the harness; step = 2 / (alphabet - 1).
    steps: of Adam in a fit.
    learning_rate: of Adam at the start; it falls to 0 along a cosine.
    """

    name = "bottleneck"

    _last: Tensor

    def __init__(
        self, *, alphabet: Tensor, dither_points: int, steps: int = 400, learning_rate: float = 0.03
    ) -> None:
        super().__init__()
        if steps < 1 or not learning_rate > 0:
            raise PartError(
                f"The bottleneck was asked for with steps = {steps} and learning_rate = {learning_rate}; steps must be "
                "at least 1 and the learning rate above 0."
            )
        self.tables = ConditionalTables(alphabet, dither_points)
        self.steps, self.learning_rate = steps, learning_rate
        last = self.tables.alphabet.flatten() - 1
        self.register_buffer("_last", last.float(), persistent=False)
        self.density = _new_density(last, torch.Generator().manual_seed(0))

    def rate(self, received: Tensor) -> Tensor:
        """Differentiable bits of each image, [n], from what the decoder receives, [n, *symbol_shape].

        Its mean is the loss of `fit`. It works before a fit, and its parameters can train with a codec's.
        """
        value = (received.flatten(1) * self._last.clamp(min=1.0) / 2.0).T  # in steps, [positions, n]
        last = self._last[:, None]
        cell = (value.detach() + last / 2.0).round()
        lower = self._logits(value - 0.5).masked_fill(cell <= 0, -CERTAIN)
        upper = self._logits(value + 0.5).masked_fill(cell >= last, CERTAIN)
        return -torch.log2(self._probability(lower, upper)).sum(0)

    def fit(self, quantizer: Quantizer, latents: Tensor, generator: torch.Generator) -> None:
        """Train from a fresh start by Adam, then make the tables.

        A latent under a dither is one of few values, so the loss over all latents and dithers is a sum over counts;
        large alphabets take some dither points at each step, drawn from `generator`, which also draws the start.
        """
        counts = symbol_counts(quantizer, latents, self.tables)
        edges = _cell_edges(quantizer)
        weights = counts.float() / max(len(latents), 1)
        self.density.load_state_dict(_new_density(self._last, generator).state_dict())
        points = min(self.tables.dither_points, max(1, POINTS_A_STEP // counts.shape[2]))
        optimizer = torch.optim.Adam(self.density.parameters(), self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for _ in range(self.steps):
            drawn = torch.randperm(self.tables.dither_points, generator=generator)[:points].sort().values
            with torch.enable_grad():
                loss = -(weights[:, drawn] * torch.log2(self._law(edges[:, drawn]))).sum() / points
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            self.tables.set(self._law(edges))

    def _law(self, edges: Tensor) -> Tensor:
        """p(k | position, dither) from the cells' inner edges: [positions, m, K - 1] -> [positions, m, K]."""
        logits = self._logits(edges.flatten(1)).view_as(edges)
        beyond = torch.arange(edges.shape[2]) >= self._last[:, None, None]
        logits = logits.masked_fill(beyond, CERTAIN)
        return self._probability(
            nn.functional.pad(logits, (1, 0), value=-CERTAIN), nn.functional.pad(logits, (0, 1), value=CERTAIN)
        )

    def _logits(self, values: Tensor) -> Tensor:
        """Logits of the learned distribution function, [positions, n] -> [positions, n].

        CompressAI's public call would add noise of its own or round; what is needed here is its F alone.
        """
        logits: Tensor = self.density._logits_cumulative(values[:, None, :], stop_gradient=False)
        return logits[:, 0, :]

    def _probability(self, lower: Tensor, upper: Tensor) -> Tensor:
        """sigmoid(upper) - sigmoid(lower), at least 1e-9, taken on the side where float32 cancels least."""
        side = torch.where(lower + upper > 0, -1.0, 1.0)
        probability: Tensor = self.density.likelihood_lower_bound(
            (torch.sigmoid(side * upper) - torch.sigmoid(side * lower)).abs()
        )
        return probability

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


def _new_density(last: Tensor, generator: torch.Generator) -> Any:
    """A CompressAI EntropyBottleneck with a channel for each entry of `last`, all its randomness from `generator`."""
    bottleneck = quiet_import("compressai.entropy_models").EntropyBottleneck
    with torch.random.fork_rng(devices=[]):  # its constructor draws from the global generator
        density = bottleneck(len(last), init_scale=float(last.max()) + 1.0)
    for bias in density.biases:
        nn.init.uniform_(bias, -0.5, 0.5, generator=generator)
    density.quantiles.requires_grad_(False)  # the tables take the place of its own coder
    return density


def _cell_edges(quantizer: Quantizer) -> Tensor:
    """Edges between the cells of k and k + 1 in steps, (c_k - u) / step + 1/2, float32 [positions, dither_points, K - 1].

    Asks the quantizer itself what each symbol stands for. Raises PartError unless that is c_k - u with centres evenly
    spaced on [-1, 1] and |u| <= step / 2.
    """
    alphabet, points = quantizer.alphabet, quantizer.dither_points
    largest = int(alphabet.max())
    symbols = torch.arange(largest, device=alphabet.device).view(-1, *[1] * alphabet.ndim).minimum(alphabet - 1)
    edges = torch.empty(alphabet.numel(), points, largest)
    last = (alphabet.flatten().cpu() - 1).float()[:, None]
    for point in range(points):
        received = quantizer.dequantize(symbols, torch.full_like(symbols, point))
        if received.shape != symbols.shape:
            raise _no_lattice(quantizer)
        edges[:, point] = received.detach().cpu().float().flatten(1).T * last.clamp(min=1.0) / 2.0
    shift = edges - (symbols.cpu().flatten(1).T - last / 2.0)[:, None, :]
    if (shift - shift[..., :1]).abs().max() > 1e-3 or shift.abs().max() > 0.5 + 1e-3:
        raise _no_lattice(quantizer)
    return edges[..., :-1] + 0.5


def _no_lattice(quantizer: Quantizer) -> PartError:
    return PartError(
        f"The entropy model 'bottleneck' needs symbols that stand for centres evenly spaced on [-1, 1], and those of "
        f"the quantizer {quantizer.name!r} do not; choose the entropy model 'frequencies', which fits any quantizer."
    )


ENTROPY_MODELS: Final[tuple[type[EntropyModel], ...]] = (Bottleneck, Frequencies)

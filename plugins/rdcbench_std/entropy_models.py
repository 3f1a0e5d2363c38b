"""Entropy models p(symbols | dither), factorised over the positions of an image, driving CompressAI's rANS coder.

Both are conditioned on the dither, as the true rate H(Z | U) is: each position has a table for each point of the
dither's grid. "frequencies" counts the training split; "bottleneck" learns a density with CompressAI's
EntropyBottleneck, has far fewer parameters, and gives objectives a differentiable rate.
"""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from rdcbench import EntropyModel, PartError, Quantizer
from rdcbench_std.coding import ConditionalTables
from rdcbench_std.density import at_most_equal_shares, bits_of, cell_edges, law, new_density, train


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

    Needs a quantizer whose symbols stand for centres evenly spaced on [-1, 1], less a dither; that gives the step of
    each position from its alphabet, 2 / (alphabet - 1), so that `rate` works before a fit.

    Parameters
    ----------
    alphabet, dither_points: of the quantizer, given by the harness.
    steps: updates of a fit.
    learning_rate: of Adam at its peak.
    """

    name = "bottleneck"

    _last: Tensor

    def __init__(self, *, alphabet: Tensor, dither_points: int, steps: int = 400, learning_rate: float = 0.3) -> None:
        super().__init__()
        if steps < 1 or not learning_rate > 0:
            raise PartError(
                f"The bottleneck was asked for with steps = {steps} and learning_rate = {learning_rate}; steps must be "
                "at least 1 and the learning rate above 0."
            )
        self.tables = ConditionalTables(alphabet, dither_points)
        self.steps, self.learning_rate = steps, learning_rate
        self.register_buffer("_last", self.tables.alphabet.flatten().float() - 1.0, persistent=False)
        self.density = new_density(self._last, torch.Generator().manual_seed(0))

    def fit(self, quantizer: Quantizer, latents: Tensor, generator: torch.Generator) -> None:
        """Train a fresh density on the counted symbols of all latents, and make the tables from it.

        Depends on the latents and the generator alone, not on what `rate` has trained before. A table that would
        price the training split above log2 of its alphabet gets equal shares instead.
        """
        with torch.no_grad():
            counts = symbol_counts(quantizer, latents, self.tables)
            edges, last = cell_edges(quantizer), self._last.cpu()
        density = new_density(last, generator)
        train(density, counts, edges, last, self.steps, self.learning_rate, generator)
        with torch.no_grad():
            self.tables.set(at_most_equal_shares(law(density, edges, last), counts, last))
        self.density.load_state_dict(density.state_dict())

    def rate(self, received: Tensor) -> Tensor:
        """Differentiable bits of each image, [n], from what the decoder receives, [n, *symbol_shape].

        Its mean is the loss of `fit`. It works before a fit, and its parameters can train with a codec's.
        """
        values = received.flatten(1).T * (self._last.clamp(min=1.0) / 2.0)[:, None]
        return bits_of(self.density, values, self._last).sum(0)

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


ENTROPY_MODELS: Final[tuple[type[EntropyModel], ...]] = (Bottleneck, Frequencies)

"""A codebook on any latent: the plain one, one that minds labels, one that minds bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from rdcbench import Fitted, PartError, Quantizer, Split
from rdcbench_frontier.lloyd import (
    CHUNK,
    Weights,
    Words,
    cheapest,
    compact,
    constrain,
    improve,
    kmeans,
    meet,
    pure_cells,
    words_of,
)

PURE: Final = 10.0
"""Price of a nat in mean squared errors that no squared error outweighs."""
FINISHING: Final = 3
"""Iterations in all coordinates of the latent."""


@final
class Codebook(Quantizer, Fitted):
    """The cheapest of K = levels^dimensions codewords, fitted by Lloyd's algorithm; one symbol, no dither.

    So a codebook has the rate bound of the learned codec that it stands beside, dimensions * log2 levels bits. What is
    received is the codeword. With `labels`, the last coordinates of a latent are a law over labels (as of the encoder
    "labelled-pixels"), and a codeword has one too. What a codeword costs is in `rdcbench_frontier.lloyd`.

    Parameters
    ----------
    dimensions, levels: given.
    labels: how many coordinates at the end of the latent are a law over labels.
    label_weight: price of a nat of cross-entropy between the two laws, in mean squared errors a pixel.
    pure: each cell holds images of one label only, the one that is likeliest, and codewords are dealt out to labels so
        that the squared error is least.
    bits: the most that an image of the training split may cost under an entropy code; no limit if not given.
    """

    name = "codebook"

    centres: Tensor
    laws: Tensor
    bits: Tensor
    rate_weight: Tensor

    def __init__(
        self,
        dimensions: int,
        levels: int,
        labels: int = 0,
        label_weight: float = 0.0,
        pure: bool = False,
        bits: float | None = None,
    ) -> None:
        super().__init__()
        if labels < 0 or label_weight < 0 or (bits is not None and bits <= 0):
            raise PartError(
                f"A codebook was asked for with labels = {labels}, label_weight = {label_weight} and bits = {bits}; "
                "the first two are at least 0, and bits are above 0."
            )
        if (pure or label_weight > 0) and not labels:
            raise PartError(
                "A codebook that minds labels needs to know how many coordinates of the latent are about them: set "
                "`labels` to the number of classes, and take an encoder that adds them, such as 'labelled-pixels'."
            )
        self.words, self.labels, self.pure, self.limit = levels**dimensions, labels, pure, bits
        self.label_weight = PURE if pure else label_weight
        self.register_buffer("alphabet_size", torch.tensor([self.words]), persistent=False)
        self.register_buffer("centres", torch.zeros(self.words, 0))
        self.register_buffer("laws", torch.zeros(self.words, labels))
        self.register_buffer("bits", torch.zeros(self.words))
        self.register_buffer("rate_weight", torch.zeros(()))

    @property
    def alphabet(self) -> Tensor:
        """One symbol of K values."""
        size: Tensor = self.get_buffer("alphabet_size")
        return size

    def fit(self, train: Split, given: Callable[[Tensor], Tensor], generator: torch.Generator) -> None:
        """Find the codewords of the latents of the training split.

        Raises
        ------
        PartError: more codewords than images, than different images, or fewer than labels in a pure codebook.
        """
        latents = self._all_latents(train, given)
        pixels = latents.shape[1] - self.labels
        self._check(latents, pixels)
        points = compact(latents[:, :pixels], generator)
        near = torch.cat([points, latents[:, pixels:]], 1)
        weights = Weights(pixels, self.label_weight)
        cells = self._start(near, points.shape[1], generator)
        blank = Words(torch.zeros(self.words, points.shape[1]), torch.zeros(self.words, self.labels), self.bits)
        words = words_of(near, cells, blank)
        if self.labels:
            words = improve(near, words, weights, 30)
        if self.limit is not None:
            words, weights = constrain(near, words, weights, self.limit)
        cells = cheapest(near, *words.affine(weights))
        finished = words_of(latents, cells, Words(torch.zeros(self.words, pixels), words.laws, words.bits))
        finished = improve(latents, finished, weights, FINISHING)
        if self.limit is not None:
            finished, weights = meet(latents, finished, weights, self.limit)
        self._keep(finished, weights)

    def _all_latents(self, train: Split, given: Callable[[Tensor], Tensor]) -> Tensor:
        """Latents of all training images, [n, P + labels]: they are large, so that none is held twice."""
        made: Tensor | None = None
        for some in torch.arange(len(train)).split(CHUNK):
            part = self._latents(given(some).flatten(1))
            made = part.new_empty(len(train), part.shape[1]) if made is None else made
            made[some] = part
        assert made is not None
        return made

    def _check(self, latents: Tensor, pixels: int) -> None:
        """Refuse what cannot be fitted, before it takes time."""
        if self.words > len(latents):
            raise PartError(
                f"A codebook of {self.words} codewords was asked for, and there are {len(latents)} training images; "
                "ask for fewer, by dimensions and levels."
            )
        if pixels < 1:
            raise PartError(
                f"The latent has {latents.shape[1]} coordinates, and labels = {self.labels} of them are about labels; "
                "take an encoder that adds the labels to the image, such as 'labelled-pixels', or set labels = 0."
            )
        there = int((latents[:, pixels:].sum(0) > 0).sum())
        if self.pure and self.words < there:
            raise PartError(
                f"A pure codebook of {self.words} codewords leaves a class without one: the training images show "
                f"{there} classes. Ask for at least as many codewords, by dimensions and levels."
            )

    def _start(self, near: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
        """Cells to begin with: of k-means, over all images or label by label."""
        if self.pure:
            return pure_cells(near[:, :pixels], near[:, pixels:].argmax(1), self.words, self.labels, generator)
        return kmeans(near[:, :pixels].contiguous(), self.words, generator)

    def _keep(self, words: Words, weights: Weights) -> None:
        used = int((words.bits < 60).sum())
        if self.limit is None and used < self.words:
            raise PartError(
                f"Only {used} of {self.words} codewords have images, since too many training images are equal or the "
                "labels outweigh the pixels; ask for fewer codewords, or a smaller label_weight."
            )
        self.centres, self.laws, self.bits = words.centres, words.laws, words.bits
        self.rate_weight.fill_(weights.rate)

    def _latents(self, latent: Tensor) -> Tensor:
        """Latents with the law that the prices are about: in a pure codebook the likeliest label for certain."""
        if not self.pure:
            return latent
        pixels = latent.shape[1] - self.labels
        certain = F.one_hot(latent[:, pixels:].argmax(1), self.labels).to(latent)
        return torch.cat([latent[:, :pixels], certain], 1)

    def quantize(self, latent: Tensor, dither: Tensor) -> Tensor:  # noqa: ARG002
        """[n, P + labels] -> number of the cheapest codeword, int64 [n, 1]."""
        pixels = latent.shape[1] - self.labels
        weights = Weights(pixels, self.label_weight, float(self.rate_weight) if not latent.is_meta else 0.0)
        slope, offset = Words(self.centres, self.laws, self.bits).affine(weights)
        return cheapest(self._latents(latent.detach()), slope, offset)[:, None]

    def dequantize(self, symbols: Tensor, dither: Tensor) -> Tensor:  # noqa: ARG002
        """Codewords with their laws, float32 [n, P + labels]."""
        return torch.cat([self.centres, self.laws], 1)[symbols.flatten()]

    def forward(self, latent: Tensor, dither: Tensor) -> Tensor:
        """The codeword, with the gradient of the identity where one is asked for."""
        hard = self.dequantize(self.quantize(latent, dither), dither)
        return hard + (latent - latent.detach()) if latent.requires_grad else hard  # latents of a split are large


QUANTIZERS: Final[tuple[type[Quantizer], ...]] = (Codebook,)

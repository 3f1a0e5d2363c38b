"""Fitting codewords: Lloyd's algorithm by scikit-learn, and its generalisation to labels and rates.

A latent is [pixels | label law]: P coordinates that are compared by their squared error, and L that are a distribution
p over labels, compared by their cross-entropy with the codeword's own distribution q. A codeword that costs b bits is
priced at

    |x - c|^2 + P (label_weight * -sum_s p_s log q_s + rate_weight * b)

so both weights are in mean squared errors a pixel. Every term but the last is a Bregman divergence, for which the mean
over a cell is the best codeword (Banerjee et al. 2005); with the last one it is entropy-constrained vector
quantisation (Chou, Lookabaugh & Gray 1989).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK: Final = 4096
COORDINATES: Final = 64
"""Principal components in which codewords move; they are finished in all coordinates."""
LEAST: Final = 1e-4
"""The least that a codeword's law gives to a label, so that no cross-entropy is infinite."""
UNUSED_BITS: Final = 64.0
"""Price of a codeword that no image uses."""


FIRST_PRICE: Final = 3e-3
"""Price of a bit from which it rises, as a share of the variance."""
STEPS: Final = 100
"""Iterations under a limit on bits."""
HALVINGS: Final = 12
"""Of the bracket in which the last price of a bit is sought."""


@dataclass(frozen=True)
class Weights:
    """Prices in mean squared errors of a pixel: of a nat of cross-entropy, and of a bit."""

    pixels: int
    label: float = 0.0
    rate: float = 0.0


@dataclass(frozen=True)
class Words:
    """K codewords: centres [K, P], laws over labels [K, L], bits [K]."""

    centres: Tensor
    laws: Tensor
    bits: Tensor

    def affine(self, weights: Weights) -> tuple[Tensor, Tensor]:
        """Price of codeword k for a latent v, less |x|^2, as v @ slope + offset: [P + L, K] and [K]."""
        label = -weights.pixels * weights.label * self.laws.clamp(min=LEAST).log()
        slope = torch.cat([-2 * self.centres, label], 1).T.contiguous()
        return slope, self.centres.square().sum(1) + weights.pixels * weights.rate * self.bits


def cheapest(latents: Tensor, slope: Tensor, offset: Tensor) -> Tensor:
    """Index of the codeword with the least price, [n]."""
    return torch.cat([torch.addmm(offset, some, slope).argmin(1) for some in latents.split(CHUNK)])


def means(latents: Tensor, cells: Tensor, words: Tensor) -> Tensor:
    """Mean of the latents of each cell, [K, D]; cells without images keep their row of `words`."""
    counts = torch.bincount(cells, minlength=len(words))
    sums = torch.zeros(len(words), latents.shape[1]).index_add_(0, cells, latents)
    return torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], words)


def words_of(latents: Tensor, cells: Tensor, before: Words) -> Words:
    """The best codewords of given cells: means, and bits from how many images each has."""
    pixels = before.centres.shape[1]
    mean = means(latents, cells, torch.cat([before.centres, before.laws], 1))
    counts = torch.bincount(cells, minlength=len(mean)).double()
    bits = torch.where(counts > 0, -torch.log2(counts / len(latents)), UNUSED_BITS).float()
    return Words(mean[:, :pixels], mean[:, pixels:], bits)


def entropy(words: Words) -> float:
    """Bits an image of the training split: sum_k 2^-b_k b_k."""
    return float((torch.exp2(-words.bits.double()) * words.bits).sum())


def improve(latents: Tensor, words: Words, weights: Weights, steps: int) -> Words:
    """Generalised Lloyd iterations: the cheapest codeword for each image, the best codeword for each cell."""
    for _ in range(steps):
        words = words_of(latents, cheapest(latents, *words.affine(weights)), words)
    return words


def constrain(latents: Tensor, words: Words, weights: Weights, bits: float) -> tuple[Words, Weights]:
    """Raise the price of a bit until the codewords' entropy is about `bits`, and hold it there while they settle.

    The price follows the entropy by a tenth at most in each iteration: codewords that are left without images do not
    come back, so a jump would lose more of them than the bits ask for.
    """
    variance = float(latents[:, : words.centres.shape[1]].var(0).sum()) / weights.pixels
    rate = FIRST_PRICE * variance
    for _ in range(STEPS):
        words = improve(latents, words, Weights(weights.pixels, weights.label, rate), 1)
        rate *= math.exp(max(-0.1, min(0.1, 0.5 * (entropy(words) - bits))))
    return words, Weights(weights.pixels, weights.label, rate)


def meet(latents: Tensor, words: Words, weights: Weights, bits: float) -> tuple[Words, Weights]:
    """The best codewords of the cells that these ones make at the least price of a bit for which `bits` are kept.

    Lloyd's iterations at a fixed price go on losing bits; so the price is sought last, by halving its logarithm's
    bracket, for codewords that stay where they are.
    """
    found = words, weights
    low, high = weights.rate / 8, weights.rate * 8
    for _ in range(HALVINGS):
        now = Weights(weights.pixels, weights.label, math.sqrt(low * high))
        tried = words_of(latents, cheapest(latents, *words.affine(now)), words)
        if entropy(tried) <= bits:
            found, high = (tried, now), now.rate
        else:
            low = now.rate
    return found


def kmeans(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Cells [n] of `count` means by scikit-learn: a start in small batches, then Lloyd's algorithm.

    Large codebooks start from random images, for which batches would take longer than Lloyd's algorithm itself.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    values = points.numpy()
    state = int(torch.randint(2**31 - 1, (), generator=generator))
    with threadpool_limits(torch.get_num_threads()):
        start: np.ndarray[Any, Any] | str = "random"
        if count <= 1024:
            batches = MiniBatchKMeans(count, n_init=1, batch_size=CHUNK, max_iter=20, random_state=state).fit(values)
            start = batches.cluster_centers_
        steps = 60 if count <= 256 else 10
        fitted = KMeans(count, init=start, n_init=1, max_iter=steps, algorithm="lloyd", random_state=state).fit(values)
    return torch.from_numpy(fitted.labels_).long()


def compact(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Images [n, P] in their principal components, [n, min(P, COORDINATES)], for everything that needs distances."""
    if pixels.shape[1] <= COORDINATES:
        return pixels
    some = pixels[torch.randperm(len(pixels), generator=generator)[:10_000]]
    centred = (some - some.mean(0)).double()
    vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -COORDINATES:].float()
    return torch.cat([(part - some.mean(0)) @ vectors for part in pixels.split(CHUNK)])


def pure_cells(points: Tensor, labels: Tensor, count: int, classes: int, generator: torch.Generator) -> Tensor:
    """Cells [n] of `count` means, each of which holds one label only, with codewords dealt out to labels optimally.

    The squared error of a label falls convexly with its number of codewords, so that giving the next one to the label
    that gains most is optimal. Errors are measured at some numbers, and between those taken as powers of the number.
    """
    groups = [torch.nonzero(labels == label).flatten() for label in range(classes)]
    curves = [_errors(points[group], _numbers(count, classes), generator) for group in groups]
    dealt = deal(curves, count, [len(group) for group in groups])
    cells, first = torch.zeros(len(points), dtype=torch.int64), 0
    for group, number in zip(groups, dealt, strict=True):
        if number:
            cells[group] = first + kmeans(points[group], number, generator)
        first += number
    return cells


def _numbers(count: int, classes: int) -> list[int]:
    """Numbers of codewords of a label at which its squared error is measured."""
    most = max(2, 4 * count // classes)
    return [number for number in (1, 2, 3, 4, 6, 8, *(2**power for power in range(4, 13))) if number <= most]


def _errors(points: Tensor, numbers: list[int], generator: torch.Generator) -> dict[int, float]:
    """Total squared error of some numbers of means; a label without images has none."""
    found: dict[int, float] = {}
    for number in numbers:
        if number <= len(points):
            cells = kmeans(points, number, generator) if number > 1 else torch.zeros(len(points), dtype=torch.int64)
            centres = means(points, cells, torch.zeros(number, points.shape[1]))
            found[number] = float(F.mse_loss(points, centres[cells], reduction="sum"))
    return found


def deal(curves: list[dict[int, float]], count: int, sizes: list[int]) -> list[int]:
    """Codewords of each label, `count` in all: one for each that has images, then each to who gains most.

    curves: squared error of a label by its number of codewords; sizes: its images, the most codewords that it takes.
    """
    dealt = [int(bool(curve)) for curve in curves]
    for _ in range(count - sum(dealt)):
        gains = [
            _error_at(curve, number) - _error_at(curve, number + 1) if 0 < number < size else -math.inf
            for curve, number, size in zip(curves, dealt, sizes, strict=True)
        ]
        dealt[int(np.argmax(gains))] += 1
    return dealt


def _error_at(curve: dict[int, float], number: int) -> float:
    """The error at a number, on a straight line of logarithms through the nearest two that were measured."""
    if number in curve:
        return curve[number]
    known = sorted(curve)
    if len(known) < 2:
        return curve[known[0]] / number
    high = next((place for place, found in enumerate(known) if found > number and place), len(known) - 1)
    left, right = known[high - 1], known[high]
    slope = math.log(max(curve[right], 1e-12) / max(curve[left], 1e-12)) / math.log(right / left)
    return float(curve[left] * (number / left) ** slope)

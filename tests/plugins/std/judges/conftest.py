"""What the tests of judges share: real 8x8 digits, and a codebook on them whose dial has a known order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

import rdcbench

DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)


def decoded_of(x, x_hat, digit=None):
    digit = torch.zeros(len(x), dtype=torch.int64) if digit is None else digit
    return rdcbench.Decoded(x, x_hat, {"digit": digit, "parity": digit % 2}, torch.zeros(len(x)))


@dataclass
class Digits:
    """Splits, and the dial x_hat = (1 - a) centroid + a (a training image of the same cell), W2 = (1 - a) sqrt(D*)."""

    train: rdcbench.Split
    test: rdcbench.Split
    centroids: torch.Tensor

    def images(self, split):
        return split.images.float() / 255

    def cells(self, x):
        return torch.cdist(x.flatten(1), self.centroids).argmin(1)

    def dial(self, split, a, seed=0):
        """Decode a split at dial a."""
        x, bank = self.images(split), self.images(self.train)
        cell, bank_cell = self.cells(x), self.cells(bank)
        generator = torch.Generator().manual_seed(seed)
        sample = torch.empty_like(x)
        for k in range(len(self.centroids)):
            pool, place = bank[bank_cell == k], cell == k
            sample[place] = pool[torch.randint(len(pool), (int(place.sum()),), generator=generator)]
        mean = self.centroids[cell].view_as(x)
        return decoded_of(x, (1 - a) * mean + a * sample, split.labels["digit"])

    def measured(self, judge, a):
        return judge.measure(self.dial(self.test, a), lambda images: self.dial(self.train, a, seed=1))

    def real_pair(self):
        """Test images against other test images."""
        x, digit = self.images(self.test), self.test.labels["digit"]
        half = len(x) // 2
        return decoded_of(x[:half], x[half : 2 * half], digit[:half])


@pytest.fixture(scope="session")
def digits() -> Digits:
    torch.set_num_threads(1)
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.from_numpy((images[order] * 255 / 16).round().astype(np.uint8)).view(-1, 1, 8, 8)
    digit = torch.from_numpy(labels[order]).long()
    splits = [
        rdcbench.Split(name, x[cut], {"digit": digit[cut], "parity": digit[cut] % 2})
        for name, cut in (("train", slice(0, 1000)), ("test", slice(1000, None)))
    ]
    means = KMeans(8, n_init=2, random_state=0).fit(splits[0].images.reshape(-1, 64).numpy() / 255)
    return Digits(*splits, torch.from_numpy(means.cluster_centers_).float())


@pytest.fixture(scope="session")
def fitted(digits) -> Callable[..., rdcbench.Judge]:
    """Fit a judge to the digits once for all tests."""
    judges: dict[str, rdcbench.Judge] = {}

    def fit(kind):
        if kind.name not in judges:
            judges[kind.name] = fresh(kind)
            judges[kind.name].fit(digits.train, rdcbench.generator("test", kind.name))
        return judges[kind.name]

    return fit


def fresh(kind, **options):
    """Build a judge for the digits, on a small budget."""
    usual = {"classifier-judge": {"classes": {"digit": 10, "parity": 2}}, "fresh-critic": {"steps": 150}}
    return kind(image_shape=(1, 8, 8), **{**usual.get(kind.name, {}), **options})


@pytest.fixture
def build() -> Callable[..., rdcbench.Judge]:
    return fresh

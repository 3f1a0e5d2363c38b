"""The search for copies of training images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from rdcbench_std.judges import Memorisation
from rdcbench_std.judges.memorisation import GROUPS

from .conftest import DIAL, decoded_of


def share(judge, x, x_hat):
    return judge.measure(decoded_of(x, x_hat), lambda images: None)["nearest_train_share"]


def test_nearness_is_that_of_a_plain_search(fitted, digits):
    judge, x = fitted(Memorisation), digits.images(digits.test)
    place = (x.flatten(1) @ judge.components).double().numpy()
    groups = [group.double().numpy() for group in judge.stored.chunk(GROUPS)]
    by_group = np.stack([NearestNeighbors(n_neighbors=1).fit(group).kneighbors(place)[0][:, 0] for group in groups])
    nearest = np.sort(by_group, axis=0)
    np.testing.assert_allclose(judge.nearness(x), nearest[0] / nearest[1], atol=2e-3)
    whole = NearestNeighbors(n_neighbors=1).fit(np.concatenate(groups)).kneighbors(place)[0][:, 0]
    np.testing.assert_allclose(nearest[0], whole, rtol=1e-6)


def test_distances_in_its_components_are_those_of_principal_components(fitted, digits):
    judge, x = fitted(Memorisation), digits.images(digits.train).flatten(1)
    assert judge.stored.shape == (1000, 32)
    kept = (x @ judge.components).var(dim=0).sum() / x.var(dim=0).sum()
    best = torch.linalg.svdvals(x - x.mean(0)).square()
    assert float(kept) == pytest.approx(float(best[:32].sum() / best.sum()), rel=1e-4)


def test_copies_are_found_and_new_blurred_or_noisy_images_are_not(fitted, digits):
    judge, x = fitted(Memorisation), digits.images(digits.test)
    copies = digits.images(digits.train)[: len(x)]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert share(judge, x, copies).value == 1.0
    assert share(judge, x, (copies + 0.02 * noise).clamp(0, 1)).value > 0.9
    assert share(judge, x, x).value == share(judge, x, x).reference == pytest.approx(0.05, abs=0.002)
    for other in (torch.nn.functional.avg_pool2d(x, 3, 1, 1), (x + 0.2 * noise).clamp(0, 1), torch.zeros_like(x)):
        assert share(judge, x, other).value < 0.1


def test_it_sees_the_stored_images_through_the_dial(fitted, digits):
    values = [digits.measured(fitted(Memorisation), a)["nearest_train_share"].value for a in DIAL]
    assert values == sorted(values)
    assert values[0] < 0.05 < 0.9 < values[3]


def test_an_image_that_is_stored_twice_is_a_copy_all_the_same(digits):
    judge = Memorisation(image_shape=(1, 8, 8))
    images = digits.train.images[:100].repeat(2, 1, 1, 1)
    judge.fit(type(digits.train)("train", images, {}), torch.Generator().manual_seed(0))
    assert bool((judge.nearness(images[:100].float() / 255) <= 1).all())

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from rdcbench import DataError, PartError
from rdcbench_gaussian.source import MEAN, SIGMA, GaussianSource


def components(split: str = "test", count: int = 16, images: int = 2000) -> np.ndarray:
    loaded = GaussianSource(components=count, images=images).load(None, split)
    return ((loaded.batch(torch.arange(images)).x.flatten(1) - MEAN) / SIGMA).double().numpy()


def test_every_component_has_the_exact_normal_law_up_to_grey_levels():
    x = components()
    assert abs(x.mean(0)).max() < 1e-2
    assert x.var(0) == pytest.approx(1.0, abs=2e-3)
    level = 1 / (255 * SIGMA)
    for column in x.T:
        assert stats.kstest(column, "norm").statistic < level * stats.norm.pdf(0) / 2 + 1 / len(x)


def test_components_and_splits_are_independent():
    x, other = components(), components("train")
    bound = 4.5 / np.sqrt(len(x))
    correlation = np.corrcoef(x.T) - np.eye(16)
    assert abs(correlation).max() < bound
    assert abs((x * other).mean(0)).max() < bound


def test_a_split_is_the_same_every_time_and_has_no_labels():
    first, second = (GaussianSource(images=50).load(None, "train") for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert (first.images.shape, first.images.dtype) == ((50, 1, 1, 64), torch.uint8)
    assert first.labels == {} == GaussianSource().classes


def test_the_digest_knows_the_options():
    digests = {GaussianSource(**options).digest() for options in ({}, {"components": 65}, {"images": 50})}
    assert len(digests) == 3


@pytest.mark.parametrize("options", [{"components": 1}, {"images": 0}, {"images": 2.5}, {"components": True}])
def test_nonsense_is_refused(options):
    with pytest.raises(PartError, match="must be a whole number, 2 or more"):
        GaussianSource(**options)


def test_an_unknown_split_is_answered_with_those_that_exist():
    with pytest.raises(DataError, match=r"there is: test, train, validation\. Did you mean .test.\?"):
        GaussianSource().load(None, "tset")

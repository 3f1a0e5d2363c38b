from __future__ import annotations

import pytest
import torch
from decoding import decoded, error

from rdcbench.errors import PartError

FEW = {"levels": 4}
"""Fewer codewords than the ten classes: cells mix labels."""
DITHERED = {"encoder": "principal-components", "quantizer": "dithered", "dimensions": 2, "levels": 3}
KINDS = [({**FEW, "decoder": "cell-labels"}), ({**DITHERED, "decoder": ("neighbour-labels", {"averaged": 24})})]


def accuracy(classifier, split, x_hat):
    return float((classifier(x_hat)["digit"].argmax(1) == split.labels["digit"]).float().mean())


@pytest.mark.parametrize("parts", KINDS)
def test_the_likeliest_label_shows_better_and_costs_distortion(make_codec, train, classifier, parts):
    codec = make_codec(**parts)
    mean, typical = decoded(codec, train, dial=0.0), decoded(codec, train, dial=1.0)
    assert error(train, typical) > error(train, mean)
    noise = 0.03  # 24 neighbours guess which label is likeliest
    assert accuracy(classifier, train, typical) >= accuracy(classifier, train, mean) - noise


def test_in_a_cell_the_label_that_shows_is_that_of_most_of_its_images(make_codec, train, classifier):
    """So the accuracy is the Bayes decision's, sum over cells of the largest count."""
    codec = make_codec(**KINDS[0])
    cells = codec.decoder.cells(codec.received(train, torch.arange(len(train))).flatten(1))
    counts = torch.zeros(4, 10).index_put_((cells, train.labels["digit"]), torch.ones(()), accumulate=True)
    best = float(counts.max(1).values.sum() / len(train))
    assert accuracy(classifier, train, decoded(codec, train, dial=1.0)) == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("parts", KINDS)
def test_the_dial_goes_straight(make_codec, train, parts):
    codec = make_codec(**parts)
    ends = decoded(codec, train, dial=0.0), decoded(codec, train, dial=1.0)
    assert torch.allclose(decoded(codec, train, dial=0.3), 0.7 * ends[0] + 0.3 * ends[1], atol=1e-5)


def test_at_zero_it_is_the_mean_of_the_cell(make_codec, train):
    mean, dialled = make_codec(**FEW), make_codec(**FEW, decoder="cell-labels")
    assert torch.allclose(decoded(dialled, train, dial=0.0), decoded(mean, train), atol=1e-6)


@pytest.mark.parametrize("parts", KINDS)
def test_a_dial_outside_its_range_is_refused(make_codec, train, parts):
    with pytest.raises(PartError, match="goes from 0"):
        decoded(make_codec(**parts), train, dial=1.5)


def test_a_label_that_is_not_there_is_refused(make_codec):
    with pytest.raises(PartError, match="the label 'colour'; the images have digit, parity"):
        make_codec(**FEW, decoder=("cell-labels", {"label": "colour"}))


def test_neighbours_there_must_be(make_codec):
    with pytest.raises(PartError, match="600 neighbours needs more than 600"):
        make_codec(**DITHERED, decoder=("neighbour-labels", {"averaged": 600}))
    with pytest.raises(PartError, match="averaged = 0"):
        make_codec(fit=False, **DITHERED, decoder=("neighbour-labels", {"averaged": 0}))

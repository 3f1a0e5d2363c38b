from __future__ import annotations

import pytest
import torch

from rdcbench.errors import PartError
from rdcbench_frontier.asking import AskingEncoder


@pytest.fixture
def encoder(classifier):
    torch.manual_seed(0)
    return AskingEncoder((1, 8, 8), 3, classifier, {"digit": 10, "parity": 2}, widths=(16, 8))


def test_latents_lie_in_the_cube(encoder, train):
    latent = encoder(train.batch(torch.arange(5)).x)
    assert latent.shape == (5, 3)
    assert float(latent.detach().abs().max()) <= 1


def test_gradients_reach_its_own_layers_and_not_the_classifier(encoder, train):
    encoder(train.batch(torch.arange(20)).x).sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.layers.parameters())
    assert all(parameter.grad is None for parameter in encoder.seen.parameters())


def test_it_depends_on_what_the_classifier_says(encoder, train):
    x = train.batch(torch.arange(20)).x
    first = encoder.layers[0]
    before = encoder(x)
    first.weight.data[:, 64:] = 0
    assert not torch.allclose(before, encoder(x))
    first.weight.data[:, :64] = 0
    assert torch.allclose(encoder(x), encoder(x[:1]).expand(20, 3))


def test_a_label_that_the_classifier_does_not_know_is_refused(classifier, train):
    encoder = AskingEncoder((1, 8, 8), 3, classifier, {"digits": 10}, widths=(8,), label="digits")
    with pytest.raises(PartError, match="no label of the classifier 'digits'"):
        encoder(train.batch(torch.arange(2)).x)

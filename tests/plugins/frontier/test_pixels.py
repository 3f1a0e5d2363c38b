from __future__ import annotations

import pytest
import torch

from rdcbench import Fitted
from rdcbench.errors import PartError
from rdcbench_frontier.pixels import LabelledPixels, Pixels


def test_pixels_are_the_image(train):
    x = train.batch(torch.arange(3)).x
    assert torch.equal(Pixels()(x), x.flatten(1))


def test_labels_are_what_the_classifier_thinks(train, classifier):
    x = train.batch(torch.arange(20)).x
    latent = LabelledPixels(classifier)(x)
    assert torch.equal(latent[:, :64], x.flatten(1))
    assert torch.allclose(latent[:, 64:], torch.softmax(classifier(x)["digit"], 1))


def test_a_label_that_the_classifier_does_not_know_is_refused(train, classifier):
    with pytest.raises(PartError, match=r"no label of the classifier 'digits'; there is: .*Did you mean 'digit'\?"):
        LabelledPixels(classifier, "digits")(train.batch(torch.arange(2)).x)


def test_the_classifier_of_the_encoder_is_not_trained(train, classifier):
    """Its parameters are the encoder's too, so the encoder must count as fitted for a run to leave them alone."""
    before = [parameter.clone() for parameter in classifier.parameters()]
    encoder = LabelledPixels(classifier)
    assert isinstance(encoder, Fitted)
    encoder.fit(train, lambda index: train.batch(index).x, torch.Generator())
    assert all(torch.equal(old, new) for old, new in zip(before, encoder.parameters(), strict=True))

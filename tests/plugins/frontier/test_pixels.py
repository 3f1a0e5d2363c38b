from __future__ import annotations

import pytest
import torch

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

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from rdcbench import Outcome, PartError
from rdcbench_std.objectives import Weighted


class Score(nn.Module):
    """A critic that scores an image by its sum."""

    def forward(self, x):
        return x.flatten(1).sum(1)


class Says(nn.Module):
    """A classifier whose logits are the first pixels of an image."""

    def forward(self, x):
        return {"digit": x.flatten(1)[:, :3], "parity": x.flatten(1)[:, :2]}


@pytest.fixture
def outcome():
    random = torch.Generator().manual_seed(0)
    x, x_hat = (torch.rand(5, 1, 2, 2, generator=random) for _ in range(2))
    labels = {"digit": torch.tensor([0, 1, 2, 0, 1]), "parity": torch.tensor([0, 1, 0, 0, 1])}
    return Outcome(x, x_hat.requires_grad_(True), labels, torch.zeros(5, 3), critic=Score(), classifier=Says())


def test_distortion_is_the_mean_squared_error_of_a_pixel(outcome):
    pairs = zip(outcome.x.flatten().tolist(), outcome.x_hat.flatten().tolist(), strict=True)
    expected = sum((a - b) ** 2 for a, b in pairs) / 20
    assert Weighted().term("distortion", outcome).item() == pytest.approx(expected, rel=1e-5)


def test_perception_is_minus_the_mean_score_of_what_was_decoded(outcome):
    expected = -sum(outcome.x_hat.flatten().tolist()) / 5
    assert Weighted().term("perception", outcome).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("label", ["digit", "parity"])
def test_classification_is_the_cross_entropy_of_a_label_in_nats(outcome, label):
    rows = outcome.x_hat.flatten(1).tolist()
    classes = {"digit": 3, "parity": 2}[label]
    expected = 0.0
    for row, true in zip(rows, outcome.labels[label].tolist(), strict=True):
        expected += math.log(sum(math.exp(value) for value in row[:classes])) - row[true]
    assert Weighted(label).term("classification", outcome).item() == pytest.approx(expected / 5, rel=1e-5)


@pytest.mark.parametrize("name", Weighted.terms)
def test_every_term_is_a_scalar_with_a_gradient_to_the_image(outcome, name):
    value = Weighted().term(name, outcome)
    assert value.shape == ()
    (gradient,) = torch.autograd.grad(value, outcome.x_hat)
    assert gradient.isfinite().all()
    assert gradient.any()


READERS = {"critic": "perception", "classifier": "classification"}


@pytest.mark.parametrize("reads", READERS)
def test_a_term_reads_only_what_it_declares(outcome, reads):
    assert Weighted.terms[READERS[reads]] == {reads}
    rest = {name: getattr(outcome, name) for name in READERS if name != reads}
    blind = Outcome(outcome.x, outcome.x_hat, outcome.labels, outcome.received, **rest)
    for name, needs in Weighted.terms.items():
        if reads in needs:
            with pytest.raises(AssertionError):
                Weighted().term(name, blind)
        else:
            assert torch.equal(Weighted().term(name, blind), Weighted().term(name, outcome))


def test_the_default_label_is_the_digit(outcome):
    assert torch.equal(Weighted().term("classification", outcome), Weighted("digit").term("classification", outcome))


def test_a_label_that_the_classifier_does_not_know_is_answered_with_those_it_knows(outcome):
    with pytest.raises(PartError, match=r"no label of the classifier 'digits'; there is: digit, parity. Did you mean"):
        Weighted("digits").term("classification", outcome)

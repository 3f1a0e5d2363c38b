from __future__ import annotations

import pytest
import torch
from decoding import decoded, error

from rdcbench.errors import PartError

DITHERED = {"encoder": "principal-components", "quantizer": "dithered", "dimensions": 2, "levels": 3}
NEAR = ("neighbour-samples", {"averaged": 24})


def as_bytes(images):
    return [image.numpy().tobytes() for image in (images * 255).round().byte()]


def test_a_sample_is_another_training_image_that_was_received_nearly_alike(make_codec, train):
    codec = make_codec(**DITHERED, decoder=NEAR)
    index = torch.arange(len(train))
    known = {text: place for place, text in enumerate(as_bytes(train.batch(index).x))}
    places = torch.tensor([known[text] for text in as_bytes(decoded(codec, train, dial=1.0))])
    assert (places != index).all(), "never the image itself"
    received = codec.received(train, index)
    near = (received - received[places]).norm(dim=1)
    assert near.median() < 0.1 * (received - received.roll(7, 0)).norm(dim=1).median()


def test_the_mean_beats_the_best_affine_decoder(make_codec, train):
    near, affine = make_codec(**DITHERED, decoder=NEAR), make_codec(**DITHERED, decoder="least-squares")
    assert error(train, decoded(near, train)) < error(train, decoded(affine, train))


def test_a_sample_costs_about_twice_the_mean(make_codec, train):
    codec = make_codec(**DITHERED, decoder=NEAR)
    ratio = error(train, decoded(codec, train, dial=1.0)) / error(train, decoded(codec, train))
    assert ratio == pytest.approx(2.0, rel=0.12)


def test_the_dial_goes_straight_and_is_reproducible(make_codec, train):
    codec = make_codec(**DITHERED, decoder=NEAR)
    ends = decoded(codec, train, dial=0.0), decoded(codec, train, dial=1.0)
    assert torch.allclose(decoded(codec, train, dial=0.3), 0.7 * ends[0] + 0.3 * ends[1], atol=1e-6)
    assert torch.equal(decoded(codec, train, dial=1.0), ends[1])


@pytest.mark.parametrize("options", [{"averaged": 2, "drawn": 3}, {"drawn": 0}])
def test_options_that_cannot_be_are_refused(make_codec, options):
    with pytest.raises(PartError, match="1 <= drawn <= averaged"):
        make_codec(fit=False, **DITHERED, decoder=("neighbour-samples", options))


def test_a_mean_over_more_than_all_images_is_refused(make_codec):
    with pytest.raises(PartError, match="600 neighbours needs more than 600"):
        make_codec(**DITHERED, decoder=("neighbour-samples", {"averaged": 600}))


def test_a_dial_outside_its_range_is_refused(make_codec, train):
    with pytest.raises(PartError, match="goes from 0"):
        decoded(make_codec(**DITHERED, decoder=NEAR), train, dial=-1.0)

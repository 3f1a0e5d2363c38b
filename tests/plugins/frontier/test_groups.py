from __future__ import annotations

import pytest
import torch
from decoding import decoded, error

from rdcbench.codec import state_bytes
from rdcbench.errors import PartError


def as_bytes(images):
    return {image.numpy().tobytes() for image in images}


def test_at_dial_0_it_is_the_mean_of_the_cell(make_codec, train):
    means, groups = make_codec(), make_codec(decoder=("cell-groups", {"groups": 60}))
    assert torch.equal(decoded(groups, train, dial=0.0), decoded(means, train))


def test_means_of_groups_are_drawn_as_often_as_they_have_images(make_codec, train):
    """So the mean over many draws is the mean of the cell, up to 8-bit pixels and the draws' noise."""
    codec = make_codec(decoder=("cell-groups", {"groups": 60}))
    drawn = torch.stack([decoded(codec, train, draw=draw, dial=1.0) for draw in range(60)]).mean(0)
    cells = codec.decoder.means.cells(codec.received(train, torch.arange(len(train))).flatten(1))
    for cell in range(12):
        mean = drawn[cells == cell].mean(0)
        assert torch.allclose(mean, codec.decoder.means.images[cell], atol=0.03)


def test_images_that_are_kept_are_training_images_and_means_are_not(make_codec, train):
    known = as_bytes(train.images)
    kept = make_codec(decoder=("cell-groups", {"groups": 60, "kept": "images"})).decoder.stored
    assert as_bytes(kept) <= known
    assert not as_bytes(make_codec(decoder=("cell-groups", {"groups": 60}), levels=6).decoder.stored) & known


def test_groups_of_one_image_are_the_whole_training_split(make_codec, train):
    codec = make_codec(decoder=("cell-groups", {"groups": 600, "kept": "images"}))
    assert len(codec.decoder.stored) == 600
    least = error(train, decoded(codec, train, dial=0.0))
    sampled = sum(error(train, decoded(codec, train, draw=draw, dial=1.0)) for draw in range(10)) / 10
    assert sampled == pytest.approx(2 * least, rel=0.03)


def test_the_receiver_is_small(make_codec, train):
    few, many = (make_codec(decoder=(name, options)).decoder for name, options in (
        ("cell-groups", {"groups": 60}), ("cell-samples", {})))  # fmt: skip
    assert state_bytes(few) < state_bytes(many) / 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"groups": 0}, "groups = 0; it must be at least 1"),
        ({"kept": "mean"}, r"no way to keep a group 'mean'; there is: images, means. Did you mean 'means'\?"),
    ],
)
def test_options_that_cannot_be_are_refused(make_codec, options, sentence):
    with pytest.raises(PartError, match=sentence):
        make_codec(fit=False, decoder=("cell-groups", options))


def test_a_dial_outside_its_range_is_refused(make_codec, train):
    with pytest.raises(PartError, match="goes from 0"):
        decoded(make_codec(decoder=("cell-groups", {"groups": 60})), train, dial=2.0)

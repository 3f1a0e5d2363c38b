from __future__ import annotations

import pytest
import torch
from decoding import decoded, error

from rdcbench.errors import PartError


def test_the_means_of_a_codebook_are_its_codewords(make_codec, train):
    codec = make_codec()
    index = torch.arange(50)
    received = codec.received(train, index)
    assert torch.allclose(decoded(codec, train)[:50].flatten(1), received, atol=1e-3)


def test_the_mean_is_best_whatever_is_received(make_codec, train):
    """The cells of a coarse quantizer that no Lloyd iteration made, too."""
    codec = make_codec(encoder="pixels", quantizer=("codebook", {"bits": 1.5}))
    best = error(train, decoded(codec, train))
    other = codec.decoder.images.clone()
    codec.decoder.images = other * 0.98
    assert error(train, decoded(codec, train)) > best


def test_samples_are_training_images_of_the_same_cell(make_codec, train):
    codec = make_codec(decoder="cell-samples")
    x_hat = decoded(codec, train, dial=1.0)
    cells = codec.decoder.means.cells(codec.received(train, torch.arange(len(train))).flatten(1))
    known = {image.numpy().tobytes(): int(cell) for image, cell in zip(train.images, cells, strict=True)}
    bytes_ = (x_hat * 255).round().byte()
    assert [known[image.numpy().tobytes()] for image in bytes_] == cells.tolist()
    assert len({image.numpy().tobytes() for image in bytes_}) > 200, "not one image for each cell"


def test_posterior_sampling_costs_twice_the_least_error(make_codec, train):
    codec = make_codec(decoder="cell-samples")
    least = error(train, decoded(codec, train, dial=0.0))
    sampled = sum(error(train, decoded(codec, train, draw=draw, dial=1.0)) for draw in range(10)) / 10
    assert sampled == pytest.approx(2 * least, rel=0.02)


@pytest.mark.parametrize("dial", [0.25, 0.5, 0.75])
def test_the_dial_goes_straight_from_mean_to_sample(make_codec, train, dial):
    codec = make_codec(decoder="cell-samples")
    ends = decoded(codec, train, dial=0.0), decoded(codec, train, dial=1.0)
    assert torch.allclose(decoded(codec, train, dial=dial), (1 - dial) * ends[0] + dial * ends[1], atol=1e-6)
    least = error(train, ends[0])
    assert error(train, decoded(codec, train, dial=dial)) == pytest.approx((1 + dial**2) * least, rel=0.03)


def test_sender_and_receiver_draw_the_same_image_and_another_key_another(make_codec, train):
    codec = make_codec(decoder="cell-samples")
    assert torch.equal(decoded(codec, train, dial=1.0), decoded(codec, train, dial=1.0))
    other = decoded(codec, train, draw=1, dial=1.0)
    assert (other != decoded(codec, train, dial=1.0)).flatten(1).any(1).float().mean() > 0.9


@pytest.mark.parametrize("dial", [-0.1, 1.5])
def test_a_dial_outside_its_range_is_refused(make_codec, train, dial):
    codec = make_codec(decoder="cell-samples")
    with pytest.raises(PartError, match=rf"dial of the decoder is {dial:g}; it goes from 0, .* to 1, one of them"):
        decoded(codec, train, dial=dial)

from __future__ import annotations

import pytest
import torch
from decoding import decoded, error

import rdcbench
from rdcbench.errors import PartError


@pytest.fixture
def misread(train):
    """The training split with every twenty-first label moved on: a classifier that goes by the image misreads those."""
    digit = train.labels["digit"].clone()
    digit[::21] = (digit[::21] + 1) % 10
    return rdcbench.Split("train", train.images, {**train.labels, "digit": digit})


def test_samples_are_training_images_of_the_cells_class(make_codec, misread, classifier):
    options = {"quantizer": ("codebook", {"labels": 10, "pure": True}), "encoder": "labelled-pixels"}
    asked = classifier(misread.batch(torch.arange(600)).x)["digit"].argmax(1)
    shares = []
    for decoder in ("cell-samples", "labelled-samples"):
        codec = make_codec(**options, decoder=decoder, split=misread, levels=14)
        known = {image.numpy().tobytes(): int(digit)
                 for image, digit in zip(misread.images, misread.labels["digit"], strict=True)}  # fmt: skip
        shown = [known[image.numpy().tobytes()] for image in (decoded(codec, misread, dial=1.0) * 255).round().byte()]
        shares.append(float((torch.tensor(shown) == asked).float().mean()))
    assert shares[0] < 0.98 < shares[1] == 1.0


def test_the_dial_still_costs_what_posterior_sampling_costs(make_codec, misread):
    codec = make_codec(decoder="labelled-samples", split=misread)
    least = error(misread, decoded(codec, misread, dial=0.0))
    sampled = sum(error(misread, decoded(codec, misread, draw=draw, dial=1.0)) for draw in range(6)) / 6
    assert sampled == pytest.approx(2 * least, rel=0.03)


def test_a_label_that_the_data_set_has_not_is_refused(make_codec):
    with pytest.raises(PartError, match="label = 'colour'; the data set has digit"):
        make_codec(decoder=("labelled-samples", {"label": "colour"}))

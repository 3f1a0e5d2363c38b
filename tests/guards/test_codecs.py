"""What guards on codecs let pass; what they catch is in test_known_bad.py."""

from __future__ import annotations

import pytest
import tiny_plugin as tiny
import torch

from rdcbench import guards
from rdcbench.errors import GuardError
from rdcbench.records import Context, Decoded, Split
from rdcbench.rng import generator

TEST = tiny.Images().load(None, "test")
CONTEXT = Context(7, "test", torch.arange(len(TEST)))
X = TEST.batch(CONTEXT.index).x


def decoded(x_hat):
    return Decoded(X, x_hat, TEST.labels, torch.zeros(len(X), dtype=torch.float64))


def test_guards_leave_no_trace(codec, train_split):
    before = {name: tensor.clone() for name, tensor in codec.state_dict().items()}
    x_hat = codec.decompress(codec.compress(X, CONTEXT).payloads, CONTEXT)
    guards.check_mode(codec)
    guards.check_tables(codec, train_split)
    guards.check_receiver(codec, X, CONTEXT, x_hat)
    assert all(torch.equal(tensor, before[name]) for name, tensor in codec.state_dict().items())


def test_the_mode_of_every_module_counts(codec):
    codec.decoder.layers[1].train()
    with pytest.raises(GuardError, match=r"part 'decoder.layers.1' \(BatchNorm1d\) is in training mode"):
        guards.check_mode(codec)


def test_a_codec_that_the_dither_does_not_move_may_have_one_table(make_codec, train_split, monkeypatch):
    codec = make_codec()
    monkeypatch.setattr(codec.encoder, "forward", lambda x: torch.ones(len(x), 3))  # saturated: always the last symbol
    codec.fit(train_split, generator("fit"))
    guards.check_tables(codec, train_split)
    guards.check_tables(make_codec(points=1), train_split)


@pytest.mark.parametrize("images", [1, 2, 3, 9])
def test_a_split_of_few_images_is_no_obstacle(codec, images):
    context = Context(7, "test", torch.arange(images))
    x_hat = codec.decompress(codec.compress(X[:images], context).payloads, context)
    guards.check_receiver(codec, X[:images], context, x_hat)


def test_a_lossless_codec_returns_test_images_lawfully(train_split):
    guards.check_copies(decoded(X), 100.0, lambda: train_split)
    with pytest.raises(GuardError, match=r"48 of 48 decoded images are test images pixel by pixel, at 4.75 bits"):
        guards.check_copies(decoded(X), 4.75, lambda: train_split)


def test_images_that_both_splits_have_are_nobodys_secret():
    train = Split("train", TEST.images, TEST.labels)
    guards.check_copies(decoded(X), 4.75, lambda: train)


def test_the_training_split_is_not_read_unless_images_are_copies():
    guards.check_copies(decoded(0.5 * X), 4.75, lambda: pytest.fail("read"))


@pytest.mark.parametrize(("coded", "caught"), [(4.7, False), (4.66, False), (4.6, True)])
def test_a_stream_may_undercut_its_model_by_rounding_only(coded, caught):
    if caught:
        with pytest.raises(GuardError, match=r"The stream has 4.6 bits an image, less than the 4.7"):
            guards.check_price(coded, 4.7)
    else:
        guards.check_price(coded, 4.7)

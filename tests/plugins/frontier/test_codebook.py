from __future__ import annotations

import math

import pytest
import torch

import rdcbench
from rdcbench.errors import PartError
from rdcbench.evaluate import evaluate
from rdcbench_frontier.codebook import Codebook

PURE = {"encoder": "labelled-pixels", "quantizer": ("codebook", {"labels": 10, "pure": True})}


def cells_of(codec, split):
    index = torch.arange(len(split))
    symbols = codec.quantizer.quantize(codec.latents(split), codec.quantizer.dither(codec.context(index, split.name)))
    return symbols.flatten()


def test_a_codebook_has_the_rate_bound_of_the_learned_codec_beside_it(make_codec):
    codec = make_codec(dimensions=2, levels=3)
    assert codec.rate_bound == pytest.approx(2 * math.log2(3))
    assert codec.quantizer.alphabet.tolist() == [9]


def test_a_plain_codebook_is_as_good_as_scikit_learns(make_codec, train):
    from sklearn.cluster import KMeans

    pixels = train.batch(torch.arange(len(train))).x.flatten(1)
    best = KMeans(12, n_init=5, random_state=0).fit(pixels.numpy()).inertia_ / pixels.numel()
    codec = make_codec()
    found = (pixels - codec.received(train, torch.arange(len(train)))).square().mean()
    assert float(found) < 1.03 * best


def test_each_cell_of_a_pure_codebook_holds_one_opinion_of_the_classifier(make_codec, train, classifier):
    codec = make_codec(**PURE, levels=14)
    opinions = classifier(train.batch(torch.arange(len(train))).x)["digit"].argmax(1)
    cells = cells_of(codec, train)
    assert len(cells.unique()) == 14
    for cell in cells.unique():
        assert len(opinions[cells == cell].unique()) == 1


def test_minding_labels_makes_cells_purer_and_costs_squared_error(train):
    """Latents that vary most in what says nothing about their label."""
    digit = train.labels["digit"] % 2
    drawn = torch.randn(600, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 0.2])
    latents = torch.cat([drawn + digit[:, None] * torch.tensor([0.0, 1.0]), torch.eye(2)[digit]], 1)
    found = []
    for weight in (0.0, 0.1, 10.0):
        book = Codebook(1, 4, labels=2, label_weight=weight)
        book.fit(train, lambda index: latents[index], torch.Generator().manual_seed(0))
        cells = book.quantize(latents, torch.zeros(600, 1)).flatten()
        purity = sum(int(torch.bincount(digit[cells == cell]).max()) for cell in range(4)) / 600
        found.append((purity, float((latents[:, :2] - book.centres[cells]).square().mean())))
    assert found[0][0] < 0.7 < 0.99 < found[2][0]
    assert found[0][1] <= found[1][1] <= found[2][1]
    assert found[0][1] < found[2][1]


def test_a_limit_on_bits_is_kept_by_the_stream(make_codec, train):
    codec = make_codec(quantizer=("codebook", {"bits": 4.0}), levels=32)
    index = torch.arange(len(train))
    packet = codec.compress(train.batch(index).x, codec.context(index, "train"))
    assert 3.5 < float(packet.bits.mean()) < 4.1
    assert 8 * (len(packet.payloads[0]) - packet.flush_bytes) / len(train) < 4.2


@pytest.mark.parametrize("options", [PURE, {"encoder": "labelled-pixels", "quantizer": (
    "codebook", {"labels": 10, "label_weight": 0.01, "bits": 3.0})}])  # fmt: skip
def test_no_test_label_reaches_an_encoder_or_a_decoder(make_codec, train, options, tmp_path):
    """Streams and images are the same when the test labels are permuted; a codebook asks no split for its labels."""
    codec = make_codec(**options, decoder="cell-samples", levels=14)
    test = rdcbench.Split("test", train.images[:200], {name: v[:200] for name, v in train.labels.items()})
    turned = rdcbench.Split("test", test.images, {name: label.flip(0) for name, label in test.labels.items()})
    results = []
    for number, split in enumerate((test, turned)):
        path = tmp_path / f"{number}.rdc"
        result = evaluate(codec, split, lambda: train, [], {}, path, path.write_bytes, {"dial": 0.5})
        results.append((path.read_bytes(), result.arrays))
    assert results[0][0] == results[1][0]
    images = [{index: image.tobytes() for index, image in zip(a["sample_index"].tolist(), a["sample_x_hat"], strict=True)}
              for _, a in results]  # fmt: skip
    common = images[0].keys() & images[1].keys()
    assert common
    assert all(images[0][index] == images[1][index] for index in common)


def test_a_codebook_does_not_depend_on_the_labels_of_its_training_images(make_codec, train):
    other = rdcbench.Split("train", train.images, {name: label.flip(0) for name, label in train.labels.items()})
    first, second = (make_codec(**PURE, levels=14, split=split).quantizer for split in (train, other))
    assert torch.equal(first.centres, second.centres)


def test_one_seed_gives_one_codebook(make_codec):
    first, second = make_codec().quantizer, make_codec().quantizer
    assert torch.equal(first.centres, second.centres)


BAD = {
    "more codewords than images": ({"levels": 700}, "codebook of 700 codewords was asked for, and there are 600"),
    "a class without a codeword": ({**PURE, "levels": 5}, "5 codewords leaves a class without one: .* show 10 classes"),
    "labels without an encoder that knows them": (
        {"quantizer": ("codebook", {"labels": 64, "pure": True})},
        "latent has 64 coordinates, and labels = 64 of them are about labels; take an encoder that adds",
    ),
    "a weight without labels": ({"quantizer": ("codebook", {"label_weight": 1.0})}, "set `labels` to the number"),
    "purity without labels": ({"quantizer": ("codebook", {"pure": True})}, "set `labels` to the number"),
    "no bits": ({"quantizer": ("codebook", {"bits": 0.0})}, "bits are above 0"),
    "a weight below 0": ({"quantizer": ("codebook", {"labels": 1, "label_weight": -1.0})}, "at least 0"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_codebook_that_cannot_be_is_refused(make_codec, fault):
    options, sentence = BAD[fault]
    with pytest.raises(PartError, match=sentence):
        make_codec(**options)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_empty_cells_are_refused(make_codec, train):
    few = rdcbench.Split("train", train.images[torch.arange(600) % 5], train.labels)
    with pytest.raises(
        PartError, match=r"Only 5 of 12 codewords have images, since too many training images are equal"
    ):
        make_codec(split=few)

from __future__ import annotations

import numpy as np
import pytest
import torch

from rdcbench.errors import DataError, PartError
from rdcbench_mnist.data import Digits8x8, digits8x8


def splits(**options):
    dataset = Digits8x8(**options)
    return [dataset.load(None, split) for split in ("train", "validation", "test")]


def test_the_splits_hold_every_image_once():
    from sklearn.datasets import load_digits

    parts = splits()
    assert [len(part) for part in parts] == [1200, 197, 400]
    images = torch.cat([part.images for part in parts])
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == torch.uint8
    ours = np.column_stack([images.numpy().reshape(-1, 64), torch.cat([p.labels["digit"] for p in parts])])
    pixels, digits = load_digits(return_X_y=True)
    theirs = np.column_stack([np.floor(pixels * 255 / 16 + 0.5), digits])
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


def test_the_values_use_the_whole_byte():
    values = splits()[0].images.unique().tolist()
    assert len(values) == 17
    assert (values[0], values[8], values[-1]) == (0, 128, 255)


def test_the_split_is_pinned():
    test = splits()[2]
    assert test.labels["digit"][:12].tolist() == [0, 7, 4, 1, 7, 1, 5, 9, 7, 1, 3, 8]
    assert all(count >= 30 for count in test.labels["digit"].bincount().tolist())


def test_the_test_split_does_not_depend_on_the_validation_split():
    default, other = splits(), splits(validation=0)
    assert torch.equal(default[2].images, other[2].images)
    assert [len(part) for part in other] == [1397, 0, 400]
    assert torch.equal(other[0].images[:1200], default[0].images)


def test_labels():
    train = splits()[0]
    assert list(train.labels) == ["digit", "parity"]
    assert train.labels["digit"].dtype == torch.int64
    assert torch.equal(train.labels["parity"], train.labels["digit"] % 2)
    assert Digits8x8().classes == {"digit": 10, "parity": 2}
    assert Digits8x8().image_shape == (1, 8, 8)


def test_it_needs_no_files(tmp_path):
    dataset = Digits8x8()
    assert dataset.files() == {}
    assert dataset.fetch(tmp_path, offline=True) == "shipped with scikit-learn"
    assert dataset.digest().startswith("digits8x8:")
    assert not list(tmp_path.iterdir())


def test_other_images_in_scikit_learn_are_refused(monkeypatch):
    monkeypatch.setattr(digits8x8, "_MD5", "0" * 32)
    with pytest.raises(DataError, match="The digits in this scikit-learn have MD5"):
        Digits8x8().load(None, "test")


def test_bad_options_and_splits_are_sentences():
    with pytest.raises(PartError, match="from 0 to 1396"):
        Digits8x8(validation=1397)
    with pytest.raises(DataError, match="no split 'valid'"):
        Digits8x8().load(None, "valid")

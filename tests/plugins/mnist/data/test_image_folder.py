from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from rdcbench.errors import DataError, PartError
from rdcbench_mnist.data import ImageFolder

ALL = ("train", "validation", "test")


def save(path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path)


def colour(value: int, side: int = 6) -> np.ndarray:
    return np.full((side, side, 3), value, dtype=np.uint8)


@pytest.fixture
def flat(tmp_path):
    """Forty images without sub-folders."""
    for i in range(40):
        save(tmp_path / f"image{i:02}.png", colour(i))
    return tmp_path


@pytest.fixture
def sorted_out(tmp_path):
    """Sub-folders for splits and, in them, for classes."""
    for split, count in (("train", 6), ("validation", 2), ("test", 3)):
        for label, start in (("cats", 0), ("dogs", 100)):
            for i in range(count):
                save(tmp_path / split / label / f"{i}.png", colour(start + i))
    return tmp_path


def load(dataset):
    return {split: dataset.load(None, split) for split in ALL}


def test_sub_folders_are_splits_and_labels(sorted_out):
    dataset = ImageFolder(str(sorted_out), size=6)
    parts = load(dataset)
    assert {name: len(part) for name, part in parts.items()} == {"train": 12, "validation": 4, "test": 6}
    assert dataset.image_shape == (3, 6, 6)
    assert dataset.classes == {"class": 2}
    test = parts["test"]
    assert test.images.dtype == torch.uint8
    assert test.images[:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert test.labels["class"].tolist() == [0, 0, 0, 1, 1, 1]
    assert test.labels["class"].dtype == torch.int64
    assert test.batch(torch.tensor([1])).x.shape == (1, 3, 6, 6)


def test_without_a_validation_folder_some_training_images_are_held_out(sorted_out):
    shutil.rmtree(sorted_out / "validation")
    parts = load(ImageFolder(str(sorted_out), size=6, validation=0.5))
    assert len(parts["train"]) + len(parts["validation"]) == 12
    assert 0 < len(parts["validation"]) < 12
    assert len(parts["test"]) == 6


def test_names_decide_where_no_sub_folder_does(flat):
    parts = load(ImageFolder(str(flat), size=6, validation=0.2, test=0.3))
    values = [set(part.images[:, 0, 0, 0].tolist()) for part in parts.values()]
    assert set.union(*values) == set(range(40))
    assert sum(map(len, values)) == 40
    assert all(values)


def test_a_new_image_moves_no_other(flat):
    before = load(ImageFolder(str(flat), size=6))
    for i in range(40, 60):
        save(flat / f"a-new-{i}.png", colour(i))
    after = load(ImageFolder(str(flat), size=6))
    for split in ALL:
        old = after[split].images[:, 0, 0, 0]
        assert old[old < 40].tolist() == before[split].images[:, 0, 0, 0].tolist()


def test_the_shares_hold_in_the_mean():
    from rdcbench_mnist.data.image_folder import _hashed

    found = [_hashed(f"{i}.png", 0.1, 0.2) for i in range(5000)]
    assert abs(found.count("validation") / 5000 - 0.1) < 0.02
    assert abs(found.count("test") / 5000 - 0.2) < 0.02


def test_without_sub_folders_there_is_one_class(flat):
    dataset = ImageFolder(str(flat), size=6)
    assert dataset.classes == {"class": 1}
    assert not dataset.load(None, "train").labels["class"].any()


def test_labels_can_be_left_out(sorted_out):
    assert ImageFolder(str(sorted_out), labels=False).classes == {"class": 1}


def test_images_of_the_right_size_keep_every_pixel(tmp_path):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (20, 5, 7, 3), dtype=np.uint8)
    for i, image in enumerate(pixels):
        save(tmp_path / ("train" if i else "test") / f"{i:02}.png", image)
    for crop in (True, False):
        dataset = ImageFolder(str(tmp_path), size=[5, 7], crop=crop, validation=0)
        assert dataset.image_shape == (3, 5, 7)
        assert np.array_equal(dataset.load(None, "train").images.numpy(), pixels[1:].transpose(0, 3, 1, 2))


def test_crop_takes_the_centre_and_stretch_all(tmp_path):
    wide = np.zeros((4, 12, 3), dtype=np.uint8)
    wide[:, 4:8] = 200
    for split in ("train", "test"):
        save(tmp_path / split / "a.png", wide)
    cropped = ImageFolder(str(tmp_path), size=4, validation=0).load(None, "test").images
    assert cropped.unique().tolist() == [200]
    stretched = ImageFolder(str(tmp_path), size=4, validation=0, crop=False).load(None, "test").images
    assert stretched.float().mean() < 100


def test_grey_and_other_modes(tmp_path):
    grey = np.arange(36, dtype=np.uint8).reshape(6, 6)
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        Image.fromarray(grey).save(tmp_path / split / "a.png")
        Image.fromarray(grey).convert("P").save(tmp_path / split / "b.gif")
        Image.fromarray(np.dstack([grey, grey, grey, grey])).save(tmp_path / split / "c.PNG")
    images = ImageFolder(str(tmp_path), size=6, greyscale=True, validation=0).load(None, "test").images
    assert images.shape == (3, 1, 6, 6)
    assert all(np.array_equal(image[0].numpy(), grey) for image in images)
    colours = ImageFolder(str(tmp_path), size=6, validation=0).load(None, "test").images
    assert np.array_equal(colours[0, 2].numpy(), grey)


def test_a_cameras_orientation_is_followed(tmp_path):
    image = Image.fromarray(np.vstack([np.zeros((3, 6)), np.full((3, 6), 255)]).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        image.save(tmp_path / split / "a.png", exif=exif)
    loaded = ImageFolder(str(tmp_path), size=6, greyscale=True, validation=0).load(None, "test").images[0, 0]
    assert loaded[0].unique().tolist() == [255]
    assert loaded[-1].unique().tolist() == [0]


def test_the_digest_follows_names_contents_and_shape_but_not_the_place(flat, tmp_path_factory):
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(flat, copy)
    digest = ImageFolder(str(flat)).digest()
    assert ImageFolder(str(copy)).digest() == digest
    assert ImageFolder(str(flat), size=8).digest() != digest
    assert ImageFolder(str(flat), test=0.5).digest() != digest
    save(copy / "image00.png", colour(77))
    assert ImageFolder(str(copy)).digest() != digest


def test_it_needs_no_files(flat, tmp_path):
    dataset = ImageFolder(str(flat))
    assert dataset.files() == {}
    assert str(flat) in dataset.fetch(tmp_path, offline=True)


def test_hidden_and_other_files_are_left_out(flat):
    (flat / "notes.txt").write_text("not an image")
    (flat / ".hidden.png").write_text("nor this")
    (flat / ".thumbs").mkdir()
    (flat / ".thumbs/a.png").write_text("nor this")
    assert len(ImageFolder(str(flat)).pictures) == 40


def test_a_missing_or_empty_folder_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="There is no folder"):
        ImageFolder(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="holds no images"):
        ImageFolder(str(tmp_path))


def test_too_few_images_are_a_sentence(tmp_path):
    save(tmp_path / "only.png", colour(1))
    with pytest.raises(DataError, match="Of the 1 images"):
        ImageFolder(str(tmp_path))


def test_a_lonely_split_folder_is_a_sentence(tmp_path):
    save(tmp_path / "train/a.png", colour(1))
    with pytest.raises(DataError, match="has a sub-folder 'train'; it needs 'test' too"):
        ImageFolder(str(tmp_path))


def test_an_image_outside_the_split_folders_is_a_sentence(sorted_out):
    save(sorted_out / "stray.png", colour(1))
    with pytest.raises(DataError, match=r"stray\.png lies outside"):
        ImageFolder(str(sorted_out))


def test_labels_for_some_images_only_are_a_sentence(flat):
    save(flat / "cats/a.png", colour(1))
    with pytest.raises(DataError, match=r"cats/a\.png lies in a sub-folder.*labels = false"):
        ImageFolder(str(flat))
    assert len(ImageFolder(str(flat), labels=False).pictures) == 41


@pytest.mark.parametrize("damage", ["text", "half", "empty"])
def test_a_damaged_image_is_named(sorted_out, damage):
    path = sorted_out / "test/cats/0.png"
    save(path, np.random.default_rng(0).integers(0, 256, (64, 64, 3)))
    content = path.read_bytes()
    path.write_bytes({"text": b"not an image", "half": content[: len(content) // 2], "empty": b""}[damage])
    dataset = ImageFolder(str(sorted_out))
    dataset.load(None, "train")
    with pytest.raises(DataError, match=r"cats/0\.png cannot be read as an image"):
        dataset.load(None, "test")


def test_sixteen_bits_are_refused_rather_than_clipped(sorted_out):
    Image.fromarray(np.full((6, 6), 40_000, dtype=np.uint16)).save(sorted_out / "test/cats/0.png")
    with pytest.raises(DataError, match="Convert it to 8 bits"):
        ImageFolder(str(sorted_out)).load(None, "test")


@pytest.mark.parametrize(
    "options",
    [
        {"size": 0},
        {"size": [1, 2, 3]},
        {"size": "8"},
        {"size": True},
        {"size": 5000},
        {"validation": 1},
        {"test": -0.1},
        {"validation": 0.5, "test": 0.5},
        {"greyscale": "yes"},
        {"crop": 1},
        {"labels": 0},
    ],
)
def test_bad_options_are_sentences(flat, options):
    with pytest.raises(PartError, match=next(iter(options))):
        ImageFolder(str(flat), **options)


def test_an_unknown_split_is_a_sentence(flat):
    with pytest.raises(DataError, match="no split 'valid'"):
        ImageFolder(str(flat)).load(None, "valid")

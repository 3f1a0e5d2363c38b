from __future__ import annotations

import os
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import tiny_plugin as tiny
import torch
from PIL import Image
from tiny_runs import alone, finished_run

import rdcbench
from rdcbench import arrayfile, files
from rdcbench.bitstream import Stream, pack, unpack
from rdcbench.errors import RdcbenchError, RecipeError, StoreError, StreamError
from rdcbench.files import INPUT, compress, decompress, read_images, write_images

GREY, COLOUR = (1, 4, 6), (3, 4, 6)


def random_images(count: int, shape=GREY) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def save_png(path, image) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image[0] if image.shape[0] == 1 else np.moveaxis(image, 0, 2)).save(path)


# ------------------------------------------------------------------------------------------------------ images in files


@pytest.mark.parametrize("shape", [GREY, COLOUR])
@pytest.mark.parametrize("name", ["x.npy", "folder"])
def test_images_come_back_as_they_were_written(tmp_path, shape, name):
    images = random_images(5, shape)
    write_images(tmp_path / name, images)
    found = read_images(tmp_path / name, shape)
    assert found.dtype == np.uint8
    assert np.array_equal(found, images)


@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_one_image_is_a_png(tmp_path, shape):
    images = random_images(1, shape)
    write_images(tmp_path / "one.png", images)
    assert np.array_equal(read_images(tmp_path / "one.png", shape), images)


def test_grey_images_may_be_an_idx_file(tmp_path):
    images = random_images(5)
    write_images(tmp_path / "t10k-images-idx3-ubyte", images)
    assert np.array_equal(read_images(tmp_path / "t10k-images-idx3-ubyte", GREY), images)


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    images = random_images(3)
    for number in (2, 0, 1):
        save_png(tmp_path / "in" / f"{number}.png", images[number])
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    assert np.array_equal(read_images(tmp_path / "in", GREY), images)


def test_many_images_are_written_in_order(tmp_path):
    images = random_images(12)
    write_images(tmp_path / "out", images)
    assert sorted(os.listdir(tmp_path / "out")) == [f"{number:06d}.png" for number in range(12)]
    assert np.array_equal(read_images(tmp_path / "out", GREY), images)


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (random_images(5)[:, 0], GREY),
        (random_images(5)[0, 0], GREY),
        (random_images(5)[0], GREY),
        (random_images(2, COLOUR)[0], COLOUR),
    ],
)
def test_arrays_may_leave_out_what_is_clear(tmp_path, array, shape):
    np.save(tmp_path / "x.npy", array)
    found = read_images(tmp_path / "x.npy", shape)
    assert found.shape[1:] == shape
    assert np.array_equal(found.reshape(array.shape), array)


def test_a_colour_image_is_made_grey_for_a_grey_codec(tmp_path):
    save_png(tmp_path / "c.png", random_images(1, COLOUR)[0])
    assert read_images(tmp_path / "c.png", GREY).shape == (1, *GREY)


BAD = {
    "nothing there": (lambda path: path, r"There is no file or folder .*; give a PNG, a folder of PNGs, .npy or idx"),
    "an empty folder": (lambda path: path.mkdir(), r"The folder .* holds no PNG files"),
    "another size": (lambda path: np.save(path, random_images(2, (1, 5, 6))), r"has shape \(2, 1, 5, 6\); this codec"),
    "colours for grey": (lambda path: np.save(path, random_images(2, COLOUR)), r"has shape \(2, 3, 4, 6\); this codec"),
    "floats": (lambda path: np.save(path, np.zeros((2, *GREY))), r"holds float64; images must be uint8, 0..255"),
    "no image": (lambda path: np.save(path, random_images(0)), r"holds no image"),
    "objects": (lambda path: np.save(path, np.array([{}])), r"is not a .npy array that can be read"),
    "an archive": (lambda path: path.write_bytes(arrayfile.pack({"x": random_images(2)})), r"is not a .npy array"),
    "a header that never ends": (
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16),
        r"is not a .npy",
    ),
    "text": (lambda path: path.write_text("hello"), r"is not a .npy array that can be read"),
    "an empty file": (lambda path: path.write_bytes(b""), r"is not a .npy array that can be read"),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_holds_no_such_images_is_refused_with_a_sentence(tmp_path, fault):
    make, sentence = BAD[fault]
    path = tmp_path / "x.npy"
    make(path)
    with pytest.raises(RdcbenchError, match=sentence) as caught:
        read_images(path, GREY)
    assert str(path) in str(caught.value)


def test_a_png_that_is_damaged_inside_is_refused(tmp_path):
    path = tmp_path / "one.png"
    save_png(path, np.random.default_rng(0).integers(0, 256, (1, 60, 60), dtype=np.uint8))
    data = path.read_bytes()
    length = data.index(b"IDAT") - 4  # a chunk that ends early: what follows is no chunk
    path.write_bytes(data[:length] + (100).to_bytes(4, "big") + data[length + 4 :])
    with pytest.raises(RdcbenchError, match="not a PNG file that can be read"):
        read_images(path, (1, 60, 60))


def test_a_png_that_says_it_is_large_takes_no_more_memory_than_it_has(tmp_path):
    path = tmp_path / "one.png"
    save_png(path, random_images(1, GREY)[0])
    whole = path.read_bytes()
    length = whole.index(b"IDAT") - 4
    path.write_bytes(whole[:length] + b"\x06" + whole[length + 1 :])  # 100 MB of pixels, it says
    tracemalloc.start()
    with suppress(RdcbenchError):
        read_images(path, GREY)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 10_000_000


def test_pngs_that_do_not_fit_are_refused(tmp_path):
    save_png(tmp_path / "wide.png", random_images(1, (1, 4, 7))[0])
    with pytest.raises(RdcbenchError, match=r"wide.png is 7x4; this codec takes 6x4"):
        read_images(tmp_path / "wide.png", GREY)
    (tmp_path / "fake.png").write_bytes(b"GIF89a" + bytes(20))
    with pytest.raises(RdcbenchError, match=r"fake.png is not a PNG file that can be read"):
        read_images(tmp_path / "fake.png", GREY)
    whole = tmp_path / "cut.png"
    save_png(whole, random_images(1)[0])
    whole.write_bytes(whole.read_bytes()[:40])
    with pytest.raises(RdcbenchError, match=r"cut.png is not a PNG file that can be read"):
        read_images(whole, GREY)


@pytest.mark.parametrize(("name", "shape", "sentence"), [
    ("one.png", GREY, r"one.png can hold one image; the stream has 3. Give a folder or .npy"),
    ("x-idx3-ubyte", COLOUR, r"an idx file holds images of one channel, not 3; use .npy"),
])  # fmt: skip
def test_a_target_that_cannot_hold_the_images_is_refused(tmp_path, name, shape, sentence):
    with pytest.raises(RdcbenchError, match=sentence):
        write_images(tmp_path / name, random_images(3, shape))
    assert not (tmp_path / name).exists()


def test_a_target_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_images(tmp_path / "file" / "x.npy", random_images(1))


# ------------------------------------------------------------------------------------------------------- trained codecs


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with a codec, two universal decoders of it, and a codec of another sender."""
    folder = finished_run(tmp_path_factory.mktemp("runs") / "tiny", judges=[], metrics=[])
    with alone():
        yield folder


BASE, OTHER = "rdc/tiny-end/classification=0/seed0", "rdc/tiny-end/classification=0.01/seed0"
UNIVERSAL = "universal/tiny-universal/classification=0.02/seed0"


@pytest.fixture
def source(tmp_path):
    images = tiny.Images().load(None, "test").images.numpy()[:10]
    np.save(tmp_path / "in.npy", images)
    return tmp_path / "in.npy"


def test_a_users_images_go_through_a_file(trained, source, tmp_path):
    count, size = compress(f"{trained}/{BASE}", source, tmp_path / "s.rdc")
    data = (tmp_path / "s.rdc").read_bytes()
    assert (count, size) == (10, len(data))
    stream = unpack(data)
    assert (stream.split, stream.count) == (INPUT, 10)
    assert decompress(f"{trained}/{BASE}", tmp_path / "s.rdc", tmp_path / "out.npy") == 10
    codec = rdcbench.load(f"{trained}/{BASE}")
    context = rdcbench.Context(codec.seed, INPUT, torch.arange(10))
    expected = codec(torch.tensor(np.load(source)).float() / 255, context)
    assert np.array_equal(np.load(tmp_path / "out.npy"), (expected.detach() * 255).round().byte().numpy())


def test_any_decoder_of_the_encoder_reads_the_stream(trained, source, tmp_path):
    compress(f"{trained}/{UNIVERSAL}", source, tmp_path / "u.rdc")
    compress(f"{trained}/{BASE}", source, tmp_path / "b.rdc")
    assert (tmp_path / "u.rdc").read_bytes() == (tmp_path / "b.rdc").read_bytes()
    for name in (BASE, UNIVERSAL):
        assert decompress(f"{trained}/{name}", tmp_path / "b.rdc", tmp_path / f"{name.partition('/')[0]}.npy") == 10
    assert not np.array_equal(np.load(tmp_path / "rdc.npy"), np.load(tmp_path / "universal.npy"))


def test_the_stream_of_an_evaluation_can_be_decompressed_too(trained, tmp_path):
    from rdcbench.store import Store

    key = Store(trained).plan().keys[BASE]
    assert decompress(f"{trained}/{BASE}", trained / "streams" / f"{key}.rdc", tmp_path / "out") == 48
    samples = Store(trained).arrays(key)
    decoded = read_images(tmp_path / "out", tiny.SHAPE)
    assert np.array_equal(decoded[samples["sample_index"]], samples["sample_x_hat"])


def test_streams_that_are_not_this_codecs_are_refused_and_nothing_is_written(trained, source, tmp_path):
    compress(f"{trained}/{BASE}", source, tmp_path / "s.rdc")
    data = (tmp_path / "s.rdc").read_bytes()
    whole = unpack(data)
    bad = {
        "flipped": data[:40] + bytes([data[40] ^ 4]) + data[41:],
        "truncated": data[:-1],
        "empty": b"",
        "fewer images": pack(Stream(whole.fingerprint, whole.split, 9, whole.payloads)),
        "more images": pack(Stream(whole.fingerprint, whole.split, 11, whole.payloads)),
        "another split": pack(Stream(whole.fingerprint, "test", 10, whole.payloads)),
        "two payloads": pack(Stream(whole.fingerprint, whole.split, 10, (*whole.payloads, b""))),
    }
    for name, content in bad.items():
        (tmp_path / "bad.rdc").write_bytes(content)
        with pytest.raises(StreamError):
            decompress(f"{trained}/{BASE}", tmp_path / "bad.rdc", tmp_path / "out.npy")
        assert not (tmp_path / "out.npy").exists(), name
    with pytest.raises(StreamError, match="was written by the sender"):
        decompress(f"{trained}/{OTHER}", tmp_path / "s.rdc", tmp_path / "out.npy")
    with pytest.raises(StreamError, match=r"gone.rdc cannot be read: No such file"):
        decompress(f"{trained}/{BASE}", tmp_path / "gone.rdc", tmp_path / "out.npy")


def test_a_codec_is_named_by_run_and_job(trained, tmp_path):
    with pytest.raises(StoreError, match=r"names no job of a run: write RUN/JOB"):
        rdcbench.load(str(tmp_path / "no" / "run"))
    with pytest.raises(
        RecipeError, match=r"There is no job 'rdc/tiny-end/classification=1/seed0'; there is: .*Did you mean"
    ):
        rdcbench.load(f"{trained}/rdc/tiny-end/classification=1/seed0")
    assert files.open_job(f"{trained}/{UNIVERSAL}").job.name == UNIVERSAL

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from rdcbench.page.pictures import IMAGES, TALLEST, Album, strip


@pytest.mark.parametrize(("shape", "mode"), [((1, 28, 28), "L"), ((3, 8, 8), "RGB"), ((2, 8, 8), "L")])
def test_a_strip_shows_the_first_images_pixel_by_pixel(shape, mode):
    images = np.random.default_rng(0).integers(0, 256, (15, *shape), dtype=np.uint8)
    picture = strip(images)
    assert (picture.size, picture.mode) == ((IMAGES * shape[2], shape[1]), mode)
    third = np.asarray(picture)[:, 2 * shape[2] : 3 * shape[2]]
    expected = images[2].transpose(1, 2, 0) if mode == "RGB" else images[2, 0]
    assert np.array_equal(third, expected)


def test_large_images_are_shown_smaller():
    assert strip(np.zeros((2, 3, 256, 128), dtype=np.uint8)).size == (TALLEST, TALLEST)


def test_a_strip_that_is_all_height_keeps_a_width():
    assert strip(np.zeros((1, 1, 3000, 1), dtype=np.uint8)).size == (1, TALLEST)


def test_equal_strips_are_kept_once_and_decode_to_themselves():
    album = Album()
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)
    pair = album.of_row(["a", "b"], {"b": {"sample_x": images, "sample_x_hat": 255 - images}})
    assert (pair, album.add(images)) == ([0, 1], 0)
    data = base64.b64decode(album.urls[1].partition(",")[2])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)))[:, :8], 255 - images[0, 0])
    assert album.of_row(["c"], {}) is None
    assert album.of_row(["d"], {"d": {"sample_x": images[0], "sample_x_hat": images}}) is None

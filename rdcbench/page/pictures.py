"""Sample images of rows as small PNG files inside the page, each kept once."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rdcbench.report.samples import sample_images

IMAGES = 10
"""Images of a strip."""
TALLEST = 64
"""Larger images are shown smaller, in pixels: the page has a size to keep."""


@dataclass
class Album:
    """Strips of images as data URLs; equal ones, such as the input of all rows, are kept once."""

    urls: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def add(self, images: npt.NDArray[Any]) -> int:
        """Keep [n, channels, height, width] of bytes as one strip; returns its number."""
        url = as_url(strip(images))
        if url not in self.places:
            self.places[url] = len(self.urls)
            self.urls.append(url)
        return self.places[url]

    def of_row(self, keys: Sequence[str], samples: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> list[int] | None:
        """Numbers of a row's strips, input and decoded, of its first seed that kept some; None if none did."""
        for key in keys:
            if (pair := sample_images(samples.get(key, {}), IMAGES)) is not None:
                return [self.add(images) for images in pair]
        return None


def strip(images: npt.NDArray[Any]) -> Image.Image:
    """The first images side by side without a gap; of two or more than three channels the first is shown."""
    few = images[:IMAGES].astype(np.uint8)
    colour = few.shape[1] == 3
    flat = few.transpose(2, 0, 3, 1) if colour else few[:, 0].transpose(1, 0, 2)
    picture = Image.fromarray(np.ascontiguousarray(flat.reshape(flat.shape[0], -1, *flat.shape[3:])))
    if picture.height > TALLEST:
        picture = picture.resize((max(1, round(picture.width * TALLEST / picture.height)), TALLEST))
    return picture


def as_url(picture: Image.Image) -> str:
    """A picture as a data URL."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

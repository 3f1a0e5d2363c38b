"""What tests of the frontier's parts share: pattern images, a classifier that sees them, and codecs of codebooks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import rdcbench
from rdcbench.codec import Codec, freeze
from rdcbench.conformance import samples, stand_ins

sys.path.insert(0, str(Path(__file__).parent))  # for `import decoding`

SHAPE = (1, 8, 8)


@pytest.fixture(scope="session")
def train():
    """Training images of ten classes, 60 each: patterns with noise, not all in one direction."""
    generator = torch.Generator().manual_seed(0)
    digit = torch.arange(600) % 10
    noise = 0.1 * torch.randn(600, *SHAPE, generator=generator)
    images = ((samples.patterns(SHAPE)[digit] + noise).clamp(0, 1) * 255).round().byte()
    return rdcbench.Split("train", images, {"digit": digit, "parity": digit % 2})


@pytest.fixture(scope="session")
def classifier():
    """The nearest pattern: right nearly always on these images."""
    found = stand_ins.Nearest(SHAPE)
    found.fit(samples.split(SHAPE), torch.Generator().manual_seed(0))
    freeze(found)
    return found


@pytest.fixture
def make_codec(train, classifier):
    """Give a fitted codec of parts: kind -> (name, options)."""
    parts = rdcbench.registry.load()

    def make(fit=True, split=train, **wanted):
        given = {
            "image_shape": SHAPE, "classes": {"digit": 10}, "classifier": classifier,
            "dimensions": wanted.pop("dimensions", 1), "levels": wanted.pop("levels", 12),
        }  # fmt: skip
        specs = {"encoder": "pixels", "decoder": "cell-means", "quantizer": "codebook", **wanted}
        built = {}
        for kind in ("encoder", "quantizer", "decoder"):
            name, options = (specs[kind], {}) if isinstance(specs[kind], str) else specs[kind]
            built[kind] = parts.build(kind, name, options, given)
        given |= {"alphabet": built["quantizer"].alphabet, "dither_points": built["quantizer"].dither_points}
        codec = Codec(**built, entropy_model=parts.build("entropy_model", "frequencies", {}, given), seed=5)
        if fit:
            codec.fit(split, torch.Generator().manual_seed(1))
            freeze(codec)
        return codec

    return make


LABELLED = {"encoder": "labelled-pixels"}
"""Parts of a codebook that minds labels."""

from __future__ import annotations

import io
import math

import pytest
import torch
from PIL import Image

from rdcbench import Context, PartError, StreamError
from rdcbench.codec import sender_fingerprint
from rdcbench_std.image_files import CODECS, Jpeg, Png, WebP

SHAPES = [(1, 8, 8), (3, 33, 20), (2, 16, 12)]


def images(shape, count=3):
    ramp = torch.linspace(0, 1, shape[-1]).expand(count, *shape)
    noise = torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))
    return ((0.8 * ramp + 0.2 * noise) * 255).round() / 255


def there_and_back(codec, x):
    context = Context(0, "test", torch.arange(len(x)))
    packet = codec.compress(x, context)
    return packet, codec.decompress(packet.payloads, context)


@pytest.mark.parametrize("codec", CODECS)
def test_they_keep_the_contract(codec, rdcbench_conformance):
    rdcbench_conformance("codec", codec.name)


@pytest.mark.parametrize("shape", SHAPES)
def test_lossless_formats_give_every_pixel_back(shape):
    x = images(shape)
    for codec in (Png(shape), WebP(shape, {}, lossless=True)):
        assert torch.equal(there_and_back(codec, x)[1], x)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [Jpeg, WebP])
def test_more_quality_costs_more_bytes_and_less_error(kind, shape):
    x = images(shape)
    low, high = (there_and_back(kind(shape, {"quality": quality}), x) for quality in (5, 95))
    assert low[0].bits.sum() < high[0].bits.sum()
    assert (low[1] - x).square().mean() > (high[1] - x).square().mean()


def test_a_payload_is_a_file_that_others_open_and_all_its_bytes_are_counted():
    x = images((3, 40, 24))
    packet, x_hat = there_and_back(Jpeg((3, 40, 24), {}), x)
    with Image.open(io.BytesIO(packet.payloads[0])) as image:
        assert image.size == (24, 40)
    assert packet.bits.tolist() == [8.0 * len(payload) for payload in packet.payloads]
    assert math.isinf(Jpeg((3, 40, 24), {}).rate_bound)
    assert x_hat.shape == x.shape


def test_jpeg_without_its_header_decodes_to_the_same_images_for_fewer_bytes():
    x = images((3, 40, 24))
    whole, bare = Jpeg((3, 40, 24), {}), Jpeg((3, 40, 24), {}, header=False)
    (with_head, first), (without, second) = there_and_back(whole, x), there_and_back(bare, x)
    assert torch.equal(first, second)
    assert len(whole.head()) > 600
    assert {len(a) - len(b) for a, b in zip(with_head.payloads, without.payloads, strict=True)} == {len(whole.head())}


def test_codecs_of_other_settings_have_other_fingerprints():
    made = [Jpeg((1, 8, 8), {}, quality=10), Jpeg((1, 8, 8), {}, quality=11), Jpeg((1, 8, 8), {}, header=False)]
    assert len({sender_fingerprint(codec) for codec in made}) == 3


@pytest.mark.parametrize("quality", [0, 101, 7.5])
def test_a_quality_that_cannot_be_is_refused(quality):
    with pytest.raises(PartError, match="a whole number from 1 to 100"):
        Jpeg((1, 8, 8), {"quality": quality})


def test_damaged_and_foreign_payloads_are_refused():
    context = Context(0, "test", torch.arange(1))
    codec = Png((1, 8, 8))
    other = Png((1, 9, 8)).compress(images((1, 9, 8), 1), context).payloads
    for payloads in ([b""], [b"no file"], other, WebP((1, 8, 8), {}).compress(images((1, 8, 8), 1), context).payloads):
        with pytest.raises(StreamError):
            codec.decompress(payloads, context)
    with pytest.raises(StreamError, match="1 images were asked for"):
        codec.decompress([], context)

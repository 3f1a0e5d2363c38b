"""Entropy coding alone, and whole codecs of the default preset from images to bytes and back: 10,000 test images.

    pytest benchmarks/speed/test_coding.py --benchmark-only

`extra_info` gives images a second at the median. The coder works on symbols at (3, 3), as many as keep it busy for a
tenth of a second; its tables are those of the training split.
"""

import pytest
import torch
from subjects import fitted, job, split

from rdcbench.records import Context

CODECS = {"dense decoder": ("rdc", {"classification": 0.0}), "convolutional decoder": ("rdp-zero", {"perception": 0.0})}
COPIES = 20


@pytest.fixture(scope="module", params=CODECS)
def codec(request):
    return fitted(job(*CODECS[request.param]))


@pytest.fixture(scope="module")
def context(codec):
    return codec.context(torch.arange(len(split("test"))), "test")


@pytest.fixture(scope="module")
def coder():
    """(entropy model, symbols, dither) of COPIES test splits, each with a dither of its own."""
    codec, test = fitted(job("rdc", {"classification": 0.0})), split("test")
    latents = codec.latents(test)
    dithers = [
        codec.quantizer.dither(Context(codec.seed, "test", torch.arange(len(test)), draw)) for draw in range(COPIES)
    ]
    symbols = torch.cat([codec.quantizer.quantize(latents, dither) for dither in dithers])
    return codec.entropy_model, symbols, torch.cat(dithers)


def note(benchmark, images):
    if benchmark.stats:  # None where benchmarks are switched off
        benchmark.extra_info["images a second"] = round(images / benchmark.stats.stats.median)


def test_entropy_coding(benchmark, coder):
    model, symbols, dither = coder
    benchmark.pedantic(model.encode, args=(symbols, dither), rounds=7, warmup_rounds=1)
    note(benchmark, len(symbols))


def test_entropy_decoding(benchmark, coder):
    model, symbols, dither = coder
    payload = model.encode(symbols, dither)
    decoded = benchmark.pedantic(model.decode, args=(payload, dither), rounds=7, warmup_rounds=1)
    note(benchmark, len(symbols))
    assert torch.equal(decoded, symbols)


def test_compress(benchmark, codec, context):
    x = split("test").batch(context.index).x
    benchmark.pedantic(codec.compress, args=(x, context), rounds=7, warmup_rounds=1)
    note(benchmark, len(x))


def test_decompress(benchmark, codec, context):
    x = split("test").batch(context.index).x
    payloads = codec.compress(x, context).payloads
    decoded = benchmark.pedantic(codec.decompress, args=(payloads, context), rounds=7, warmup_rounds=1)
    note(benchmark, len(x))
    assert decoded.shape == x.shape

from __future__ import annotations

import pytest
import torch

import rdcbench
from rdcbench.errors import PartError, StreamError
from rdcbench_frontier.linear import Identity, LeastSquares, PrincipalComponents

SHAPE = (1, 8, 8)


def test_components_are_scikit_learns_over_their_deviation(train):
    from sklearn.decomposition import PCA

    pixels = train.batch(torch.arange(len(train))).x
    part = PrincipalComponents(SHAPE, 3, reach=100.0)
    part.fit(train, lambda index: train.batch(index).x, torch.Generator())
    theirs = torch.from_numpy(PCA(3, whiten=True).fit_transform(pixels.flatten(1).numpy())).float() / 100
    assert torch.allclose(part(pixels).abs(), theirs.abs(), rtol=2e-2, atol=1e-4)


def test_components_stay_in_the_quantizers_range(train):
    part = PrincipalComponents(SHAPE, 3)
    part.fit(train, lambda index: train.batch(index).x, torch.Generator())
    latent = part(train.batch(torch.arange(len(train))).x)
    assert latent.abs().max() == 1.0
    assert 0.01 < float((latent.abs() == 1).float().mean()) < 0.6


def test_least_squares_finds_an_affine_map_that_is_there(train):
    x = train.batch(torch.arange(len(train))).x.flatten(1)
    received = torch.cat([x, torch.randn(len(x), 2, generator=torch.Generator().manual_seed(0))], 1)
    part = LeastSquares(SHAPE)
    part.fit(train, lambda index: received[index], torch.Generator())
    assert torch.allclose(part(received, rdcbench.Context(0, "train", torch.arange(len(x)))).flatten(1), x, atol=1e-3)


@pytest.mark.parametrize(("dimensions", "reach"), [(0, 1.0), (65, 1.0), (2, 0.0)])
def test_components_that_cannot_be_are_refused(dimensions, reach):
    with pytest.raises(PartError, match="Principal components were asked for with"):
        PrincipalComponents(SHAPE, dimensions, reach)


def test_identity_gives_the_very_bytes_back_at_8_bits_a_sample(train):
    codec, x = Identity(SHAPE), train.batch(torch.arange(5)).x
    context = rdcbench.Context(0, "test", torch.arange(5))
    packet = codec.compress(x, context)
    assert torch.equal(codec.decompress(packet.payloads, context), x)
    assert packet.bits.tolist() == [512.0] * 5
    assert codec.rate_bound == 512.0
    with pytest.raises(StreamError, match="256 bytes were expected for 4 images; the stream has 320 in 1 payloads"):
        codec.decompress(packet.payloads, rdcbench.Context(0, "test", torch.arange(4)))

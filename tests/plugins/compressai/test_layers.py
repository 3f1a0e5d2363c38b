from __future__ import annotations

import pytest
import torch

from rdcbench import Context, PartError
from rdcbench.benchmarks import find_recipe
from rdcbench.loading import read_toml
from rdcbench_compressai.layers import LayerDecoder, LayerEncoder, keep_scale
from rdcbench_compressai.names import ACTIVATIONS, LAYERS, build_layer
from rdcbench_compressai.photographs import Photographs

UPWARDS = {"deconv", "subpel_conv3x3", "ResidualBlockUpsample"}


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_they_keep_the_contract(kind, rdcbench_conformance):
    rdcbench_conformance(kind, "compressai-layers")


@pytest.mark.parametrize("name", [*LAYERS, *ACTIVATIONS])
def test_every_layer_can_be_named(name):
    options = {"r": 2} if name == "subpel_conv3x3" else {}
    out = build_layer(name, 8, options)(torch.rand(1, 8, 8, 8))
    assert out.shape[1] == 8
    assert (out.shape[2] == 16) == (name in UPWARDS)


def test_layers_of_a_recipe_are_built_one_after_the_other():
    layers = [{"name": "conv", "channels": 12}, {"name": "AttentionBlock"}, {"name": "GDN"}, {"name": "ReLU"}]
    encoder = LayerEncoder((3, 32, 32), 5, layers)
    assert [type(layer).__name__ for layer in encoder.layers] == ["Conv2d", "AttentionBlock", "GDN", "ReLU"]
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, 5)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 18)])
def test_a_decoder_gives_the_image_s_shape_whatever_its_layers_make(shape):
    x_hat = LayerDecoder(shape, 4)(torch.rand(2, 4), Context(0, "test", torch.arange(2)))
    assert x_hat.shape == (2, *shape)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([{"name": "GDM"}], "Did you mean 'GDN'"),
        ([{"name": "GDN", "channels": 4}], "leave `channels` out"),
        ([{"name": "conv", "chanels": 4}], "Did you mean 'channels'"),
        (["GDN"], "A layer is a table with a name"),
    ],
)
def test_a_wrong_layer_is_answered_with_a_sentence(layers, words):
    with pytest.raises(PartError, match=words):
        LayerEncoder((3, 6, 6), 4, layers)


def test_a_decoder_s_layers_must_not_make_maps_smaller():
    with pytest.raises(PartError, match="name deconv, not conv"):
        LayerDecoder((3, 8, 8), 4, [{"name": "conv"}])


@pytest.mark.parametrize(
    ("name", "options"), [("conv", {}), ("conv3x3", {}), ("conv1x1", {}), ("deconv", {}), ("subpel_conv3x3", {"r": 2})]
)
def test_a_layer_gives_out_the_root_mean_square_that_it_gets(name, options):
    torch.manual_seed(0)
    layer = build_layer(name, 64, {**options, "channels": 64})
    keep_scale(layer)
    out = layer(torch.randn(4, 64, 32, 32))[..., 4:-4, 4:-4]  # at the edge some inputs are missing
    assert float(out.detach().square().mean().sqrt()) == pytest.approx(1.0, abs=0.1)


@pytest.fixture(scope="module")
def untrained():
    """The encoder and the decoder of the benchmark, and every tenth of its test images."""
    torch.manual_seed(0)
    raw = read_toml(find_recipe("photographs"))
    options = [{key: value for key, value in raw[kind].items() if key != "name"} for kind in ("encoder", "decoder")]
    images = Photographs(size=64).load(None, "test").batch(torch.arange(0, 142, 10)).x
    shape = tuple(images.shape[1:])
    return LayerEncoder(shape, 256, **options[0]), LayerDecoder(shape, 256, **options[1]), images


def test_an_untrained_encoder_tells_images_apart_beyond_the_dither(untrained):
    encoder, _, images = untrained
    half_a_step = 1 / 15  # of 16 levels on [-1, 1]
    latent = encoder(images).detach()
    assert float(latent.std(0).median()) > half_a_step
    assert float((latent.abs() > 0.95).float().mean()) < 0.05


def test_an_untrained_decoder_listens(untrained):
    _, decoder, _ = untrained
    received = 2 * torch.rand(8, 256) - 1
    x_hat = decoder(received, Context(0, "test", torch.arange(8))).detach()
    assert float(x_hat.std(0).mean()) > 0.02


def test_gradients_reach_the_encoder_s_first_layer(untrained):
    encoder, decoder, images = untrained
    x_hat = decoder(encoder(images), Context(0, "test", torch.arange(len(images))))
    (x_hat - images).square().mean().backward()
    first, last = encoder.layers[0].weight.grad.norm(), decoder.last.weight.grad.norm()
    assert float(first / last) > 0.1

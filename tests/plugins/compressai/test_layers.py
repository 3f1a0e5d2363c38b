from __future__ import annotations

import pytest
import torch

from rdcbench import Context, PartError
from rdcbench_compressai.layers import LayerDecoder, LayerEncoder
from rdcbench_compressai.names import ACTIVATIONS, LAYERS, build_layer

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

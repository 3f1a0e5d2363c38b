"""Decoders make images in [0, 1] and the paper's has the paper's layers."""

import pytest
import torch
from torch import nn

from rdcbench import Context
from rdcbench_mnist.decoders import ConvDecoder, MlpDecoder, PaperDecoder

CONTEXT = Context(0, "test", torch.arange(4))


@pytest.mark.parametrize(
    "decoder", [make((1, 28, 28), 3) for make in (MlpDecoder, ConvDecoder, PaperDecoder)], ids=lambda d: d.name
)
def test_images_have_the_data_sets_shape_and_range(decoder: nn.Module) -> None:
    x_hat = decoder(torch.rand(4, 3) * 2 - 1, CONTEXT)
    assert x_hat.shape == (4, 1, 28, 28)
    assert 0 <= float(x_hat.detach().min()) <= float(x_hat.detach().max()) <= 1


def test_the_papers_layers() -> None:
    decoder = PaperDecoder((1, 28, 28), 3)
    kernels = [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0])
        for layer in decoder.convolutions
        if isinstance(layer, nn.ConvTranspose2d)
    ]
    assert kernels == [(32, 64, 5, 2), (64, 128, 5, 2), (128, 1, 4, 1)]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in decoder.convolutions) == 2
    with_last = PaperDecoder((1, 28, 28), 3, last_batchnorm=True)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in with_last.convolutions) == 3


def test_an_untrained_decoder_starts_near_its_starting_value() -> None:
    x_hat = MlpDecoder((1, 28, 28), 3, batch_norm=False, start=0.1)(torch.zeros(4, 3), CONTEXT)
    assert float(x_hat.detach().mean()) == pytest.approx(0.1, abs=0.02)


def test_the_papers_decoder_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="1x28x28"):
        PaperDecoder((1, 8, 8), 3)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 24)])
def test_the_convolutional_decoder_makes_any_images_of_multiples_of_four(shape):
    decoder = ConvDecoder(shape, 5, hidden=[16], widths=[8, 4])
    assert decoder(torch.randn(2, 5), CONTEXT).shape == (2, *shape)


@pytest.mark.parametrize("options", [{"image_shape": (1, 10, 8)}, {"widths": [8]}])
def test_the_convolutional_decoder_refuses_what_it_cannot_make(options):
    with pytest.raises(ValueError, match=r"multiples of 4|must be two"):
        ConvDecoder(**{"image_shape": (1, 8, 8), "dimensions": 3, **options})


def test_the_convolutional_decoder_starts_near_the_pixel_value_asked_for():
    assert ConvDecoder((1, 28, 28), 3, start=0.1)(torch.zeros(4, 3), CONTEXT).mean().item() == pytest.approx(
        0.1, abs=0.03
    )

"""Encoders end in tanh and have the paper's layers at the paper's widths."""

import torch
from torch import nn

from rdcbench_mnist.encoders import MlpEncoder


def test_latents_lie_between_minus_one_and_one() -> None:
    latent = MlpEncoder((1, 28, 28), 3)(torch.rand(16, 1, 28, 28) * 100)
    assert latent.shape == (16, 3)
    assert float(latent.detach().abs().max()) <= 1.0


def test_the_papers_widths_give_the_papers_encoder() -> None:
    encoder = MlpEncoder((1, 28, 28), 3, widths=(512, 256, 128, 128))
    dense = [(layer.in_features, layer.out_features) for layer in encoder.layers if isinstance(layer, nn.Linear)]
    assert dense == [(784, 512), (512, 256), (256, 128), (128, 128), (128, 3)]
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in encoder.layers) == 5
    assert isinstance(encoder.layers[-1], nn.Tanh)

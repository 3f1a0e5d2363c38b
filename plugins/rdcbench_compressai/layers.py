"""Encoders and decoders of CompressAI's layers, named in the recipe one after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import torch
from torch import Tensor, nn

from rdcbench import Context, Decoder, Encoder, PartError
from rdcbench_compressai.names import build_layer

Layers = Sequence[Mapping[str, Any]]

ANALYSIS: Final[Layers] = ({"name": "conv", "channels": 32}, {"name": "GDN"}, {"name": "conv", "channels": 32})
SYNTHESIS: Final[Layers] = ({"name": "deconv"}, {"name": "GDN", "inverse": True}, {"name": "deconv"})


def stack(layers: Layers, channels: int) -> nn.Sequential:
    """Build layers one after the other; PartError names a table without a layer."""
    made: list[nn.Module] = []
    for table in layers:
        if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
            raise PartError(f'A layer is a table with a name, such as {{ name = "GDN" }}; {table!r} is none.')
        made.append(build_layer(table["name"], channels, {key: value for key, value in table.items() if key != "name"}))
        channels = int(_shape(made[-1:], channels, 16, 16)[0])
    return nn.Sequential(*made)


@torch.no_grad()
def _shape(layers: Sequence[nn.Module], channels: int, height: int, width: int) -> torch.Size:
    """Shape of what layers make of a blank image."""
    blank = torch.zeros(1, channels, height, width)
    for layer in layers:
        blank = layer(blank)
    return blank.shape[1:]


def keep_scale(part: nn.Module) -> None:
    """Draw the weights anew, so that every linear layer gives out about the root mean square that it gets.

    Normal weights of variance 1 / (inputs that reach an output), biases 0 (LeCun et al. 1998, sec. 4.6). torch's own
    take a third of that variance, and for a transposed convolution of stride 2 a twelfth. Ten such layers in a row
    leave of an image less than the dither, so that encoders learn to say the same of all images before decoders listen.
    """
    for layer in part.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            inputs: float = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):  # [in, out / groups, height, width]; a stride spreads them out
                inputs = layer.weight[:, 0].numel() / layer.groups / math.prod(layer.stride)
            nn.init.normal_(layer.weight, 0.0, inputs**-0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@final
class LayerEncoder(Encoder):
    """CompressAI's layers by name -> linear map -> tanh.

    Parameters
    ----------
    image_shape, dimensions: given.
    layers: tables with the `name` of a layer, `channels` that come out, and the layer's own options.
    """

    name = "compressai-layers"

    def __init__(self, image_shape: Sequence[int], dimensions: int, layers: Layers = ANALYSIS) -> None:
        super().__init__()
        self.layers = stack(layers, image_shape[0])
        self.map = nn.Linear(_shape([*self.layers], *image_shape).numel(), dimensions)
        keep_scale(self)

    def forward(self, x: Tensor) -> Tensor:
        """[n, *image_shape] -> [n, dimensions] in [-1, 1]."""
        return torch.tanh(self.map(self.layers(x).flatten(1)))


@final
class LayerDecoder(Decoder):
    """Linear map -> `start` maps -> CompressAI's layers by name -> conv3x3 to the image's channels -> sigmoid.

    Parameters
    ----------
    image_shape, dimensions: given.
    layers: as in the encoder of this name; what is larger than the image is cut.
    start: maps before the first layer.
    """

    name = "compressai-layers"

    def __init__(
        self, image_shape: Sequence[int], dimensions: int, layers: Layers = SYNTHESIS, start: int = 32
    ) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.layers = stack(layers, start)
        channels, grown, _ = _shape([*self.layers], start, 8, 8)
        if grown % 8:
            raise PartError("The layers of a decoder must make maps larger by a whole number; name deconv, not conv.")
        self.start = (start, *(-(-side // (grown // 8)) for side in self.image_shape[1:]))
        self.map = nn.Linear(dimensions, start * self.start[1] * self.start[2])
        self.last = build_layer("conv3x3", int(channels), {"channels": self.image_shape[0]})
        keep_scale(self)

    def forward(self, received: Tensor, context: Context) -> Tensor:  # noqa: ARG002
        """[n, dimensions] -> [n, *image_shape]."""
        maps = self.layers(self.map(received).view(-1, *self.start))
        x_hat: Tensor = torch.sigmoid(self.last(maps))[..., : self.image_shape[1], : self.image_shape[2]]
        return x_hat


ENCODERS: Final[tuple[type[Encoder], ...]] = (LayerEncoder,)
DECODERS: Final[tuple[type[Decoder], ...]] = (LayerDecoder,)

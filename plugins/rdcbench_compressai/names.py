"""CompressAI's names: models of its registry, layers of its modules; imported when first asked for, and quietly."""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final

from torch import nn

from rdcbench import PartError, unknown

NOT_IMAGES: Final = ("-pcc-", "ssf2020", "-vbr")
"""Point clouds, video, and models of variable rate, whose training is another one."""

LAYERS: Final = (
    "AttentionBlock", "GDN", "GDN1", "ResidualBlock", "ResidualBlockUpsample", "ResidualBlockWithStride",
    "conv", "conv1x1", "conv3x3", "deconv", "subpel_conv3x3",
)  # fmt: skip
ACTIVATIONS: Final = ("GELU", "LeakyReLU", "ReLU")
_CHANNELS: Final = ("in_channels", "in_ch", "N")
"""What CompressAI's layers call the channels that come in."""
_OUT: Final = ("out_channels", "out_ch")


def quiet(module: str) -> Any:
    """Import a module of compressai without the deprecation warnings that its import gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


def model_names() -> list[str]:
    """The registered models that code images, those that a plugin registered included."""
    quiet("compressai.models")
    registered = quiet("compressai.registry").MODELS
    return sorted(name for name in registered if not any(part in name for part in NOT_IMAGES))


def modules_of_model(name: str) -> Iterable[str]:
    """The modules that define a model which another package or a plugin file registered, its bases' included."""
    registry = sys.modules.get("compressai.registry")  # nobody has registered a model where it is not imported
    made = registry.MODELS.get(name) if registry else None
    for base in inspect.getmro(made) if inspect.isclass(made) else ():
        if base.__module__.partition(".")[0] not in ("compressai", "torch", "builtins"):
            yield base.__module__


def build_model(name: str, channels: Mapping[str, int]) -> nn.Module:
    """Build a registered model from N, and M where it has one; PartError for a name that is not registered."""
    if name not in model_names():
        raise PartError(unknown("image model of CompressAI", name, model_names()))
    made = quiet("compressai.registry").MODELS[name]
    known = inspect.signature(made).parameters
    model: nn.Module = made(**{key: value for key, value in channels.items() if key in known})
    return model


def preset_channels(name: str, quality: int) -> dict[str, int]:
    """N and M of one of the zoo's qualities; PartError where the zoo has none."""
    presets: Mapping[int, tuple[int, ...]] = quiet("compressai.zoo.image").cfgs.get(name, {})
    if not presets:
        raise PartError(f"CompressAI's zoo has no qualities of {name!r}; give N and M instead of quality.")
    if quality not in presets:
        raise PartError(unknown(f"quality of {name!r}", str(quality), [str(known) for known in presets]))
    return dict(zip(("N", "M"), presets[quality], strict=False))


def build_layer(name: str, channels: int, options: Mapping[str, Any]) -> nn.Module:
    """Build a layer that takes so many channels: one of CompressAI's, or an activation of torch.

    `channels` of the options is how many come out, where a layer can change that; the other options are the layer's.
    """
    if name in ACTIVATIONS:
        made = getattr(nn, name)
    elif name in LAYERS:
        made = next(
            found for module in ("compressai.layers", "compressai.layers.layers", "compressai.models.utils")
            if (found := getattr(quiet(module), name, None))
        )  # fmt: skip
    else:
        raise PartError(unknown("layer of CompressAI", name, [*LAYERS, *ACTIVATIONS]))
    known = list(inspect.signature(made).parameters)
    given = {key: channels for key in known if key in _CHANNELS}
    out = next((key for key in known if key in _OUT), None)
    if out:
        given[out] = options.get("channels", channels)
    own = {key: value for key, value in options.items() if key != "channels"}
    allowed = [key for key in known if key not in given]
    for key in own:
        if key not in allowed:
            raise PartError(
                unknown(f"option of the layer {name!r} named", key, [*allowed, *(["channels"] * bool(out))])
            )
    if "channels" in options and not out:
        raise PartError(
            f"The layer {name!r} gives as many channels as it takes, here {channels}; leave `channels` out."
        )
    layer: nn.Module = made(**given, **own)
    return layer

"""Networks that compute in bfloat16 while they train; their weights, coding and measuring stay in float32.

Such a network is built as a subclass of its class whose forward pass, and a critic's loss, run in autocast on whatever
device their input is on. Backward passes follow the types of the forward ones. The subclass has the same parameters,
state and name, so that its weights load where float32 ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache, wraps
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"encoder": ("forward",), "decoder": ("forward",), "critic": ("forward", "loss")}
)
"""Kinds of networks that a training may compute in bfloat16, and what of them."""


@cache
def in_bfloat16(kind: str, target: type[nn.Module]) -> type[nn.Module]:
    """The subclass that computes in bfloat16 while it trains and a gradient is asked for, and gives float32.

    In evaluation mode, or without gradient, it is `target` bit for bit: so are the latents of a frozen encoder, tables,
    streams, decoded images and all that is measured.
    """
    methods = {name: _while_training(getattr(target, name)) for name in METHODS[kind]}
    return type(target.__name__, (target,), {"__module__": target.__module__, "__doc__": target.__doc__, **methods})


def _while_training(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(method)
    def run(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        with _autocast(self, [*given, *named.values()]):
            return method(self, *given, **named).float()

    return run


def _autocast(module: nn.Module, given: list[Any]) -> AbstractContextManager[Any]:
    """Autocast on the device of the first tensor, or nothing.

    Without its cache of weights: one that outlives a step trains on weights of the past, and one that was filled
    without gradient gives none.
    """
    if not (module.training and torch.is_grad_enabled()):
        return nullcontext()
    device = next(tensor.device.type for tensor in given if isinstance(tensor, Tensor))
    return torch.autocast(device, torch.bfloat16, cache_enabled=False)

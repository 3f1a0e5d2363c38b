"""One part on the bench: how it is built, made ready and run, so that contracts need not know its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rdcbench.codec import freeze
from rdcbench.conformance import samples, stand_ins
from rdcbench.conformance.contract import Broken, NotJudged
from rdcbench.errors import PartError
from rdcbench.interfaces import Fitted
from rdcbench.recipe import Training
from rdcbench.registry import Entry, Registry
from rdcbench.rng import generator

SHAPES: tuple[samples.Shape, ...] = ((1, 8, 8), (1, 28, 28), (3, 32, 32))
"""Shapes of the images that parts are tried on: the first one that a part can be built for."""

Tensors = dict[str, Tensor]


class Trial(ABC):
    """How parts of one kind are tried: what they are given, and what they give, for the contracts of all kinds."""

    movable = True
    """Whether parts of this kind work on the device of their input."""

    def given(self, case: Case) -> dict[str, Any]:
        """What the harness fills in when it builds a part of this kind."""
        return {"image_shape": case.shape, "classes": samples.CLASSES}

    def ready(self, case: Case, part: Any, seed: int) -> Any:  # noqa: ARG002
        """Fit a part that was just built, where its kind is fitted."""
        return part

    @abstractmethod
    def inputs(self, case: Case) -> Tensors:
        """What the part is called with; new tensors with one row for each image."""

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """What the part gives for each image, rows as in the inputs."""
        return {}

    def whole(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """What the part gives for all images together."""
        return {}

    def run(self, case: Case, part: Any, inputs: Tensors) -> Tensors:
        """All that the part gives."""
        return {**self.per_image(case, part, inputs), **self.whole(case, part, inputs)}


class NetworkTrial(Trial):
    """Parts of a codec: they know the study's rate and the classifier."""

    def given(self, case: Case) -> dict[str, Any]:
        """What the harness fills in for networks."""
        return {
            **super().given(case),
            "dimensions": samples.DIMENSIONS,
            "levels": samples.LEVELS,
            "tradeoff": {},
            "training": Training(steps=10, batch=32, learning_rate=1e-3),
            "classifier": stand_ins.Nearest(case.shape).to(case.device),
        }

    def ready(self, case: Case, part: Any, seed: int) -> Any:
        """Fit a part that is fitted instead of trained."""
        if isinstance(part, Fitted):
            part.fit(samples.split(case.shape), lambda index: self.seen(case, index), generator("fit", seed))
        return part

    def seen(self, case: Case, index: Tensor) -> Tensor:
        """What this part is given of the training images `index`."""
        return samples.split(case.shape).batch(index).x


@dataclass
class Case:
    """A part with the images it is tried on."""

    entry: Entry
    registry: Registry
    trial: Trial
    options: Mapping[str, Any] = field(default_factory=dict)
    shape: samples.Shape = SHAPES[0]
    device: str = "cpu"
    memory: dict[str, Any] = field(default_factory=dict)
    """What was computed once for several contracts."""

    def build(self, seed: int = 0, device: str = "cpu") -> Any:
        """Build the part with weights drawn from a seed, as the harness does."""
        self.device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            part = self.registry.build(
                self.entry.kind, f"{self.entry.owner}/{self.entry.name}", self.options, self.trial.given(self)
            )
        self.device = "cpu"
        return part.to(device) if isinstance(part, nn.Module) else part

    def fresh(self, seed: int = 0) -> Any:
        """Build the part, fit it if its kind is fitted, and freeze it."""
        part = self.trial.ready(self, self.build(seed), seed)
        if isinstance(part, nn.Module):
            freeze(part)
        return part

    def ready(self, seed: int = 0) -> Any:
        """A fresh part, made once for all contracts that only look at it."""
        return self.once(f"ready {seed}", lambda: self.fresh(seed))

    def once(self, name: str, compute: Callable[[], Any]) -> Any:
        """Compute something for the first contract that asks for it."""
        if name not in self.memory:
            self.memory[name] = compute()
        return self.memory[name]

    def run(self, part: Any, inputs: Tensors | None = None) -> Tensors:
        """Everything that the part gives, without gradients."""
        with torch.no_grad():
            return self.trial.run(self, part, self.trial.inputs(self) if inputs is None else inputs)

    def fits(self) -> bool:
        """Take the first shape that the part can be built for; PartError of the first one if there is none."""
        errors = []
        for shape in SHAPES:
            self.shape = shape
            try:
                self.build()
            except PartError as error:
                errors.append(error)
            else:
                return True
        raise errors[0]


def rows(inputs: Tensors, index: Tensor) -> Tensors:
    """Some rows of all inputs."""
    return {name: value[index] for name, value in inputs.items()}


def same(first: Tensor, second: Tensor, tolerance: float = 1e-5) -> bool:
    """Whether two results agree in shape and, up to rounding, in value."""
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if not first.is_floating_point():
        return torch.equal(first, second)
    size = max(1.0, float(first.abs().nan_to_num(0, 0, 0).max())) if first.numel() else 1.0
    return torch.allclose(first, second, rtol=0, atol=tolerance * size, equal_nan=True)


def difference(first: Tensors, second: Tensors, tolerance: float = 1e-5) -> str:
    """The first result in which two runs differ, in words; "" if there is none."""
    for name, value in first.items():
        other = second.get(name)
        if other is None:
            return f"{name} was given only once"
        if value.shape != other.shape:
            return f"{name} has shape {list(value.shape)} once and {list(other.shape)} once"
        if not same(value, other, tolerance):
            gap = (value.double() - other.double()).abs().nan_to_num(float("inf")).max()
            return f"{name} differs by up to {float(gap):.3g}"
    return ""


@contextmanager
def only_device_errors() -> Iterator[None]:
    """On the device `meta` nothing has a value; only what it says of mixed devices tells something about the part."""
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        if any(words in str(error) for words in ("same device", "expected device", "two devices")):
            raise Broken(f"{str(error).splitlines()[0]}.") from error
        raise NotJudged("its work cannot be tried without values") from error

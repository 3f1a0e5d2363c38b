"""Contracts of all kinds whose parts are called with images, latents or symbols."""

from __future__ import annotations

import json
import pickle
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import nn

from rdcbench.codec import fingerprint, freeze, load_state
from rdcbench.conformance.case import Case, Tensors, difference, only_device_errors, rows
from rdcbench.conformance.contract import NotJudged, contract, expect
from rdcbench.versions import version_of


@contract(
    "described",
    says="A part has a docstring whose first line says what it is; `rdcbench list` shows it.",
    mend="write a docstring under the class.",
)
def described(case: Case) -> None:
    """First line of the docstring."""
    own = case.entry.target.__doc__ or ""
    expect(own.strip(), f"{case.entry.target.__name__} has no docstring of its own.")


@contract(
    "worker",
    says="A worker process builds a part again: its class is importable, and its options are plain values.",
    mend="define the class at the top of a module, not inside a function.",
)
def worker(case: Case) -> None:
    """Class by reference, options through JSON, and a version."""
    try:
        again = pickle.loads(pickle.dumps(case.entry.target))
        version_of(case.entry.kind, f"{case.entry.owner}/{case.entry.name}", case.registry, case.options)
    except (pickle.PicklingError, AttributeError, ImportError, OSError, TypeError) as error:
        expect(False, f"The class cannot be found again by its name: {error}.")
    expect(again is case.entry.target, "Its name leads to another class.")
    expect(json.loads(json.dumps(case.options)) == dict(case.options), f"The options {case.options} are not plain.")


@dataclass(frozen=True)
class Trace:
    """One run of a part: what it gave, which inputs and generators it touched, and whether its state moved."""

    results: Tensors
    written: list[str]
    drawn: list[str]
    moved: bool


def first(case: Case) -> Trace:
    """The first run of the part that contracts share; fits and judges take time, so it is made once."""
    trace: Trace = case.once("first", lambda: _traced(case, case.ready(), _states()))
    return trace


def second(case: Case) -> Trace:
    """The run of an equal part, built anew while the global generators stand elsewhere; made once."""

    def run() -> Trace:
        part = case.build()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            before = _states()
            return _traced(case, _frozen(case.trial.ready(case, part, 0)), before)

    trace: Trace = case.once("second", run)
    return trace


def _traced(case: Case, part: Any, generators: dict[str, object]) -> Trace:
    """Run a part; generators: the states of the global ones that those after it are compared with."""
    given = case.trial.inputs(case)
    before, state = {name: value.clone() for name, value in given.items()}, _fingerprint(part)
    results = {name: value.clone() for name, value in case.run(part, given).items()}
    written = [name for name, value in given.items() if not torch.equal(value, before[name])]
    drawn = [name for name, there in _states().items() if there != generators[name]]
    return Trace(results, written, drawn, _fingerprint(part) != state)


def _frozen(part: Any) -> Any:
    if isinstance(part, nn.Module):
        freeze(part)
    return part


def _fingerprint(part: Any) -> object:
    return fingerprint([part]) if isinstance(part, nn.Module) else ""


def _states() -> dict[str, object]:
    numpy_state = np.random.get_state(legacy=False)
    return {
        "torch": torch.random.get_rng_state().numpy().tobytes(),
        "numpy": repr(numpy_state),
        "random": random.getstate(),
    }


@contract(
    "finite",
    says="What a part gives is finite.",
    mend="look for logarithms and roots of 0, and for divisions by 0.",
)
def finite(case: Case) -> None:
    """No NaN and no infinity."""
    for name, value in first(case).results.items():
        expect(bool(torch.isfinite(value.double()).all()), f"{name} has values that are not finite.")


@contract(
    "inputs",
    says="A part leaves the tensors it is given as they are; others read them too.",
    mend="work on copies: x.clone(), and no method that ends in _ on an input.",
)
def inputs(case: Case) -> None:
    """All inputs before and after."""
    changed = first(case).written
    expect(not changed, f"It wrote into {', '.join(changed)}.")


@contract(
    "own randomness",
    says="A part draws from the generator it is given, or from rdcbench.generator; never from a global one.",
    mend="pass generator=... to torch.rand and its like, or use the shared randomness of the context.",
)
def own_randomness(case: Case) -> None:
    """The states of the global generators before and after fitting and running."""
    for name in second(case).drawn:
        expect(False, f"The global generator of {name} was used.")


@contract(
    "repeatable",
    says="Equal seeds give equal results, whatever the program did before.",
    mend="draw all randomness from the given generator, and keep no memory of earlier calls.",
)
def repeatable(case: Case) -> None:
    """Two equal parts, with different global seeds."""
    gap = difference(first(case).results, second(case).results)
    expect(not gap, f"Two equal parts gave unlike results: {gap}.")


@contract(
    "neighbours",
    says="The result for an image does not depend on the batch it stands in, nor on the size of the batch.",
    mend="use no statistics of the batch in evaluation mode, and keep the batch dimension (no bare squeeze()).",
)
def neighbours(case: Case) -> None:
    """All rows at once against pieces of 1, 4 and the rest."""
    given = case.trial.inputs(case)
    part = case.ready()
    with torch.no_grad():
        at_once = case.trial.per_image(case, part, given)
        count = len(next(iter(given.values())))
        pieces = [
            case.trial.per_image(case, part, rows(given, index)) for index in torch.arange(count).tensor_split((1, 5))
        ]
    for name, value in at_once.items():
        parts = [piece[name] for piece in pieces]
        shapes = [list(piece.shape) for piece in parts]
        expect(all(piece.ndim == value.ndim for piece in parts), f"{name} has shapes {shapes} for 1, 4 and more rows.")
        gap = difference({name: value}, {name: torch.cat(parts)}, tolerance=1e-4)
        expect(not gap, f"Split into pieces of 1, 4 and more images, {gap}.")


@contract(
    "still",
    says="A frozen part does not change its state when it is used.",
    mend="update buffers in training mode only (self.training), and let eval() reach all layers.",
)
def still(case: Case) -> None:
    """The fingerprint of parameters and buffers before and after."""
    expect(not first(case).moved, "Its parameters or buffers changed while it was frozen.")


@contract(
    "saved",
    says="What a part learned is its state: loaded into a part built anew, it gives the same results.",
    mend="keep what is learned in parameters or buffers (register_buffer), not in attributes.",
)
def saved(case: Case) -> None:
    """Through the bytes of safetensors into a part of another seed."""
    part = case.ready()
    tensors = {name: value.contiguous() for name, value in part.state_dict().items()}
    loaded = safetensors.load(safetensors.save(tensors))
    other = case.build(seed=1)
    load_state(other, loaded)
    freeze(other)
    gap = difference(first(case).results, case.run(other))
    expect(not gap, f"After saving and loading, {gap}.")


@contract(
    "device",
    says="A part works on the device of its input.",
    mend="make new tensors with device=x.device, move those of a context with .to(x.device), register constants "
    "as buffers.",
)
def device(case: Case) -> None:
    """On `meta`, where no tensor of another device may take part."""
    if not case.trial.movable:
        raise NotJudged("parts of this kind work on the processor")
    given = {name: value.to("meta") for name, value in case.trial.inputs(case).items()}
    part = case.build(device="meta")
    if isinstance(part, nn.Module):
        freeze(part)
    with torch.no_grad(), only_device_errors():
        case.trial.run(case, part, given)


COMMON = (described, worker)
"""Contracts of every class."""

CALLED = (*COMMON, finite, inputs, own_randomness, repeatable, device)
"""Contracts of parts that are called with tensors."""

STATE = (still, saved)
"""Contracts of parts with a state."""

MODULES = (*CALLED, neighbours, *STATE)
"""Contracts of networks and their like."""

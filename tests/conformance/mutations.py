"""Faults that any part may be given: each makes a class derived from a good part, and names what must catch it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

import rdcbench

Change = Callable[[Any, tuple[Any, ...]], Any]
METHODS = {
    "dataset": "load",
    "encoder": "forward",
    "quantizer": "quantize",
    "entropy_model": "bits",
    "decoder": "forward",
    "critic": "forward",
    "classifier": "forward",
    "objective": "term",
    "metric": "update",
    "judge": "measure",
    "codec": "decompress",
    "protocol": "plan",
    "executor": "submit",
    "tracker": "event",
}
"""The method of a kind whose result or argument is changed."""
UNCALLED = ("protocol", "executor", "tracker")
"""Kinds whose parts see no tensors."""


def derived(part: type, name: str, members: Mapping[str, Any]) -> type:
    """A class that a worker could import."""
    made = type(f"{part.__name__}_{name}", (part,), {"__doc__": part.__doc__, "__module__": __name__, **members})
    setattr(sys.modules[__name__], made.__name__, made)
    return made


def mutant(part: type, kind: str, name: str, change: Change, method: str = "") -> type:
    """Derive a class whose method goes through `change(result, arguments)`."""
    method = method or METHODS[kind]
    plain = getattr(part, method)

    def changed(self, *arguments):
        return change(plain(self, *arguments), arguments)

    return derived(part, name, {method: changed})


def each(result: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change every tensor of a result."""
    if isinstance(result, Mapping):
        return {name: each(value, change) for name, value in result.items()}
    if isinstance(result, rdcbench.Split):
        return rdcbench.Split(result.name, change(result.images), result.labels)
    if isinstance(result, rdcbench.Measurement):
        return rdcbench.Measurement(change(torch.tensor(result.value)), result.per_image, result.leave_out)
    return change(result)


def tensors(argument: Any) -> list[Tensor]:
    """The tensors in an argument that a part is given."""
    if isinstance(argument, Tensor):
        return [argument]
    if isinstance(argument, rdcbench.Outcome | rdcbench.Decoded):
        return [argument.x]
    return []


def wrong_dtype(part: type, kind: str) -> tuple[type, set[str]] | None:
    """Another type of number; a protocol's jobs as plain tables, an executor's result without its Future."""
    if kind == "protocol":
        tables = mutant(part, kind, "tables", lambda jobs, _: [job.model_dump() for job in jobs])
        return tables, {"points"}
    if kind == "executor":
        return mutant(part, kind, "no_future", lambda future, _: future.result()), {"results"}
    if kind == "tracker":
        return None
    other = {"quantizer": torch.int32, "entropy_model": torch.float32, "metric": torch.float16, "dataset": torch.int64}
    dtype = other.get(kind, torch.float64)
    return mutant(part, kind, "wrong_dtype", lambda result, _: each(result, lambda value: value.to(dtype))), {
        "scalar" if kind == "objective" else "shape"
    }


def in_place_write(part: type, kind: str) -> tuple[type, set[str]] | None:
    if kind == "executor":
        return None
    if kind == "protocol":
        return mutant(part, kind, "emptied", lambda jobs, given: given[1].sweep.clear() or jobs), {"same again"}
    if kind == "tracker":
        return mutant(part, kind, "emptied", lambda _, given: given[2].clear()), {"events"}
    if kind == "dataset":
        kept: dict[str, Any] = {}
        return mutant(part, kind, "shared", lambda result, given: kept.setdefault(given[1], result)), {"same again"}

    def write(result, arguments):
        with torch.no_grad():
            for tensor in (tensor for argument in arguments for tensor in tensors(argument)):
                tensor.detach().zero_()
        return result

    return mutant(part, kind, "in_place_write", write, "compress" if kind == "codec" else ""), {"inputs"}


def global_random_state(part: type, kind: str) -> tuple[type, set[str]] | None:
    """Draws and throws away: nothing but the generator's state tells."""
    if kind in UNCALLED:
        return None

    def draw(result, _):
        torch.rand(())
        return result

    return mutant(part, kind, "global_random_state", draw), {"own randomness"}


def random_result(part: type, kind: str) -> tuple[type, set[str]] | None:
    """Lets the global generator into the numbers; an executor's come from other work."""
    if kind == "protocol":

        def seeded(jobs, _):
            return [job.model_copy(update={"levels": int(torch.randint(2, 10**6, ()))}) for job in jobs]

        return mutant(part, kind, "random_result", seeded), {"same again"}
    if kind == "executor":

        def another(self, work, *arguments):
            return part.submit(self, pow, 2, int(torch.randint(6, 60, ())))

        return derived(part, "another_result", {"submit": another}), {"results", "errors"}
    if kind == "tracker":
        return None

    def shake(value):
        return value.flip(0) if value.ndim and torch.rand(()) < 0.5 else value * (1 + torch.rand(())).to(value)

    if kind == "dataset":
        return mutant(
            part, kind, "random_result", lambda result, _: each(result, lambda v: v[torch.randperm(len(v))])
        ), {"same again"}
    if kind == "quantizer":
        return mutant(part, kind, "random_result", lambda result, _: result[torch.randperm(len(result))]), {
            "repeatable"
        }
    return mutant(part, kind, "random_result", lambda result, _: each(result, shake)), {"own randomness"}


def batch_statistics(part: type, kind: str) -> tuple[type, set[str]] | None:
    if kind in ("dataset", "objective", "judge", *UNCALLED):
        return None

    def normalise(value):
        if value.is_floating_point():
            return value - value.sum(0, keepdim=True)  # the mean would not tell where all images come back alike
        return (value - value.amin(0, keepdim=True)) * 0 + value.amax(0, keepdim=True).expand_as(value)

    return mutant(part, kind, "batch_statistics", lambda result, _: each(result, normalise)), {"neighbours"}


def alphabet_too_large(part: type, kind: str) -> tuple[type, set[str]] | None:
    return _alphabet(part, kind, 1)


def alphabet_too_small(part: type, kind: str) -> tuple[type, set[str]] | None:
    return _alphabet(part, kind, -1)


def _alphabet(part: type, kind: str, by: int) -> tuple[type, set[str]] | None:
    name = f"alphabet_{'larger' if by > 0 else 'smaller'}"
    if kind == "quantizer":
        return derived(part, name, {"alphabet": property(lambda self: part.alphabet.fget(self) + by)}), {"alphabet"}
    if kind == "entropy_model":

        def build(self, *, alphabet, dither_points):
            part.__init__(self, alphabet=alphabet + by, dither_points=dither_points)

        return derived(part, name, {"__init__": build}), set()
    if kind == "dataset":

        @functools.wraps(part.__init__)
        def count(self, **options):
            part.__init__(self, **options)
            self.classes = {label: size + by for label, size in self.classes.items()}

        return derived(part, name, {"__init__": count}), {"classes"}
    if kind == "classifier":

        def cut(value):
            return value[:, :by] if by < 0 else torch.cat([value, value[:, :1]], 1)

        return mutant(part, kind, name, lambda result, _: each(result, cut)), {"shape"}
    return None


def one_too_few(part: type, kind: str) -> tuple[type, set[str]] | None:
    """The last job, argument or event is lost: off by one, where there is no alphabet."""
    if kind == "protocol":
        return mutant(part, kind, "one_too_few", lambda jobs, _: list(jobs)[:-1]), {"points"}
    if kind == "executor":

        def submit(self, work, *arguments):
            return part.submit(self, work, *arguments[:-1])

        return derived(part, "one_too_few", {"submit": submit}), {"results", "errors"}
    if kind == "tracker":

        def event(self, kind, job, values):
            part.event(self, {"planned": 1, "started": 2, "finished": 3, "failed": 4}[kind], job, values)

        return derived(part, "one_too_few", {"event": event}), {"events"}
    if kind == "codec":
        return mutant(part, kind, "one_too_few", lambda x_hat, _: x_hat[:-1]), {"shape"}
    return None


def printing(part: type, kind: str) -> tuple[type, set[str]]:
    def say(result, _):
        sys.stdout.write("look at me\n")
        return result

    return mutant(part, kind, "printing", say), {"quiet"}


MUTATIONS = (
    wrong_dtype,
    in_place_write,
    global_random_state,
    random_result,
    batch_statistics,
    alphabet_too_large,
    alphabet_too_small,
    one_too_few,
    printing,
)

"""Training iterations that are captured once and replayed: one launch for all networks and updates, for a GPU.

A graph replays fixed addresses and fixed numbers. So all that changes between iterations is written into tensors that
stay: images, labels and latents, weights of terms, learning rates, and what parts draw on the processor, from their
context or from the generator that they are given. Such a draw is noted while the iteration is captured: the part gets a
tensor that stays, and before each replay the same is drawn anew into it, in the same order, so that the numbers are
those of the plain loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rdcbench.batches import Fed
from rdcbench.errors import RdcbenchError
from rdcbench.records import Batch, Context

Outputs = tuple[dict[str, Tensor], Tensor]
"""(values of terms, loss)."""
Weights = Mapping[str, float] | Mapping[str, Tensor]
Iteration = Callable[[Sequence[Fed], Weights], Outputs]
Work = Callable[[], Outputs]
Draw = Callable[[Sequence[Fed]], Tensor]
"""Draws what one part drew, for other batches."""
Dials = tuple[tuple[str, float], ...]

WARM_UP = 3
"""Iterations that are run as they are before one is captured: libraries choose kernels and set up buffers in them."""


class GraphError(RdcbenchError):
    """An iteration that cannot be captured."""


class Capturing(Protocol):
    """What captures work in graphs."""

    def warm_up(self, work: Work) -> Outputs:
        """Do work that is to be captured later."""

    def capture(self, work: Work) -> tuple[Outputs, Callable[[], None]]:
        """Record work without doing it: the tensors that it gives, and what does it and fills them."""


class CudaGraphs:
    """CUDA graphs (torch.cuda.CUDAGraph) of one device, which share memory: they are replayed one at a time."""

    def __init__(self, device: str) -> None:
        self._on_device = torch.cuda.device(device)
        with self._on_device:
            self._side = torch.cuda.Stream()
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> Outputs:
        """Do the work on a stream of its own: what is captured must not depend on the default one."""
        with self._on_device:
            self._side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._side):
                outputs = work()
            torch.cuda.current_stream().wait_stream(self._side)
        return outputs

    def capture(self, work: Work) -> tuple[Outputs, Callable[[], None]]:
        """Record the kernels; RuntimeError if the work reads a number from the GPU or copies one to it."""
        graph = torch.cuda.CUDAGraph()
        with self._on_device:
            now = torch.cuda.stream(torch.cuda.current_stream())  # which a capture that fails does not bring back
            with now, torch.cuda.graph(graph, pool=self._pool):
                outputs = work()
        return outputs, partial(self._replay, graph)

    def _replay(self, graph: torch.cuda.CUDAGraph) -> None:
        with self._on_device:
            graph.replay()


class Replayed:
    """An iteration that is captured when it has warmed up, and then replayed.

    Each tradeoff that is met in training has a graph of its own: a decoder may have turned its dials into numbers.

    rng: the generator that the iteration gives to its parts.
    """

    def __init__(self, iteration: Iteration, capturing: Capturing, rng: torch.Generator) -> None:
        self._iteration, self._capturing, self._rng = iteration, capturing, rng
        self._calls: Counter[Dials] = Counter()
        self._captured: dict[Dials, _Captured] = {}

    @property
    def captures(self) -> int:
        """How many graphs there are."""
        return len(self._captured)

    def __call__(self, fed: Sequence[Fed], weights: Weights) -> Outputs:
        """Do one iteration; the tensors that it gives are written over by the next."""
        dials = tuple(sorted(fed[-1].context.tradeoff.items()))
        moved = {name: torch.tensor(weight, device=fed[-1].batch.x.device) for name, weight in weights.items()}
        self._calls[dials] += 1
        if self._calls[dials] <= WARM_UP:
            return self._capturing.warm_up(lambda: self._iteration(fed, moved))
        if dials not in self._captured:
            self._captured[dials] = _Captured(self._iteration, self._capturing, self._rng, fed, moved)
        return self._captured[dials](fed, moved)


class _Captured:
    """An iteration in a graph, and the tensors from which the graph reads what changes."""

    def __init__(
        self,
        iteration: Iteration,
        capturing: Capturing,
        rng: torch.Generator,
        fed: Sequence[Fed],
        weights: Mapping[str, Tensor],
    ) -> None:
        self._draws = Draws(fed[-1].batch.x.device)
        self._fed = [staying(given, number, self._draws) for number, given in enumerate(fed)]
        self._weights = dict(weights)
        try:
            with FromGenerator(rng, self._draws):
                self._outputs, self._replay = capturing.capture(lambda: iteration(self._fed, self._weights))
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError) as error:
            cause = str(error.__context__ or error).splitlines()[0]  # ending a capture that failed fails once more
            raise GraphError(
                f"This training cannot be captured as a graph ({cause}): in every step, one of its parts reads a "
                "number from the device or brings one there. Run it without --cuda-graphs."
            ) from error

    def __call__(self, fed: Sequence[Fed], weights: Mapping[str, Tensor]) -> Outputs:
        for stays, given in zip(self._fed, fed, strict=True):
            _fill(stays, given)
        for name, weight in weights.items():
            self._weights[name].copy_(weight)
        self._draws.repeat(fed)
        self._replay()
        return self._outputs


def staying(given: Fed, number: int, draws: Draws) -> Fed:
    """What one forward pass is given, the `number`-th of its iteration, in tensors that stay; its draws are noted."""
    batch, context = given.batch, given.context
    index = batch.index.to(batch.x.device, copy=True)
    labels = {name: label.clone() for name, label in batch.labels.items()}
    latent = None if given.latent is None else given.latent.clone()

    def note(asked: Context, draw: Callable[[Context], Tensor]) -> Tensor:
        if asked is not place:
            raise GraphError(
                "A part draws from a changed copy of its context, which a graph cannot repeat. Let it draw under "
                "another purpose instead, or run without --cuda-graphs."
            )
        return draws.note(draw(context), lambda fed: draw(fed[number].context))

    place = _NotingContext(context.seed, context.split, index, context.draw, context.tradeoff, note=note)
    return Fed(Batch(batch.x.clone(), labels, index, batch.split), place, latent)


def _fill(stays: Fed, given: Fed) -> None:
    stays.batch.x.copy_(given.batch.x)
    stays.batch.index.copy_(given.batch.index)
    for name, label in given.batch.labels.items():
        stays.batch.labels[name].copy_(label)
    if stays.latent is not None and given.latent is not None:
        stays.latent.copy_(given.latent)


class Draws:
    """What was drawn on the processor while an iteration was captured, and how to draw it anew.

    The first replay gets what was drawn during the capture: a generator must not be asked twice for one iteration.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._noted: list[tuple[Tensor, Draw]] = []
        self._first: list[Tensor] = []

    def note(self, drawn: Tensor, again: Draw) -> Tensor:
        """A tensor that each replay finds filled; memory only, since a copy would be captured."""
        stays = torch.empty(drawn.shape, dtype=drawn.dtype, device=self._device)
        self._noted.append((stays, again))
        self._first.append(drawn)
        return stays

    def repeat(self, fed: Sequence[Fed]) -> None:
        """Draw for these batches, in the order of the capture."""
        drawn = self._first or [again(fed) for _, again in self._noted]
        for (stays, _), values in zip(self._noted, drawn, strict=True):
            stays.copy_(values)
        self._first = []


@dataclass(frozen=True, slots=True)
class _NotingContext(Context):
    """A context whose draws are noted."""

    note: Callable[[Context, Callable[[Context], Tensor]], Tensor] = field(kw_only=True)

    def grid(self, purpose: str, size: int, points: int) -> Tensor:
        return self.note(self, lambda context: context.grid(purpose, size, points))

    def uniform(self, purpose: str, size: int) -> Tensor:
        return self.note(self, lambda context: context.uniform(purpose, size))


class FromGenerator(TorchFunctionMode):
    """Notes what torch draws from the generator that parts are given; refuses any other generator of the processor."""

    def __init__(self, rng: torch.Generator, draws: Draws) -> None:
        super().__init__()
        self._rng, self._draws = rng, draws

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if given.get("generator") is None:
            return func(*args, **given)
        if given["generator"] is not self._rng or any(isinstance(value, Tensor) for value in args):
            raise GraphError(
                f"A part draws with torch.{func.__name__} from a generator of its own, or into a tensor, which a graph "
                "cannot repeat. Let it make its random tensors from the generator that it is given or from the "
                "context, or run without --cuda-graphs."
            )
        return self._draws.note(func(*args, **given), lambda _: func(*args, **given))

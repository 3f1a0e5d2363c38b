"""Training iterations that are captured once and replayed: one launch instead of hundreds, for a GPU.

A graph replays fixed addresses and fixed numbers. So all that changes between iterations is written into tensors that
stay: images, labels and latents, weights of terms, learning rates, and what parts draw on the processor from their
context or from the generator that they are passed. A draw is taped while the iteration is captured: it is given a
tensor that stays, and drawn anew into it before each replay, in the same order, so that the numbers are those of the
plain loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rdcbench.batches import Fed
from rdcbench.errors import RdcbenchError
from rdcbench.records import Batch, Context

Outputs = tuple[dict[str, Tensor], Tensor]
Iteration = Callable[[Sequence[Fed], Mapping[str, Tensor]], Outputs]
"""(batches, weights of terms) -> (values of terms, loss)."""
Draw = Callable[[Sequence[Fed]], Tensor]
Dials = tuple[tuple[str, float], ...]

WARM_UP = 3
"""Iterations that are run as they are before one is captured: libraries choose kernels and set up buffers in them."""


class GraphError(RdcbenchError):
    """An iteration that cannot be captured."""


class Graph(Protocol):
    """What captures work and replays it."""

    def warm_up(self, work: Callable[[], Outputs]) -> Outputs:
        """Do work that is to be captured later."""

    def capture(self, work: Callable[[], Outputs]) -> Outputs:
        """Record work without doing it; the tensors that it gives are filled by each replay."""

    def replay(self) -> None:
        """Do the recorded work."""


class CudaGraph:
    """A CUDA graph (torch.cuda.CUDAGraph) of work on one device."""

    def __init__(self, device: str) -> None:
        self._on_device = torch.cuda.device(device)
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, work: Callable[[], Outputs]) -> Outputs:
        """Do the work on a stream of its own: what is captured must not depend on the default one."""
        with self._on_device:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                outputs = work()
            torch.cuda.current_stream().wait_stream(side)
        return outputs

    def capture(self, work: Callable[[], Outputs]) -> Outputs:
        """Record the kernels; RuntimeError if the work reads a number from the GPU or copies one to it."""
        with self._on_device, torch.cuda.graph(self._graph):
            return work()

    def replay(self) -> None:
        """Launch all kernels at once."""
        with self._on_device:
            self._graph.replay()


class Replayed:
    """An iteration that is captured when it has warmed up, once for each tradeoff that is met, and then replayed.

    make: a new graph; rng: the generator that the iteration passes to its parts.
    """

    def __init__(self, iteration: Iteration, make: Callable[[], Graph], rng: torch.Generator) -> None:
        self._iteration, self._make, self._rng = iteration, make, rng
        self._calls: Counter[Dials] = Counter()
        self._captured: dict[Dials, _Captured] = {}

    def __call__(self, fed: Sequence[Fed], weights: Mapping[str, Tensor]) -> Outputs:
        """Do one iteration; the tensors that it gives are written over by the next."""
        dials = tuple(sorted(fed[-1].context.tradeoff.items()))  # a decoder may turn them into numbers of its own
        self._calls[dials] += 1
        if self._calls[dials] <= WARM_UP:
            return self._make().warm_up(lambda: self._iteration(fed, weights))
        if dials not in self._captured:
            self._captured[dials] = _Captured(self._iteration, self._make(), self._rng, fed, weights)
        return self._captured[dials](fed, weights)


class _Captured:
    """An iteration in a graph, and the tensors from which the graph reads what changes."""

    def __init__(
        self,
        iteration: Iteration,
        graph: Graph,
        rng: torch.Generator,
        fed: Sequence[Fed],
        weights: Mapping[str, Tensor],
    ) -> None:
        device = fed[-1].batch.x.device
        self._tape = _Tape(device)
        self._fed = [self._kept(number, given) for number, given in enumerate(fed)]
        self._weights = {name: weight.to(device, copy=True) for name, weight in weights.items()}
        self._graph = graph
        try:
            with _TapedGenerator(rng, self._tape):
                self._outputs = graph.capture(lambda: iteration(self._fed, self._weights))
        except RuntimeError as error:
            raise GraphError(
                f"This training cannot be captured as a graph ({str(error).splitlines()[0]}): in every step, one of "
                "its parts reads a number from the device or brings one there. Run it without --cuda-graphs."
            ) from error

    def __call__(self, fed: Sequence[Fed], weights: Mapping[str, Tensor]) -> Outputs:
        for kept, given in zip(self._fed, fed, strict=True):
            _fill(kept, given)
        for name, weight in weights.items():
            self._weights[name].copy_(weight)
        self._tape.fill(fed)
        self._graph.replay()
        return self._outputs

    def _kept(self, number: int, given: Fed) -> Fed:
        """The same in tensors that stay, with a context that tapes what is drawn from it."""
        batch, context = given.batch, given.context
        index = batch.index.to(batch.x.device, copy=True)
        labels = {name: label.clone() for name, label in batch.labels.items()}
        latent = None if given.latent is None else given.latent.clone()

        def taped(draw: Callable[[Context], Tensor]) -> Tensor:
            return self._tape.keep(draw(context), lambda fed: draw(fed[number].context))

        place = _TapedContext(context.seed, context.split, index, context.draw, context.tradeoff, taped=taped)
        return Fed(Batch(batch.x.clone(), labels, index, batch.split), place, latent)


def _fill(kept: Fed, given: Fed) -> None:
    kept.batch.x.copy_(given.batch.x)
    kept.batch.index.copy_(given.batch.index)
    for name, label in given.batch.labels.items():
        kept.batch.labels[name].copy_(label)
    if kept.latent is not None and given.latent is not None:
        kept.latent.copy_(given.latent)


class _Tape:
    """What was drawn on the processor while an iteration was captured, and how to draw it anew.

    The first replay gets what was drawn during the capture: a generator must not be asked twice for one iteration.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._draws: list[tuple[Tensor, Draw]] = []
        self._first: list[Tensor] = []

    def keep(self, drawn: Tensor, again: Draw) -> Tensor:
        """A tensor that each replay finds filled; memory only, since a copy would be captured."""
        kept = torch.empty(drawn.shape, dtype=drawn.dtype, device=self._device)
        self._draws.append((kept, again))
        self._first.append(drawn)
        return kept

    def fill(self, fed: Sequence[Fed]) -> None:
        """Draw for these batches, in the order of the capture."""
        drawn = self._first or [again(fed) for _, again in self._draws]
        for (kept, _), values in zip(self._draws, drawn, strict=True):
            kept.copy_(values)
        self._first = []


@dataclass(frozen=True, slots=True)
class _TapedContext(Context):
    """A context whose draws are taped."""

    taped: Callable[[Callable[[Context], Tensor]], Tensor] = field(kw_only=True)

    def grid(self, purpose: str, size: int, points: int) -> Tensor:
        return self.taped(lambda context: context.grid(purpose, size, points))

    def uniform(self, purpose: str, size: int) -> Tensor:
        return self.taped(lambda context: context.uniform(purpose, size))


class _TapedGenerator(TorchFunctionMode):
    """Tape what torch draws from the generator that parts are passed; refuse any other generator of the processor."""

    def __init__(self, rng: torch.Generator, tape: _Tape) -> None:
        super().__init__()
        self._rng, self._tape = rng, tape

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if given.get("generator") is None:
            return func(*args, **given)
        if given["generator"] is not self._rng or any(isinstance(value, Tensor) for value in args):
            raise GraphError(
                f"A part draws with torch.{func.__name__} from a generator of its own, or into a tensor, which a graph "
                "cannot repeat. Let it make its random tensors from the generator that it is passed or from the "
                "context, or run without --cuda-graphs."
            )
        return self._tape.keep(func(*args, **given), lambda _: func(*args, **given))

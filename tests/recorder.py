"""Stand-ins for CUDA graphs where there is no GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rdcbench import graphs, train
from rdcbench.batches import Fed
from rdcbench.records import Batch
from rdcbench.rng import generator

ALLOCATES = ("aten.empty", "aten.new_empty", "aten.empty_like", "aten.empty_strided", "aten.new_empty_strided")
WAITS_FOR_A_NUMBER = (
    "aten._local_scalar_dense", "aten.item", "aten.nonzero", "aten.equal", "aten.masked_select", "aten._unique2",
    "aten.unique_dim", "aten.repeat_interleave", "aten._linalg_check_errors",
)  # fmt: skip


class Recorders:
    """Graphs of the processor, for `rdcbench.graphs`."""

    def __init__(self, device: str = "cpu") -> None:
        assert device == "cpu"
        self.replays = 0

    def warm_up(self, work: Callable[[], Any]) -> Any:
        return work()

    def capture(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        recorder = Recorder()
        outputs = recorder.capture(work)

        def replay() -> None:
            self.replays += 1
            recorder.replay()

        return outputs, replay


class Recorder(TorchDispatchMode):
    """A graph for the processor, with CUDA's rules: a capture does nothing, a replay knows addresses and numbers only.

    It records the operations of an iteration, those of the backward pass included, with the very tensors that they read
    and wrote, undoes what they did, and repeats them on the same tensors.
    """

    def __init__(self) -> None:
        super().__init__()
        self._recorded: list[tuple[Any, tuple, dict, list[Tensor]]] = []
        self._made: set[int] = set()
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def capture(self, work: Callable[[], Any]) -> Any:
        with self:
            outputs = work()
        with torch.no_grad():
            for whole, before in self._before.values():
                whole.copy_(before)
        return outputs

    @torch.no_grad()
    def replay(self) -> None:
        for operation, args, kwargs, outputs in self._recorded:
            for kept, found in zip(outputs, tensors(operation(*args, **kwargs)), strict=True):
                if storage(kept) != storage(found):
                    kept.copy_(found)

    def __torch_dispatch__(self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, name = kwargs or {}, str(operation.overloadpacket)
        given = tensors((args, kwargs))
        by_mask = name == "aten.index" and any(tensor.dtype == torch.bool for tensor in given[1:])
        if name in WAITS_FOR_A_NUMBER or by_mask:
            raise RuntimeError(f"operation not permitted when stream is capturing: {name}")
        self._note(given)
        found = operation(*args, **kwargs)
        self._made |= {storage(tensor) for tensor in tensors(found)} - set(map(storage, given))
        if kwargs.get("generator") is None and name not in ALLOCATES:  # a draw on the processor is not captured
            self._recorded.append((operation, args, kwargs, tensors(found)))
        if name in ALLOCATES:
            found.zero_()  # a capture computes nothing; here it does, and any bits would be no index
        return found

    def _note(self, given: list[Tensor]) -> None:
        """Keep what tensors of before the capture held: batch norm writes into its statistics without saying so."""
        for tensor in given:
            if storage(tensor) not in self._made | set(self._before):
                whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                self._before[storage(tensor)] = whole, whole.clone()


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class OnFakeGpu(TorchDispatchMode):
    """A training's loss and its critic's, laid out on a GPU that is not there: shapes and devices without numbers.

    copies: what went between the processor and the GPU meanwhile. staying: with all that is given in its place already.
    """

    def __init__(self, task: train.Task, staying: bool) -> None:
        super().__init__()
        self.copies: list[str] = []
        train._set_modes(task)
        latents = None if "encoder" in task.trains else task.codec.latents(task.train)
        fed, rng = train._feed(task, next(train._batches(task)), task.tradeoffs[0], latents), generator("penalty")
        with FakeTensorMode(allow_non_fake_inputs=True) as fake:
            for part in (task.codec, task.critic, task.classifier):
                move(part, fake)
            given = moved(fed, fake)
            draws = graphs.Draws(given.batch.x.device)
            weights = {name: torch.tensor(1.0, device="cuda") for name in task.terms}
            if staying:
                given = graphs.staying(given, 0, draws)
            with self, graphs.FromGenerator(rng, draws) if staying else nullcontext():
                received, x_hat = train._forward(task, given)
                if task.critic is not None:
                    task.critic.loss(given.batch.x, x_hat.detach(), rng)
                values, loss = train._loss(task, given, received, x_hat, weights)
        assert {value.device.type for value in (loss, *values.values())} == {"cuda"}

    def __torch_dispatch__(self, operation: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        found = operation(*args, **(kwargs or {}))
        origins, places = ({tensor.device.type for tensor in tensors(tree)} for tree in ((args, kwargs), found))
        copied = str(operation.overloadpacket) in ("aten._to_copy", "aten.copy_") and origins | places == {
            "cpu",
            "cuda",
        }
        if copied or ("cuda" in origins and "cpu" in places):
            self.copies.append(str(operation))
        return found


def moved(fed: Fed, fake: FakeTensorMode) -> Fed:
    """What a pass is given, but for its context, on the GPU that is not there."""
    x, *labels = (fake.from_tensor(tensor).to("cuda") for tensor in (fed.batch.x, *fed.batch.labels.values()))
    batch = Batch(x, dict(zip(fed.batch.labels, labels, strict=True)), fed.batch.index, fed.batch.split)
    return Fed(batch, fed.context, None if fed.latent is None else fake.from_tensor(fed.latent).to("cuda"))


def move(module: nn.Module | None, fake: FakeTensorMode) -> None:
    """Put a module's parameters and buffers on the GPU that is not there."""
    for part in module.modules() if module is not None else ():
        for name, parameter in part._parameters.items():
            moved = fake.from_tensor(parameter.detach()).to("cuda") if parameter is not None else None
            part._parameters[name] = None if moved is None else nn.Parameter(moved, parameter.requires_grad)
        for name, buffer in part._buffers.items():
            part._buffers[name] = None if buffer is None else fake.from_tensor(buffer).to("cuda")

"""Checkpoints of a training: all that changes while a codec trains, on disk at an interval, for a killed job to go on.

RUN/checkpoints/KEY.safetensors is there whole or not at all, carries a digest, and goes when the weights are kept.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rdcbench.batches import Batches
from rdcbench.errors import StoreError
from rdcbench.provenance import provenance
from rdcbench.recipe import digest_of
from rdcbench.store import Store


@dataclass
class State:
    """All that changes while a codec trains. Averages are by number; a generator is kept whole."""

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    averages: list[Tensor]
    generators: Mapping[str, torch.Generator]
    batches: Batches
    history: list[dict[str, float]]

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts as plain JSON) of this moment, by reference: write them before the next step."""
        tensors = self._lasting()
        tensors |= {f"batches/{name}": tensor for name, tensor in self.batches.state().items()}
        for name, optimizer in self.optimizers.items():
            for number, parameter in enumerate(_parameters(optimizer)):
                moments = optimizer.state.get(parameter, {})
                tensors |= {f"optimizer/{name}/{number}/{moment}": value for moment, value in moments.items()}
        tensors |= {f"generator/{name}": generator.get_state() for name, generator in self.generators.items()}
        return tensors, {"history": self.history}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Put a state back; ValueError, and nothing changed, if it is that of other parts."""
        lasting, history = self._lasting(), list(facts["history"])
        if not set(self.state()[0]) <= set(tensors) or any(
            tensors[name].shape != lasting[name].shape for name in lasting
        ):
            raise ValueError("it holds other parts")
        for name, tensor in lasting.items():
            tensor.copy_(tensors[name])  # in place: parameters are views of their optimizer's flat buffer
        for name, optimizer in self.optimizers.items():
            for number, parameter in enumerate(_parameters(optimizer)):
                moments = _under(tensors, f"optimizer/{name}/{number}/")
                optimizer.state[parameter] = {key: moment.to(parameter.device) for key, moment in moments.items()}
        for name, generator in self.generators.items():
            generator.set_state(tensors[f"generator/{name}"])
        self.batches.restore(_under(tensors, "batches/"))
        self.history[:] = history

    def _lasting(self) -> dict[str, Tensor]:
        """Parameters, all buffers, and averages: tensors that exist before the first step."""
        lasting = {f"average/{number}": average for number, average in enumerate(self.averages)}
        for name, module in self.modules.items():
            named = itertools.chain(module.named_parameters(), module.named_buffers())
            lasting |= {f"module/{name}/{part}": tensor.detach() for part, tensor in named}
        return lasting


class Checkpoint:
    """The checkpoint of one training: written every `interval` seconds (0: never), and found again after a kill.

    notes: what a reader of the results should know, such as that a damaged checkpoint was not used.
    seconds: how long earlier starts trained for the steps that are kept.
    replayed: the steps are replayed by graphs, which round rates otherwise.
    """

    def __init__(self, store: Store, key: str, interval: float, device: str, replayed: bool = False) -> None:
        self.notes: list[str] = []
        self.seconds = 0.0
        self._store = store
        self._name = f"checkpoints/{key}.safetensors"
        self._interval = interval
        made = provenance(device)
        self._identity = digest_of([key, device, replayed, made["versions"], made["machine"], made["processor"]])
        self._started = self._last = time.monotonic()

    def restore(self, state: State) -> int:
        """Put back what an earlier start left, and give the number of steps that it had done; 0 if there is nothing."""
        if not self._store.path(self._name).exists():
            return 0
        try:
            tensors, facts = self._store.tensors(self._name)
            if facts["identity"] != self._identity:
                raise ValueError("it is of another job, machine, device or version of a library, or one of graphs")
            steps, seconds, notes = int(facts["steps"]), float(facts["seconds"]), list(facts["notes"])
            state.restore(tensors, facts)
        except (StoreError, ValueError, KeyError) as error:
            self.notes.append(f"{self._name} was not used, the training started over: {error}")
            self.remove()
            return 0
        self.seconds = seconds
        self.notes = [*notes, f"went on from step {steps}"]
        return steps

    def keep(self, steps: int, state: State) -> None:
        """Write the state after so many steps if it is time; where it cannot be written, only a kill costs more."""
        now = time.monotonic()
        if not self._interval or now - self._last < self._interval:
            return
        tensors, facts = state.state()
        facts |= {"steps": steps, "seconds": self.seconds + now - self._started}
        facts |= {"identity": self._identity, "notes": self.notes}
        try:
            self._store.write_tensors(self._name, tensors, facts)
        except StoreError as error:
            self.notes.append(f"no checkpoint at step {steps}: {error}")
        self._last = time.monotonic()

    def remove(self) -> None:
        """Forget the checkpoint: the weights are kept, or it is of no use."""
        self._store.remove(self._name)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""Guards on what measures: a metric that follows its images, a judge that learned apart and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from rdcbench.errors import GuardError
from rdcbench.guards.codecs import CLOSE, PROBE, STRAY
from rdcbench.interfaces import Judge, Metric
from rdcbench.records import Decoded, writes


@torch.no_grad()
def check_metric(metric: Metric, decoded: Decoded, measured: Mapping[str, Tensor]) -> None:
    """Refuse a metric whose values do not follow the images that it is given.

    measured: field -> values of the images of `decoded` in their order, [n].
    """
    turned = decoded.slice(0, PROBE)
    labels = {name: label.flip(0) for name, label in turned.labels.items()}
    turned = Decoded(turned.x.flip(0), turned.x_hat.flip(0), labels, turned.bits.flip(0))
    for name, values in metric.update(turned).items():
        first = measured[name][: len(turned)]
        same = torch.isclose(values.detach().double().cpu().flip(0), first, rtol=CLOSE, atol=1e-5, equal_nan=True)
        if int((~same).sum()) > STRAY:
            raise GuardError(
                f"metric:{metric.name} gives {name} of the first {len(turned)} images otherwise when they come in "
                "another order: it measures something else than the decoded images that it is given, such as what a "
                "codec had before the bitstream."
            )


@contextmanager
def unchanged(name: str, judge: Judge) -> Iterator[None]:
    """Refuse a judge that changes while it measures: then its budget differs from row to row."""
    before = _state(judge)
    yield
    if _state(judge) != before:
        raise GuardError(
            f"{name} changed while it measured: a critic that goes on learning has another budget for every row. "
            "Start from the state that `fit` left, and keep nothing."
        )


def check_apart(judges: Mapping[str, Judge], trained: Mapping[str, nn.Module | None]) -> None:
    """Refuse a judge that holds weights of what codecs are trained with, such as their classifier.

    trained: what took part in training, by its role.
    """
    for name, judge in judges.items():
        for role, module in trained.items():
            shared = _shared(judge, module) if module is not None else None
            if shared:
                raise GuardError(
                    f"{name} leaked into training: its weights {shared!r} are those of the {role}. Choose a judge that "
                    "no codec was trained with."
                )


def check_budget(judge: Judge, rows: Iterable[Decoded], train: Callable[[int], Decoded]) -> None:
    """Refuse a judge that spends more arithmetic on one row than on another of as many images.

    It counts all of it, so it is for tests and conformance checks, not for every row.
    """
    from torch.utils.flop_counter import FlopCounterMode

    spent = []
    for row in rows:
        with FlopCounterMode(display=False) as counter:
            judge.measure(row, train)
        spent.append(counter.get_total_flops())
    if len(set(spent)) > 1:
        raise GuardError(
            f"The judge {judge.name!r} has another budget for every row: {', '.join(map(str, spent))} floating-point "
            "operations. Stop after a number of steps, not at a goal or a time."
        )


def _state(judge: Judge) -> list[tuple[object, ...]]:
    """Where a judge's tensors are and how often they were written, and its plain attributes."""
    tensors = [(name, tensor.data_ptr(), *writes(tensor)) for name, tensor in judge.state_dict().items()]
    return [*tensors, *((name, value) for name, value in vars(judge).items() if isinstance(value, int | float | str))]


def _shared(judge: nn.Module, module: nn.Module) -> str | None:
    """Name of a floating-point tensor of the judge that the module has too, None if there is none.

    Tensors of few numbers, or of one number repeated, may be equal by chance.
    """
    theirs: dict[torch.Size, list[Tensor]] = {}
    for tensor in chain(module.parameters(), module.buffers()):
        theirs.setdefault(tensor.shape, []).append(tensor)
    for name, tensor in chain(judge.named_parameters(), judge.named_buffers()):
        equal = any(torch.equal(tensor, other.to(tensor)) for other in theirs.get(tensor.shape, ()))
        if equal and tensor.is_floating_point() and tensor.numel() >= 16 and tensor.unique().numel() > 1:
            return name
    return None

"""Levers that the harness does not use, against the step that it has: python benchmarks/speed/levers.py [LEVER...]

Each lever trains the same codec for STEPS steps as it is and with the lever, in turns; wall milliseconds a step, median
and spread of ROUNDS rounds after a warm-up (in which torch.compile compiles). `stacked` trains four universal decoders
of one frozen encoder one after another, and at once with torch.func; `workers` is one training alone, and two side by
side. Wall time on a busy machine says nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from subjects import job, registry, split, task
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from rdcbench import train
from rdcbench.optim import flat_adam
from rdcbench.records import Context

STEPS, ROUNDS, DECODERS = 25, 3, 4
STUDIES = {
    "rdc, dense": ("rdc", {"classification": 0.015}),
    "rdpc, dense critic": ("rdpc", {"perception": 0.015, "classification": 0.0}),
    "rdp, convolutional": ("rdp-base", {"perception": 0.015}),
}
Block = Callable[[], AbstractContextManager[object]]


def training(study: str, precision: str = "float32") -> train.Task:
    """A short training of a study, with an untrained classifier where it needs one."""
    asked = job(*STUDIES[study], {"training.steps": STEPS, "training.precision": precision})
    given = {"image_shape": (1, 28, 28), "classes": {"digit": 10}}
    classifier = registry().build("classifier", "paper", {}, given) if "classifier" in asked.inputs else None
    return task(asked, classifier)


def seconds(work: Callable[[], object], inside: Block = nullcontext) -> float:
    """Wall seconds of a call."""
    with inside():
        started = time.perf_counter()
        work()
        return time.perf_counter() - started


def compare(name: str, plain: Callable[[], object], other: Callable[[], object], inside: Block = nullcontext) -> None:
    """Time both in turns and print what a step takes."""
    warm = seconds(other, inside)
    seconds(plain)
    pairs = [(seconds(plain), seconds(other, inside)) for _ in range(ROUNDS)]
    told = []
    for found in zip(*pairs, strict=True):
        steps = [1e3 * value / STEPS for value in found]
        told.append(f"{statistics.median(steps):.1f} (spread {max(steps) - min(steps):.1f})")
    print(f"{name}: {told[0]} ms a step as it is, {told[1]} with the lever; its warm-up took {warm:.1f} s", flush=True)


def fits(study: str, change: Callable[[train.Task], object]) -> tuple[Callable[[], object], Callable[[], object]]:
    """The training as it is, and with parts changed."""
    plain, other = training(study), training(study)
    change(other)
    return lambda: train.fit(plain), lambda: train.fit(other)


class two_threads:  # noqa: N801 - reads as a statement: with two_threads()
    def __enter__(self) -> None:
        torch.set_num_threads(2)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(1)


def threads() -> None:
    for study in STUDIES:
        compare(f"two threads, {study}", *fits(study, lambda _: None), two_threads)


def bfloat16() -> None:
    for study in STUDIES:
        plain, other = training(study), training(study, "bf16")
        compare(f"training.precision = bf16, {study}", partial(train.fit, plain), partial(train.fit, other))


def compiled() -> None:
    def compile_parts(task: train.Task) -> None:
        for part in (task.codec.encoder, task.codec.decoder, task.classifier):
            if part is not None:
                part.compile()
        if task.critic is not None:
            task.critic.compile()
            task.critic.loss = torch.compile(task.critic.loss)

    for study in STUDIES:
        compare(f"torch.compile, {study}", *fits(study, compile_parts))


def last(decoder: nn.Module) -> None:
    """Put a convolutional decoder into channels-last, its maps included."""
    convolutions = decoder.get_submodule("convolutions").to(memory_format=torch.channels_last)
    convolutions.register_forward_pre_hook(lambda _, given: given[0].contiguous(memory_format=torch.channels_last))


def channels_last() -> None:
    compare("channels-last decoder, training", *fits("rdp, convolutional", lambda task: last(task.codec.decoder)))
    plain, other = (training("rdp, convolutional").codec.decoder.eval() for _ in range(2))
    last(other)
    received, context = torch.rand(1000, 3), Context(0, "test", torch.arange(1000))

    def decode(decoder: nn.Module) -> None:
        with torch.no_grad():
            for _ in range(STEPS):
                decoder(received, context)

    compare("channels-last decoder, 1,000 images decoded", lambda: decode(plain), lambda: decode(other))
    pieces = [(received[some], Context(0, "test", some)) for some in context.index.split(100)]

    def decode_pieces() -> None:
        with torch.no_grad():
            for _ in range(STEPS):
                for some, index in pieces:
                    plain(some, index)

    compare("batches of 100, 1,000 images decoded", lambda: decode(plain), decode_pieces)


def stacked() -> None:
    for study in ("rdc, dense", "rdp, convolutional"):
        compare(f"{DECODERS} decoders stacked, {study}", *decoders_of_one_encoder(study))


def decoders_of_one_encoder(study: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """STEPS steps of several decoders without a term beside the MSE, in turn and at once."""
    made = [training(study).codec.decoder.train().requires_grad_(True) for _ in range(DECODERS)]
    names, stack = zip(*stack_module_state(made)[0].items(), strict=True)
    several = [nn.Parameter(tensor.detach().clone()) for tensor in stack]
    single = [flat_adam(decoder.parameters(), 2e-3, (0.5, 0.9)) for decoder in made]
    whole = flat_adam(several, 2e-3, (0.5, 0.9))
    index = torch.arange(128)
    received, x, context = torch.rand(128, 3) * 2 - 1, split("train").batch(index).x, Context(0, "train", index)

    def loss(weights: Sequence[torch.Tensor]) -> torch.Tensor:
        named = dict(zip(names, weights, strict=True))
        return F.mse_loss(functional_call(made[0], named, (received, context)), x)

    def in_turn() -> None:
        for _ in range(STEPS):
            for decoder, optimizer in zip(made, single, strict=True):
                optimizer.zero_grad(set_to_none=False)
                F.mse_loss(decoder(received, context), x).backward()
                optimizer.step()

    def at_once() -> None:
        for _ in range(STEPS):
            whole.zero_grad(set_to_none=False)
            vmap(loss)(several).sum().backward()
            whole.step()

    return in_turn, at_once


def workers() -> None:
    """Seconds of STEPS * ROUNDS steps of one worker, alone and with another beside it."""
    for study in ("rdc, dense", "rdp, convolutional"):
        alone, beside = _side_by_side(study, 1), _side_by_side(study, 2)
        times = 2 * alone[0] / max(beside)
        print(f"workers, {study}: {alone[0]:.1f} s alone, {max(beside):.1f} s each of two, {times:.2f} times the work")


def _side_by_side(study: str, count: int) -> list[float]:
    started = [
        subprocess.Popen([sys.executable, __file__, "--worker", study], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        for _ in range(count)
    ]
    for worker in started:
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready
    for worker in started:
        assert worker.stdin is not None
        worker.stdin.close()  # go
    return [float(worker.stdout.read()) for worker in started if worker.stdout and worker.wait() == 0]


def worker(study: str) -> None:
    """Be one of them: make ready, say so, wait for the end of the input, train, and print the seconds."""
    plain = training(study)
    train.fit(plain)
    print("ready", flush=True)
    sys.stdin.read()
    print(sum(seconds(lambda: train.fit(plain)) for _ in range(ROUNDS)))


LEVERS = {lever.__name__: lever for lever in (threads, compiled, channels_last, bfloat16, stacked, workers)}


def main(words: Sequence[str]) -> None:
    """Try the levers that are asked for, all if none is."""
    if words and words[0] == "--worker":
        worker(words[1])
        return
    if set(words) - set(LEVERS):
        sys.exit(__doc__)
    for name in words or LEVERS:
        try:
            LEVERS[name]()
        except Exception as error:  # a lever that does not work here is a finding
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

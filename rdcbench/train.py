"""The one training loop: critic and codec in turn, plain, top to bottom.

What varies is data: the job says which roles train and for how long, the objective its terms, the critic its loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from rdcbench.batches import Batches, Fed
from rdcbench.checkpoints import Checkpoint, State
from rdcbench.codec import Codec, freeze
from rdcbench.errors import RdcbenchError
from rdcbench.graphs import Capturing, Iteration, Outputs, Replayed, Weights
from rdcbench.interfaces import Classifier, Critic, Objective
from rdcbench.optim import MovingAverage, flat_adam, rate_factor, set_rate
from rdcbench.recipe import Training
from rdcbench.records import Batch, Context, Outcome, Split, writes
from rdcbench.rng import generator

RECORDS = 50
"""Points of the recorded learning curve."""


class TrainingError(RdcbenchError):
    """A job whose numbers stopped being finite, or that ran out of time."""


@dataclass
class Task:
    """All that one training needs.

    trains: roles with gradient; reads: what the active terms need; tradeoffs: those met in training, one drawn a step;
    graphs: what captures iterations in order to replay them, None for the plain loop.
    """

    codec: Codec
    objective: Objective
    train: Split
    training: Training
    trains: Sequence[str]
    terms: Mapping[str, frozenset[str]]
    tradeoffs: Sequence[Mapping[str, float]]
    seed: int
    critic: Critic | None = None
    classifier: Classifier | None = None
    device: str = "cpu"
    progress: Callable[[int, Mapping[str, float]], None] = lambda *_: None
    history: list[dict[str, float]] = field(default_factory=list)
    checkpoint: Checkpoint | None = None
    graphs: Capturing | None = None

    @property
    def reads(self) -> set[str]:
        """What the active terms read of an outcome."""
        return {read for reads in self.terms.values() for read in reads}


def fit(task: Task) -> list[dict[str, float]]:
    """Train a codec by gradient and give its learning curve: term values at RECORDS steps.

    Frozen roles are in evaluation mode without gradient; the output of a frozen encoder is computed once. A training
    that was killed goes on from its checkpoint, to the very weights that it would have had.
    """
    codec, training = task.codec, task.training
    _set_modes(task)
    latents = None if "encoder" in task.trains else codec.latents(task.train).to(task.device)
    optimizers = _optimizers(task)
    generators = {"penalty": generator("penalty", task.seed), "tradeoff": generator("tradeoff", task.seed)}
    average = MovingAverage(optimizers["codec"], training.average)
    batches = _batches(task)
    modules = {"codec": codec, **({"critic": task.critic} if task.critic else {})}
    state = State(modules, optimizers, average.state, generators, batches, task.history)
    done = task.checkpoint.restore(state) if task.checkpoint else 0
    started = time.monotonic() - (task.checkpoint.seconds if task.checkpoint else 0.0)
    iterate: Iteration = partial(_iterate, task, optimizers, generators["penalty"])
    if task.graphs is not None:
        iterate = Replayed(iterate, task.graphs, generators["penalty"])
    for step in range(done, training.steps):
        share = step / training.steps
        _set_rates(optimizers, training, share)
        tradeoff = task.tradeoffs[int(torch.randint(len(task.tradeoffs), (1,), generator=generators["tradeoff"]))]
        fed = [_feed(task, next(batches), tradeoff, latents) for _ in range(_passes(task))]
        values, loss = iterate(fed, {name: _weight(task, tradeoff, name, share) for name in task.terms})
        average.update(step)
        if step % max(1, training.steps // RECORDS) == 0 or step == training.steps - 1:
            _record(task, step, values, loss, started)
        if task.checkpoint:
            task.checkpoint.keep(step + 1, state)
    if task.checkpoint and isinstance(iterate, Replayed) and iterate.captures:
        task.checkpoint.notes.append("trained by replaying CUDA graphs")
    average.keep()
    codec.eval()
    return task.history


def _iterate(
    task: Task,
    optimizers: Mapping[str, torch.optim.Optimizer],
    rng: torch.Generator,
    fed: Sequence[Fed],
    weights: Weights,
) -> Outputs:
    """Critic steps on all batches but the last, then one of the codec on that; (term -> value, loss)."""
    *apart, last = fed
    for one in apart:
        with torch.no_grad():
            fake = _forward(task, one)[1]
        _critic_step(task, optimizers, one.batch.x, fake, rng)
    received, x_hat = _forward(task, last)
    if "critic" in optimizers and task.training.critic_batches == "same":
        _critic_step(task, optimizers, last.batch.x, x_hat.detach(), rng)
    values, loss = _loss(task, last, received, x_hat, weights)
    optimizers["codec"].zero_grad(set_to_none=False)
    with _no_gradient_to(task.critic):
        loss.backward()
    optimizers["codec"].step()
    return {name: value.detach() for name, value in values.items()}, loss.detach()


def _loss(task: Task, fed: Fed, received: Tensor, x_hat: Tensor, weights: Weights) -> Outputs:
    values = _terms(task, _outcome(task, fed.batch, received, x_hat))
    return values, sum((weights[name] * value for name, value in values.items()), torch.zeros(()))


def _set_modes(task: Task) -> None:
    freeze(task.codec)
    if task.critic is not None:
        freeze(task.critic)
    for role in task.trains:
        part: nn.Module | None = task.critic if role == "critic" else getattr(task.codec, role)
        if part is not None:
            part.train()
            for parameter in part.parameters():
                parameter.requires_grad_(True)
    if task.classifier is not None:
        freeze(task.classifier)  # last: a part that asks the classifier may hold it as a child


def _trained_parameters(task: Task) -> list[nn.Parameter]:
    roles = [role for role in task.trains if role != "critic" and (role != "entropy_model" or "rate" in task.reads)]
    return [parameter for role in roles for parameter in getattr(task.codec, role).parameters()]


def _batches(task: Task) -> Batches:
    return Batches(task.train, task.training.batch, task.seed, task.device)


def _optimizers(task: Task) -> dict[str, torch.optim.Optimizer]:
    """That of the codec, and of a critic that trains."""
    training, replayed = task.training, task.graphs is not None
    made: dict[str, torch.optim.Optimizer] = {
        "codec": flat_adam(_trained_parameters(task), training.learning_rate, training.betas, replayed)
    }
    if task.critic is not None and "critic" in task.trains:
        rate, betas = training.critic_learning_rate, training.critic_betas
        made["critic"] = flat_adam(task.critic.parameters(), rate, betas, replayed)
    return made


def _set_rates(optimizers: Mapping[str, torch.optim.Optimizer], training: Training, share: float) -> None:
    set_rate(optimizers["codec"], training.learning_rate * rate_factor(training.schedule, share, training))
    if "critic" in optimizers:
        factor = rate_factor(training.critic_schedule, share, training)
        set_rate(optimizers["critic"], training.critic_learning_rate * factor)


def _passes(task: Task) -> int:
    """How many batches an iteration takes: the codec's, and those on which a critic takes steps of its own."""
    if task.critic is None or "critic" not in task.trains:
        return 1
    return 1 + task.training.critic_steps - (task.training.critic_batches == "same")


def _feed(task: Task, drawn: tuple[Batch, int], tradeoff: Mapping[str, float], latents: Tensor | None) -> Fed:
    batch, draw = drawn
    context = Context(task.codec.seed, batch.split, batch.index, draw, tradeoff)
    return Fed(batch, context, None if latents is None else latents[batch.index])


def _forward(task: Task, fed: Fed) -> tuple[Tensor, Tensor]:
    """(received, x_hat) of a batch."""
    latent = task.codec.encoder(fed.batch.x) if fed.latent is None else fed.latent
    received = task.codec.receive(latent, fed.context)
    return received, task.codec.decoder(received, fed.context)


def _outcome(task: Task, batch: Batch, received: Tensor, x_hat: Tensor) -> Outcome:
    """What the objective may read: nothing that its active terms do not declare."""
    return Outcome(
        batch.x,
        x_hat,
        batch.labels,
        received,
        critic=task.critic if "critic" in task.reads else None,
        classifier=task.classifier if "classifier" in task.reads else None,
        bits=task.codec.entropy_model.rate(received) if "rate" in task.reads else None,
    )


def _terms(task: Task, outcome: Outcome) -> dict[str, Tensor]:
    given = (outcome.x, outcome.x_hat, outcome.received, outcome.bits, *outcome.labels.values())
    before = writes(*given)
    with _no_gradient_to(task.critic):
        values = {name: task.objective.term(name, outcome) for name in task.terms}
    if writes(*given) != before:
        raise TrainingError(
            f"The objective {task.objective.name!r} wrote into the tensors that it was given; it must work on copies."
        )
    return values


def _weight(task: Task, tradeoff: Mapping[str, float], name: str, share: float) -> float:
    """Weight of a term at this share of the steps; an annealed one starts elsewhere and moves linearly."""
    last = tradeoff.get(name, 1.0 if name == "distortion" else 0.0)
    first, until = task.training.anneal.get(name, (last, 0.0))
    return last if share >= until else first + (last - first) * share / until


def _critic_step(
    task: Task, optimizers: Mapping[str, torch.optim.Optimizer], real: Tensor, fake: Tensor, rng: torch.Generator
) -> None:
    assert task.critic is not None
    optimizers["critic"].zero_grad(set_to_none=False)
    task.critic.loss(real, fake, rng).backward()
    optimizers["critic"].step()


class _no_gradient_to:  # noqa: N801 - reads as a statement: with _no_gradient_to(critic)
    """Leave a module's parameters out of the graph that is made inside."""

    def __init__(self, module: nn.Module | None) -> None:
        parameters = module.parameters() if module is not None else ()
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]

    def __enter__(self) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(False)

    def __exit__(self, *_: object) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(True)


def _record(task: Task, step: int, values: Mapping[str, Tensor], loss: Tensor, started: float) -> None:
    """Note the learning curve; stop a training that is lost."""
    if not torch.isfinite(loss):
        raise TrainingError(f"The loss is {float(loss)} at step {step}: {_listing(values)}. Try a lower learning rate.")
    seconds = time.monotonic() - started
    if seconds > task.training.limit_seconds:
        raise TrainingError(
            f"Training took {seconds:.0f} s, more than limit_seconds = {task.training.limit_seconds:g}."
        )
    record = {"step": float(step), **{name: float(value) for name, value in values.items()}}
    task.history.append(record)
    task.progress(step, record)


def _listing(values: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name} = {float(value):.4g}" for name, value in values.items())

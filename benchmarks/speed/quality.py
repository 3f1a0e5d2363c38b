"""Time to quality: seconds of one core until a training of one operating point is as good as is asked for.

    python benchmarks/speed/quality.py RUN [GOAL...]

RUN is a finished run of mnist-universal: its classifier, judge and base codecs are used. Each goal is one training
whose learning-rate schedule ends where the levels are reached; then distortion, cross-entropy and accuracy are measured
on the validation split, and the Frechet distance by the judge that no codec was trained with. Seconds are processor
time and wall time of the training alone; another machine, or a busy one, has others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from subjects import job, split, stage_of, task
from torch.nn import functional as F

from rdcbench import train
from rdcbench.evaluation import interval_of
from rdcbench.records import Context, Decoded


@dataclass(frozen=True)
class Goal:
    """A study's point with changes of its tables, the levels to reach, and the seconds that it may take."""

    study: str
    point: Mapping[str, float]
    limit: float
    levels: Mapping[str, float]
    over: Mapping[str, Any] = field(default_factory=dict)


DENSE = {"name": "mlp", "penalty_share": 0.5}
CLOSE = {"mse": 0.0555, "perception": 85.0}

GOALS = {
    "rdc": Goal("rdc", {"classification": 0.015}, 30, {"mse": 0.053, "accuracy": 0.95}, {"training.steps": 1300}),
    "rdp": Goal(
        "rdpc", {"perception": 0.015, "classification": 0.0}, 25, CLOSE,
        {"training.steps": 1400, "training.average": 0.0, "training.precision": "bf16"},
    ),
    "rdp-perceptual": Goal(
        "rdp-base", {"perception": 0.015}, 150, {"mse": 0.066, "perception": 45.0},
        {"training.steps": 3800, "critic.widths": [8, 16, 32]},
    ),
    "rdp-universal": Goal("rdp-universal", {"perception": 0.006}, 60, CLOSE, {"training.steps": 400}),
    "rdp-universal-dense": Goal(
        "rdp-universal", {"perception": 0.01}, 12, CLOSE,
        {"training.steps": 300, "critic": DENSE, "protocol.start": ["decoder"]},
    ),
    "rdc-universal": Goal("rdc-universal", {"classification": 0.0066}, 7, {}, {"training.steps": 400}),
    "rdc-universal-4x": Goal("rdc-universal", {"classification": 0.0066}, 28, {}, {"training.steps": 1600}),
}  # fmt: skip
"""The goals of docs/performance.md; `rdc-universal` is asked for what four times its steps, `-4x`, reach."""


def measure(done: train.Task, judge: Any) -> dict[str, float]:
    """Numbers of a trained codec on the validation split."""
    codec, real = done.codec, split("validation")
    index = torch.arange(len(real))
    batch = real.batch(index)
    with torch.no_grad():
        received = codec.received(real, index)
        parts = [codec.decoder(received[some], Context(codec.seed, real.name, some)) for some in index.split(1000)]
        decoded = Decoded(batch.x, torch.cat(parts), batch.labels, torch.zeros(len(real)))
        found = {"mse": float(F.mse_loss(decoded.x_hat, decoded.x))}
        if done.classifier is not None:
            logits = done.classifier(decoded.x_hat)["digit"]
            found["ce"] = float(F.cross_entropy(logits, batch.labels["digit"]))
            found["accuracy"] = float((logits.argmax(1) == batch.labels["digit"]).double().mean())
    seen = judge.measure(decoded, None)
    return found | {name: interval_of(seen[name]).value for name in ("perception", "ce_judge", "accuracy_judge")}


def reached(found: Mapping[str, float], levels: Mapping[str, float]) -> bool:
    """Whether all levels are reached: at least for an accuracy, at most for all else."""
    return all(
        found[name] >= level if name.startswith("accuracy") else found[name] <= level for name, level in levels.items()
    )


def attempt(run: Path, name: str) -> None:
    """Train for one goal and print a line."""
    goal = GOALS[name]
    asked = job(goal.study, goal.point, goal.over)
    classifier = stage_of(run, "classifier") if "classifier" in asked.inputs else None
    training = task(asked, classifier, run)
    wall, work = time.perf_counter(), time.process_time()
    train.fit(training)
    wall, work = time.perf_counter() - wall, time.process_time() - work
    found = measure(training, stage_of(run, "judge:classifier-judge"))
    numbers = ", ".join(f"{key} {value:.4g}" for key, value in found.items())
    met = "reached" if reached(found, goal.levels) else "not reached"
    asks = ", ".join(f"{key} {level:g}" for key, level in goal.levels.items())
    spent = f"{work:.1f} s of processor time, {wall:.1f} s"
    steps = goal.over["training.steps"]
    print(f"{name}, {steps} steps: {spent}; asked for: {goal.limit:g} s to {asks or '-'}; {met}: {numbers}", flush=True)


def main(words: Sequence[str]) -> None:
    """Try the goals that are asked for, all if none is."""
    if not words:
        sys.exit(__doc__)
    for name in words[1:] or GOALS:
        attempt(Path(words[0]), name)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Time to quality: seconds of one core until a training of one operating point is as good as is asked for.

    python benchmarks/speed/quality.py RUN [GOAL...] [--seeds 0 1 2]

RUN is a finished run of mnist-universal: its classifier, judge and base codecs are used. Each goal is one training
whose learning-rate schedule ends where the levels are reached; then distortion, cross-entropy and accuracy are measured
on the validation split, and the Frechet distance by the judge that no codec was trained with. Seconds are processor
time and wall time of the training alone; another machine, or a busy one, has others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
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
GAME = {"training.batch": 128, "training.critic_learning_rate": 2e-3}
WINDOWS = {
    **GAME,
    "critic": {"name": "patches", "widths": [128, 64]},
    "decoder": {"name": "patches", "start": 0.1},
}
SHORT = {
    **GAME, "training.average": 0.97, "critic": {"name": "patches"},
    "decoder": {"name": "mlp", "widths": [128, 256, 512], "batch_norm": False, "start": 0.1},
}  # fmt: skip

GOALS = {
    "rdc": Goal("rdc", {"classification": 0.015}, 30, {"mse": 0.053, "accuracy": 0.95}, {"training.steps": 1300}),
    "rdp": Goal(
        "rdp-base", {"perception": 0.0097}, 25, CLOSE,
        {**SHORT, "sweep": {"perception": [0.0097]}, "training.steps": 1200},
    ),
    "rdp-16": Goal(
        "rdp-base", {"perception": 0.0098}, 16, CLOSE,
        {**SHORT, "sweep": {"perception": [0.0098]}, "training.steps": 1050, "training.precision": "bf16"},
    ),
    "rdp-perceptual": Goal(
        "rdp-base", {"perception": 0.018}, 150, {"mse": 0.066, "perception": 45.0},
        {**WINDOWS, "sweep": {"perception": [0.018]}, "training.steps": 3300},
    ),
    "rdp-perceptual-32": Goal(
        "rdp-base", {"perception": 0.021}, 90, {"mse": 0.066, "perception": 32.0},
        {**WINDOWS, "sweep": {"perception": [0.021]}, "training.steps": 4200, "training.precision": "bf16"},
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


def attempt(run: Path, name: str, seed: int) -> None:
    """Train for one goal and print a line."""
    goal = GOALS[name]
    asked = job(goal.study, goal.point, goal.over, seed)
    classifier = stage_of(run, "classifier") if "classifier" in asked.inputs else None
    training = task(asked, classifier, run)
    wall, work = time.perf_counter(), time.process_time()
    train.fit(training)
    wall, work = time.perf_counter() - wall, time.process_time() - work
    found = measure(training, stage_of(run, "judge:classifier-judge"))
    numbers = ", ".join(f"{key} {value:.4g}" for key, value in found.items())
    met = "reached" if reached(found, goal.levels) else "not reached"
    asks = ", ".join(f"{key} {level:g}" for key, level in goal.levels.items())
    steps = goal.over["training.steps"]
    print(
        f"{name}, seed {seed}, {steps} steps: {work:.1f} s of processor time, {wall:.1f} s; "
        f"asked for: {goal.limit:g} s to {asks or '-'}; {met}: {numbers}",
        flush=True,
    )


def main() -> None:
    """Try the goals that are asked for, all if none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("goals", nargs="*", metavar="GOAL", help=f"of {', '.join(GOALS)}; all if none is given")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="seeds other than 0: of end-to-end goals only"
    )
    asked = parser.parse_args()
    if unknown := sorted({*asked.goals} - {*GOALS}):
        parser.error(f"no goal {', '.join(unknown)}; there is: {', '.join(GOALS)}")
    for name in asked.goals or GOALS:
        for seed in asked.seeds:
            attempt(asked.run, name, seed)


if __name__ == "__main__":
    main()

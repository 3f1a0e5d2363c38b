"""What it gives to start a training from a neighbour: from the codec of another lambda, and from its critic.

    python benchmarks/speed/starts.py RUN

RUN is a finished run of mnist-universal: its classifier, judge and codecs are used. Prints a table of steps, processor
seconds of the training, and the numbers of the validation split, one training for each line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quality import measure
from subjects import job, stage_of, task

from rdcbench import train

COLUMNS = ("mse", "perception", "ce", "accuracy")


@dataclass(frozen=True)
class Neighbour:
    """A point that is trained, the job of another point, and the steps to try from each start."""

    study: str
    point: Mapping[str, float]
    other: str
    steps: Sequence[int]
    starts: Sequence[Sequence[str]]


NEIGHBOURS = (
    Neighbour(
        "rdc", {"classification": 0.0066}, "rdc/end-to-end/classification=0.015/seed0", (500, 1000, 2000),
        ((), ("encoder", "decoder")),
    ),
    Neighbour(
        "rdp", {"perception": 0.006}, "rdp-base/end-to-end/perception=0.015/seed0", (400, 800, 1600),
        ((), ("encoder", "decoder"), ("encoder", "decoder", "critic")),
    ),
    Neighbour(
        "rdp-universal", {"perception": 0.006}, "rdp-base/end-to-end/perception=0.015/seed0", (400,),
        ((), ("decoder",), ("decoder", "critic")),
    ),
)  # fmt: skip


def attempt(run: Path, judge: Any, neighbour: Neighbour, steps: int, start: Sequence[str]) -> None:
    """Train once and print a line; a universal decoder has the other job's encoder in any case."""
    over: dict[str, Any] = {"training.steps": steps}
    if "universal" in neighbour.study:
        over["protocol.start"] = list(start)
    asked = job(neighbour.study, neighbour.point, over)
    asked = asked.model_copy(update={"inputs": {**asked.inputs, **dict.fromkeys(start, neighbour.other)}})
    classifier = stage_of(run, "classifier") if "classifier" in asked.inputs else None
    training = task(asked, classifier, run)
    work = time.process_time()
    train.fit(training)
    work = time.process_time() - work
    found = measure(training, judge)
    numbers = " | ".join(f"{found[name]:.4g}" if name in found else "" for name in COLUMNS)
    print(f"| {neighbour.study} | {', '.join(start) or 'nothing'} | {steps} | {work:.1f} | {numbers} |", flush=True)


def main(words: Sequence[str]) -> None:
    """Try all starts."""
    if len(words) != 1:
        sys.exit(__doc__)
    run = Path(words[0])
    judge = stage_of(run, "judge:classifier-judge")
    print(f"| study | starts from | steps | seconds | {' | '.join(COLUMNS)} |\n|{' --- |' * 8}")
    for neighbour in NEIGHBOURS:
        for start in neighbour.starts:
            for steps in neighbour.steps:
                attempt(run, judge, neighbour, steps, start)


if __name__ == "__main__":
    main(sys.argv[1:])

"""How a training step, its weights and its memory grow with the image: python benchmarks/speed/growth.py

The networks of figure 5 in `mnist-universal`'s default preset on noise of other sizes, one thread, each size in a
process of its own. One row of a Markdown table for each.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

SIZES = (28, 56, 112)
STEPS = 20


@dataclass(frozen=True)
class Noise:
    """As much of a data set as parts ask for."""

    image_shape: tuple[int, ...]
    classes: dict[str, int]


def memory() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(size: int) -> str:
    """Train some steps on images of size x size and give a row of the table."""
    import torch

    from rdcbench import building, train
    from rdcbench.benchmarks import find_recipe
    from rdcbench.loading import load_recipe
    from rdcbench.plan import active_terms, make_plan
    from rdcbench.records import Split
    from rdcbench.registry import load

    torch.set_num_threads(1)
    recipe = load_recipe(find_recipe("mnist-universal"), "", [(["only"], ["rdp"])])
    plan = make_plan(recipe.model_copy(update={"metrics": [], "judges": [], "classifier": None}), 1, load())
    job = next(job for job in plan.jobs if job.parts.get("critic") and not job.inputs)
    images = torch.randint(0, 256, (512, 1, size, size), dtype=torch.uint8)
    dataset: Any = Noise((1, size, size), {"digit": 10})
    before = memory()

    def task(steps: int) -> train.Task:
        assert job.training is not None
        built = building.build_codec(job, dataset, load(), None)
        return train.Task(
            codec=built.codec,
            objective=load().build("objective", "weighted", {}),
            train=Split("train", images, {"digit": torch.zeros(512, dtype=torch.long)}),
            training=job.training.model_copy(update={"steps": steps}),
            trains=["encoder", "decoder", "critic"],
            terms=active_terms(job, load()),
            tradeoffs=[job.tradeoff],
            seed=0,
            critic=built.critic,
        )

    train.fit(task(2))
    short, long = task(2), task(2 + STEPS)
    seconds = []
    for each in (short, long):
        started = time.process_time()
        train.fit(each)
        seconds.append(time.process_time() - started)
    parts = (short.codec, short.critic)
    count = sum(p.numel() for part in parts if part is not None for p in part.parameters())
    step = (seconds[1] - seconds[0]) / STEPS
    return f"| {size}x{size} | {1e3 * step:.1f} | {count / 1e6:.2f} | {4 * count / 1e6:.1f} | {memory() - before:.0f} |"


def main() -> None:
    """Print the table."""
    if len(sys.argv) > 1:
        print(measure(int(sys.argv[1])))
        return
    print("| image | processor time a step, ms | parameters, millions | weights, MB | memory, MB |")
    print("|" + " --- |" * 5, flush=True)
    for size in SIZES:
        subprocess.run([sys.executable, __file__, str(size)], check=True)


if __name__ == "__main__":
    main()

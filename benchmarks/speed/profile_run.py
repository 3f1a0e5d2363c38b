"""Where a run spent its time, from its own files, as a Markdown table: python benchmarks/speed/profile_run.py RUN

Training seconds are those that each job noted. Coding is the time to compress and to decode the test split. A row's
cell is written when its evaluation ends, and its weights, or the cell of the row before that shares them, when it
began: the time between is what evaluation took, judges and coding included. So the files must be where and when the
run wrote them; a copied run, or one that was taken up again, has other times. Work that rows share counts once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rdcbench.jobs import Plan
from rdcbench.results import Cell
from rdcbench.store import Store

HEAD = "| study | jobs | steps | training | ms a step | compress and decode | evaluation in all | share |"


@dataclass
class Spent:
    """Jobs and codec steps, and the seconds of one worker that they took."""

    jobs: int = 0
    steps: int = 0
    training: float = 0.0
    coding: float = 0.0
    evaluation: float = 0.0

    @property
    def whole(self) -> float:
        return self.training + self.evaluation

    def add(self, other: Spent) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def spent(store: Store, plan: Plan) -> dict[str, Spent]:
    """Study (or classifier, or judge) -> what its jobs took; each training and each evaluation once."""
    table: dict[str, Spent] = {}
    for job in plan.jobs:
        key = plan.train_keys[job.name]
        if job.stage != "codec" and store.has_weights(key):
            seconds = float(store.weights(key)[1]["train_seconds"])
            table.setdefault(job.name, Spent()).add(Spent(1, training=seconds))
    trained: dict[str, float] = {}
    for cell, written in sorted(_cells(store, plan), key=lambda found: found[1]):
        first = cell.train_key not in trained
        began = trained.get(cell.train_key, _written(store, f"weights/{cell.train_key}.safetensors"))
        trained[cell.train_key] = written
        images = len(store.arrays(cell.key, names=["mse"]).get("mse", ()))
        study = table.setdefault(cell.job.row.split("/")[0], Spent())
        study.add(Spent(1, coding=images * 1e-6 * (cell.costs["encode_us"] + cell.costs["decode_us"])))
        study.add(Spent(evaluation=written - began))
        if first:
            steps = cell.job.training.steps if cell.history and cell.job.training else 0
            study.add(Spent(steps=steps, training=cell.costs["train_seconds"]))
    return table


def _cells(store: Store, plan: Plan) -> Iterator[tuple[Cell, float]]:
    """The finished cells, and when each was written."""
    for key in {plan.keys[job.name] for job in plan.jobs if job.stage == "codec"}:
        cell = store.cell(key)
        if cell is not None and cell.status == "done":
            yield cell, _written(store, f"cells/{key}.json")


def _written(store: Store, name: str) -> float:
    return store.path(name).stat().st_mtime


def lines(table: dict[str, Spent]) -> Iterator[str]:
    """The table in Markdown, the sum last."""
    total = Spent()
    for entry in table.values():
        total.add(entry)
    yield HEAD
    yield "|" + " --- |" * HEAD.count(" | ") + " --- |"
    for name, entry in [*table.items(), ("all", total)]:
        step = f"{1e3 * entry.training / entry.steps:.1f}" if entry.steps and name != "all" else ""
        numbers = (f"{value:.1f}" if value else "" for value in (entry.training, entry.coding, entry.evaluation))
        training, coding, evaluation = numbers
        share = f"{100 * entry.whole / total.whole:.1f} %"
        cells = (name, str(entry.jobs), f"{entry.steps or ''}", training, step, coding, evaluation, share)
        yield "| " + " | ".join(cells) + " |"


def main(words: Sequence[str]) -> None:
    """Print the table of a run."""
    if len(words) != 1:
        sys.exit(__doc__)
    store = Store(Path(words[0])).open()
    plan = store.plan()
    if plan is None:
        sys.exit(f"{words[0]} has no plan yet; give the folder of a finished run.")
    print("\n".join(lines(spent(store, plan))))


if __name__ == "__main__":
    main(sys.argv[1:])

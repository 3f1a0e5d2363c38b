"""Fill the block `paper` of benchmarks/mnist-universal/README.md from runs of the preset `paper`, and keep their rows.

    python docs/make_paper.py RUN...

Points that were trained with the paper's networks, each with its steps and seconds; the tables of the runs go to
results/paper-STUDY.csv. No number in the block is typed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from blocks import filled, table
from make_results import BENCHMARK, COLUMNS, shown

from rdcbench.results import Row
from rdcbench.store import Store


def main(arguments: Sequence[str]) -> None:
    """Write the block and the files."""
    if not arguments:
        sys.exit(__doc__)
    runs = [Path(run) for run in arguments]
    page = BENCHMARK / "README.md"
    blocks = {"paper": lambda: rows_of([Store(run) for run in runs])}
    page.write_text(filled(page.read_text(encoding="utf-8"), blocks, keep=True), encoding="utf-8")
    for run in runs:
        shutil.copyfile(run / "leaderboard.csv", BENCHMARK / "results" / f"paper-{Store(run).rows()[0].study}.csv")


def rows_of(stores: Sequence[Store]) -> Iterator[str]:
    """A line for each row: budget, then what was measured."""
    lines = [
        (row.study, row.point, *budget(store, row), *(shown(row, field, digits) for field, digits in COLUMNS.values()))
        for store in stores
        for row in store.rows()
    ]
    yield from table(("study", "point", "steps", "training, min", *COLUMNS), lines)


def budget(store: Store, row: Row) -> tuple[str, str]:
    """Steps and minutes of the training of a row's first seed."""
    plan = store.plan()
    assert plan is not None
    job = plan.job(f"{row.name}/seed{row.seeds[0]}")
    cell = store.cell(plan.keys[job.name])
    assert job.training is not None
    assert cell is not None
    return f"{job.training.steps:,}", f"{cell.costs['train_seconds'] / 60:.0f}"


if __name__ == "__main__":
    main(sys.argv[1:])

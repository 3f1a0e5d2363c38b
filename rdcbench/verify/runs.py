"""A run as evidence: its sound rows, and sentences on cells that are missing, failed, double, damaged or unsound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rdcbench.errors import StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.results import Cell, Row
from rdcbench.store import Store
from rdcbench.verify.samples import LEFT_OUT, Samples

UNBOUNDED = frozenset({"rate_bound"})
"""Fields that may be infinite: codecs without a bound on their rate."""

Notes = dict[str, list[str]]
"""Row -> sentences."""


@dataclass
class Run:
    """One run folder.

    missing: cells that are not there yet. faults: cells that failed, that two jobs claim, or that are damaged.
    unsound: (row, field) -> a sentence on values that are not numbers. None of these are in `rows` or, for `unsound`,
    may be used of them.
    """

    store: Store
    plan: Plan
    rows: list[Row] = field(default_factory=list)
    missing: Notes = field(default_factory=dict)
    faults: Notes = field(default_factory=dict)
    unsound: dict[tuple[str, str], str] = field(default_factory=dict)


def read_run(store: Store, samples: Samples) -> Run:
    """Read a run, its arrays into `samples`; StoreError if it was never planned or has no finished row."""
    plan, rows = store.plan(), store.rows()
    if plan is None or not rows:
        raise StoreError(f"{store.root} has no finished row yet; see `rdcbench status {store.root}`.")
    run = Run(store, plan)
    for job in plan.jobs:
        if job.stage == "codec":
            _note_state(run, job, store.cell(plan.keys[job.name]))
    run.rows = [row for row in rows if _is_single(run, row) and _read_arrays(run, row, samples)]
    return run


def instrument(run: Run, row: Row, name: str) -> tuple[str, ...]:
    """What a field was measured with: unit, version, who, and which trained network judged.

    Rows compare in a field when this is equal. A network is known by what it measures between real images, or else by
    the key of its training. Of a rate it is the version of the bitstream.
    """
    info, reference = row.fields.get(name), row.values[name].reference
    if info is None:
        return ()
    stage = "classifier" if info.source == "metric:classifier" else info.source
    trained = run.plan.train_keys.get(stage, "") if reference is None else f"{reference:.6g}"
    return info.unit, info.version, info.source, trained


def _note_state(run: Run, job: Job, cell: Cell | None) -> None:
    key = run.plan.keys[job.name]
    run.store.finished(key)  # looks for damage in all files of the cell
    damage = [run.store.damaged[name] for name in run.store.files_of(key) if name in run.store.damaged]
    if damage:
        run.faults.setdefault(job.row, []).append(f"{job.name} is damaged: {'; '.join(damage)}")
    elif cell is None:
        run.missing.setdefault(job.row, []).append(f"{job.name} is missing")
    elif cell.status == "failed":
        run.faults.setdefault(job.row, []).append(f"{job.name} failed: {cell.error or 'no reason was kept'}")


def _is_single(run: Run, row: Row) -> bool:
    if len(set(row.seeds)) == len(row.seeds):
        return True
    told = f"{row.name} has several cells of one seed (seeds {', '.join(map(str, row.seeds))})"
    run.faults.setdefault(row.name, []).append(told)
    return False


def _read_arrays(run: Run, row: Row, samples: Samples) -> bool:
    """Read a row's arrays; False if they cannot be read."""
    for number, (seed, key) in enumerate(zip(row.seeds, row.keys, strict=True)):
        try:
            arrays = run.store.arrays(key)
        except StoreError as damage:
            run.faults.setdefault(row.name, []).append(f"{row.name} cannot be read: {damage}")
            return False
        measured = {name: array for name, array in arrays.items() if not name.startswith("sample_")}
        values = {name: value.seed_values[number] for name, value in row.values.items()}
        samples.add(key, values, measured)
        for name in _unsound(values, measured):
            run.unsound[row.name, name] = f"{row.name} has values of {name} that are not numbers (seed {seed})"
    return True


def _unsound(values: Mapping[str, float], arrays: Mapping[str, npt.NDArray[Any]]) -> set[str]:
    """Fields of which a value, an image's value or a jackknife value is not a number."""
    found = {name for name, value in values.items() if name not in UNBOUNDED and not np.isfinite(value)}
    return found | {name.removesuffix(LEFT_OUT) for name, array in arrays.items() if not np.isfinite(array).all()}

"""The two sides of a comparison: a run, or one study of it, with draws that both sides share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rdcbench import stats
from rdcbench.errors import StoreError, unknown
from rdcbench.report.comparable import check_comparable
from rdcbench.results import Row
from rdcbench.store import Store
from rdcbench.verify.gaps import cost
from rdcbench.verify.runs import Run, instrument, read_run
from rdcbench.verify.samples import Sample, Samples, each, is_root


@dataclass(frozen=True)
class Side:
    """Rows of a run (of one study of it, where that is named) and what they were measured by.

    samples: the side's own, so that a cell that both runs have is read twice. The counts are the same on both sides.
    """

    label: str
    study: str
    run: Run
    rows: tuple[Row, ...]
    samples: Samples

    def key(self, row: Row) -> tuple[str, str]:
        """What a row of the other side must have in common to be its partner: the point, and the study of a run."""
        return ("" if self.study else row.study), row.point

    def studies(self) -> dict[str, list[Row]]:
        """Study -> its rows; under one name on both sides where each names a study."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault("" if self.study else row.study, []).append(row)
        return found

    def sound(self, row: Row, name: str) -> str:
        """Why a field of a row cannot be used, empty if it can."""
        if name not in row.values:
            return f"{row.name} has no {name}"
        return self.run.unsound.get((row.name, name), "")

    def instrument(self, row: Row, name: str) -> tuple[str, ...]:
        """What a field was measured with."""
        return instrument(self.run, row, name)

    def by_blocks(self, rows: Sequence[Row], *names: str) -> bool:
        """Whether a field of these rows is a distance between distributions, drawn by blocks of images."""
        return any(self.samples.is_distance(key, name) for row in rows for key in row.keys for name in names)

    def draw(self, row: Row, seed: int, name: str, by_blocks: bool) -> Sample | None:
        """A field of one seed of a row with its draws, in the field's unit; None where no values by image were kept."""
        number = row.seeds.index(seed)
        try:
            value, draws = self.samples.draw(row.keys[number], name, by_blocks)
        except KeyError:
            return None
        if is_root(row.values[name].seed_values[number], value):
            return math.sqrt(value), np.sqrt(np.maximum(draws, 0.0))
        return value, draws

    def tradeoff(self, rows: Sequence[Row], names: tuple[str, str], seed: int) -> stats.TradeoffRows | None:
        """Rows with one seed as (constraint, distortion) so that less is better, with draws; None without them."""
        by_blocks = self.by_blocks(rows, *names)
        columns = []
        for name in names:
            found = [(row, self.draw(row, seed, name, by_blocks)) for row in rows]
            samples = [cost(row, name, sample) for row, sample in found if sample is not None]
            if len(samples) < len(rows):
                return None
            columns.append(each(samples))
        (limits, limit_draws), (values, value_draws) = columns
        return stats.TradeoffRows(limits, values, limit_draws, value_draws)


def read_sides(first: Path, second: Path) -> tuple[Side, Side]:
    """Read both sides, each RUN or RUN/STUDY.

    StoreError where one is no run, where only one names a study, or where their rows do not compare.
    """
    (first_run, first_study), (second_run, second_study) = _parts(first), _parts(second)
    if bool(first_study) != bool(second_study):
        raise StoreError(f"{first} and {second}: one is a run, the other one study of a run; give two of a kind.")
    sides = _read(first, first_run, first_study), _read(second, second_run, second_study)
    check_comparable([side.run.store for side in sides], [row for side in sides for row in side.rows])
    return sides


def _parts(path: Path) -> tuple[Path, str]:
    """The run folder, and the study where one is named; what is neither is refused by `Store.open`."""
    if not (path / "provenance.json").is_file() and (path.parent / "provenance.json").is_file():
        return path.parent, path.name
    return path, ""


def _read(path: Path, folder: Path, study: str) -> Side:
    samples = Samples()
    run = read_run(Store(folder).open(), samples)
    rows = [row for row in run.rows if study in ("", row.study)]
    if not rows:
        raise StoreError(_lacks(run, folder, study))
    return Side(str(path), study, run, tuple(rows), samples)


def _lacks(run: Run, folder: Path, study: str) -> str:
    """Why a side has no row."""
    if there := {row.study for row in run.rows}:
        return unknown(f"study with a finished row in {folder}", study, there)
    faults = [told for sentences in run.faults.values() for told in sentences]
    return f"{folder} has no sound row: {faults[0] if faults else 'none is finished'}"

"""The rows of one or several runs, and the scope of one claim: the rows that it is about, and those that it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from rdcbench.results import Cell, Row
from rdcbench.stats import Interval, joined, refused
from rdcbench.store import Store
from rdcbench.verify.runs import Run, instrument, read_run
from rdcbench.verify.samples import Sample, Samples
from rdcbench.verify.verdicts import Undecided, listed


class Evidence:
    """The rows of a run, and of further runs those of the studies that no run before them has.

    unused: the studies that a further run has beside them.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        self.samples = Samples()
        self.runs = [read_run(store, self.samples) for store in stores]
        self.rows: list[Row] = []
        self.unused: list[str] = []
        self._run_of: dict[str, Run] = {}
        for run in self.runs:
            studies = {job.name.split("/")[0] for job in run.plan.jobs if job.stage == "codec"}
            self.unused += [f"{study} of {run.store.root.name}" for study in sorted(studies & set(self._run_of))]
            self.rows += [row for row in run.rows if row.study not in self._run_of]
            self._run_of |= dict.fromkeys(studies - set(self._run_of), run)

    def run_of(self, row: Row) -> Run:
        """The run that a row is of."""
        return self._run_of[row.study]

    def cell(self, row: Row, seed: int) -> Cell:
        """The cell of one seed of a row."""
        cell = self.run_of(row).store.cell(key_of(row, seed))
        assert cell is not None, "rows are made of cells that were read"
        return cell

    def losses(self, study: str, points: Iterable[str] = ()) -> list[str]:
        """Sentences on cells of a study (of some of its points) that were planned and cannot be used."""
        run, wanted = self._run_of.get(study), set(points)
        notes = [*run.missing.items(), *run.faults.items()] if run else []
        return [
            sentence
            for name, sentences in notes
            for sentence in sentences
            if name.split("/", 2)[0] == study and (not wanted or name.split("/", 2)[2] in wanted)
        ]

    def instrument(self, row: Row, name: str) -> tuple[str, ...]:
        """What a field of a row was measured with, see `runs.instrument`."""
        return instrument(self.run_of(row), row, name)

    def differences(self, rows: Sequence[Row], fields: Iterable[str]) -> list[str]:
        """Sentences on rows that do not compare, in their images or in a field; none if all do."""
        told = []
        if groups := _groups(rows, lambda row: row.data_digest):
            told.append(f"other images (data digests differ): {groups}")
        for name in fields:
            having = [row for row in rows if name in row.values]
            if groups := _groups(having, lambda row, name=name: self.instrument(row, name)):  # type: ignore[misc]
                told.append(f"another definition or version of {name}: {groups}")
        return told


def _groups(rows: Sequence[Row], what: Callable[[Row], object]) -> str:
    """Rows that differ in something, as "a, b and 3 more against c"; empty if none do."""
    groups: dict[object, list[str]] = {}
    for row in rows:
        groups.setdefault(what(row), []).append(row.name)
    return " against ".join(listed(names, 2) for names in groups.values()) if len(groups) > 1 else ""


class Scope:
    """What one claim looks at. Rows are chosen through it, so that it knows what the claim had to do without.

    lost: sentences on rows that belong to the claim and could not be used.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.lost: list[str] = []
        self._chosen: dict[str, Row] = {}

    def aside(self) -> Scope:
        """A scope for another judge's view of the same claim: what that judge lacks is not lost to the claim."""
        return Scope(self.evidence)

    def rows(self, studies: Iterable[str], *fields: str, points: Sequence[str] = ()) -> list[Row]:
        """Rows of some studies (at some points) that have all the fields, and compare with those chosen before.

        Undecided if there is none, or if they do not compare.
        """
        names = list(studies)
        there = [row for row in self.evidence.rows if row.study in names and (not points or row.point in points)]
        for study in names:
            losses = self.evidence.losses(study, points)
            nothing = [] if any(row.study == study for row in there) else [f"no row of {study}"]
            self._lose(losses or (nothing if there else []))
        found = self._sound(there, fields)
        if found:
            lacking = [f"{row.name} has no {name}" for row in there for name in fields if name not in row.values]
            self._lose(lacking)
        else:
            at = f" at {', '.join(points)}" if points else ""
            raise Undecided("; ".join([f"no row of {', '.join(names)}{at} with {', '.join(fields)}", *self.lost]))
        self._chosen |= {row.name: row for row in found}
        if differences := self.evidence.differences(list(self._chosen.values()), fields):
            raise Undecided("; ".join(f"rows do not compare, {sentence}" for sentence in differences))
        return found

    def row(self, study: str, point: str, *fields: str) -> Row:
        """One row; Undecided if it is not there."""
        return self.rows([study], *fields, points=[point])[0]

    def every_row(self, *fields: str) -> list[Row]:
        """All rows with all the fields, one by one: they need not compare. Undecided if there is none."""
        for study in dict.fromkeys(row.study for row in self.evidence.rows):
            self._lose(self.evidence.losses(study))
        found = self._sound(self.evidence.rows, fields)
        if not found:
            raise Undecided(f"no row has {', '.join(fields)}")
        return found

    def _sound(self, rows: Iterable[Row], fields: Sequence[str]) -> list[Row]:
        """The rows that have the fields, and numbers in them."""
        found = []
        for row in rows:
            notes = self.evidence.run_of(row).unsound
            unsound = [notes[row.name, name] for name in fields if (row.name, name) in notes]
            self._lose(unsound)
            if not unsound and all(name in row.values for name in fields):
                found.append(row)
        return found

    def _lose(self, sentences: Iterable[str]) -> None:
        self.lost += [sentence for sentence in sentences if sentence not in self.lost]

    def draw(self, row: Row, seed: int, name: str, by_blocks: bool = False) -> Sample:
        """A field of one seed of a row with its draws; Undecided where the cell kept no values by image."""
        try:
            return self.evidence.samples.draw(key_of(row, seed), name, by_blocks)
        except KeyError:
            raise Undecided(f"{row.name} kept no values of {name} by image: nothing can be paired") from None

    def by_blocks(self, rows: Iterable[Row], *fields: str) -> bool:
        """Whether one of the fields is a distance between distributions, so that all are to be drawn by blocks."""
        samples = self.evidence.samples
        return any(samples.is_distance(key, name) for row in rows for key in row.keys for name in fields)


def key_of(row: Row, seed: int) -> str:
    """The cell's key of one seed of a row."""
    return row.keys[row.seeds.index(seed)]


def common_seeds(rows: Sequence[Row]) -> list[int]:
    """Seeds that all rows have; Undecided if there is none."""
    seeds = [seed for seed in rows[0].seeds if all(seed in row.seeds for row in rows)]
    if not seeds:
        raise Undecided(f"{listed(row.name for row in rows)} have no seed in common")
    return seeds


def interval_of(row: Row, name: str) -> Interval:
    """A field of a row with its interval over images and, with several seeds, over seeds too."""
    value = row.values[name]
    if not (math.isfinite(value.image_lo) and math.isfinite(value.image_hi)):
        return refused(f"{name} has no interval over images", value.value)
    return joined(value.value, (value.image_lo, value.image_hi), (value.seed_lo, value.seed_hi))

"""A run on disk: every file is written to a temporary name and renamed, so what is there is whole.

RUN/  recipe.toml  expected.toml  provenance.json  plan.json  cells/KEY.json + KEY.npz  weights/KEY.safetensors
      streams/KEY.rdc  progress/KEY.json  checkpoints/KEY.safetensors  figures/
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from rdcbench import arrayfile, sealed, tensorfile
from rdcbench.derived import with_derived
from rdcbench.errors import StoreError
from rdcbench.folder import Folder
from rdcbench.jobs import Plan
from rdcbench.loading import checked, read_toml
from rdcbench.recipe import Recipe
from rdcbench.results import SCHEMA_VERSION, Cell, Row, make_row

if TYPE_CHECKING:
    from torch import Tensor

Arrays = Mapping[str, npt.NDArray[Any]]
RUN_FILES = ("recipe.toml", "expected.toml", "provenance.json", "plan.json", "running.json")


class Store(Folder):
    """One run folder: what its files mean."""

    # ------------------------------------------------------------------------------------------------------ the run

    def create(self, recipe: Recipe, provenance: Mapping[str, Any], expected: str = "") -> None:
        """Make the folder, or check that the one there is a run that this program can extend."""
        self.check_place()
        self.write("provenance.json", json.dumps(provenance, indent=1).encode())  # first: it makes this a run folder
        self.write("recipe.toml", recipe.to_toml().encode())
        if expected:
            self.write("expected.toml", expected.encode())

    def check_place(self) -> None:
        """Refuse a folder that holds something else, or a run of another schema version."""
        strange = [path for path in self.root.glob("*") if not path.name.startswith(".")]
        if strange and not (self.root / "provenance.json").exists():
            raise StoreError(f"{self.root} exists and is not a run folder; choose another --out or empty it.")
        self.check_schema()

    def check_schema(self) -> None:
        """Refuse a run of another schema version."""
        path = self.root / "provenance.json"
        if path.exists():
            found = self._json(path).get("schema_version")
            if found != SCHEMA_VERSION:
                raise StoreError(
                    f"{self.root} was written with schema version {found}; this program reads {SCHEMA_VERSION}. "
                    "Use the version of rdcbench named in its provenance.json, or run into another --out."
                )

    def open(self) -> Store:
        """Check that this is a run, and give it back."""
        if not (self.root / "provenance.json").is_file():
            raise StoreError(
                f"{self.root} is not a run folder: it has no provenance.json. Runs are made by `rdcbench run`."
            )
        self.check_schema()
        return self

    def recipe(self) -> Recipe:
        """The resolved recipe."""
        path = self.root / "recipe.toml"
        return checked(path, read_toml(path))

    def provenance(self) -> dict[str, Any]:
        """Where the run was made."""
        return self._json(self.root / "provenance.json")

    def plan(self) -> Plan | None:
        """The plan of the last start, None before the first."""
        path = self.root / "plan.json"
        try:
            return Plan.model_validate_json(sealed.unseal(path.read_bytes())) if path.exists() else None
        except (ValueError, OSError) as error:
            raise StoreError(
                f"{path} cannot be read; delete it and run again. ({str(error).splitlines()[0]})"
            ) from error

    def write_plan(self, plan: Plan) -> None:
        """Keep the plan: names, jobs and keys."""
        self.write("plan.json", sealed.seal(plan.model_dump_json(indent=1).encode()))

    # -------------------------------------------------------------------------------------------------------- cells

    def cell(self, key: str) -> Cell | None:
        """Read a finished or failed cell, None if there is none; a damaged one counts as none."""
        found = self._envelope(key)
        return found[0] if found else None

    @staticmethod
    def files_of(key: str) -> tuple[str, ...]:
        """Names of the files that a cell may have, its own first."""
        return f"cells/{key}.json", f"cells/{key}.npz", f"streams/{key}.rdc"

    def finished(self, key: str) -> bool:
        """Whether a cell is done, and its arrays and its stream are what they were when it was written."""
        return self._is_finished(key) or (self._cell_from_cache(key) and self._is_finished(key))

    def _is_finished(self, key: str) -> bool:
        found = self._envelope(key)
        if found is None or found[0].status != "done":
            return False
        checks = {name: partial(sealed.check, expected=expected) for name, expected in found[1].items()}
        return all(self.sound(name, check) is not None for name, check in checks.items())

    def _envelope(self, key: str) -> tuple[Cell, dict[str, str]] | None:
        """A cell, and the digests of the files that belong to it; from the cache where the run's own is not sound."""
        name = f"cells/{key}.json"
        found = self.sound(name, _parsed_cell)
        if found is None and self._cell_from_cache(key):
            found = self.sound(name, _parsed_cell)
        return found

    @staticmethod
    def parse_cell(data: bytes) -> Cell:
        """Read a cell out of its envelope; ValueError if it is not as it was written."""
        return Cell.model_validate_json(sealed.unpack_cell(data)[0])

    def write_cell(self, cell: Cell, arrays: Arrays) -> None:
        """Write a cell's arrays, then the cell with their digest and that of its stream."""
        files: dict[str, str] = {}
        if arrays:
            packed = arrayfile.pack(arrays)
            files[f"cells/{cell.key}.npz"] = sealed.digest(packed)
            self.write(f"cells/{cell.key}.npz", packed, share=True)
        stream = f"streams/{cell.key}.rdc"
        if cell.status == "done" and self.path(stream).exists():
            files[stream] = sealed.digest(self.path(stream).read_bytes())
        data = sealed.pack_cell(cell.model_dump_json(), files)
        self.write(f"cells/{cell.key}.json", data, share=cell.status == "done")

    def arrays(
        self, key: str, folder: str = "cells", names: Collection[str] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Per-image arrays of a cell, of some fields only if they are named; empty if it has none."""
        path = self.root / folder / f"{key}.npz"
        if not path.exists():
            return {}
        try:
            return arrayfile.read(path, names)
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({error}); delete it and its cell and run again.") from error

    def _some_arrays(self, key: str, names: Collection[str]) -> Arrays:
        """Some arrays of a cell, as far as it has them and they can be read."""
        try:
            return self.arrays(key, names=names)
        except StoreError:
            return {}

    def rows(self) -> list[Row]:
        """The rows of all finished cells, in the order of the plan."""
        plan = self.plan()
        if plan is None:
            return []
        groups: dict[str, list[Cell]] = {}
        for job in plan.jobs:
            cell = self.cell(plan.keys[job.name]) if job.stage == "codec" else None
            if cell is not None and cell.status == "done":
                whole = with_derived(cell, lambda names, key=cell.key: self._some_arrays(key, names))  # type: ignore[misc]
                groups.setdefault(job.row, []).append(whole.model_copy(update={"job": job}))
        return [make_row(name, cells, self.root.name) for name, cells in groups.items()]

    # ------------------------------------------------------------------------------------------- weights and streams

    def has_weights(self, key: str) -> bool:
        """Whether a training is finished, and its weights are what they were when they were written."""
        name = f"weights/{key}.safetensors"
        if self.sound(name, tensorfile.check):
            return True
        return self.from_cache(name) and bool(self.sound(name, tensorfile.check))

    def write_weights(self, key: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Keep the outcome of a training: tensors, and facts that JSON can hold."""
        self.write(f"weights/{key}.safetensors", tensorfile.pack(tensors, facts), share=True)

    def weights(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read tensors and facts."""
        name = f"weights/{key}.safetensors"
        if not self.path(name).exists() and not self.from_cache(name):
            raise StoreError(f"{self.path(name)} is missing; run the benchmark again to make it.")
        return self.tensors(name)

    def write_tensors(self, relative: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write tensors and facts into a file of this run."""
        self.write(relative, tensorfile.pack(tensors, facts))

    def tensors(self, relative: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read tensors and facts; StoreError if a bit of them is not as it was written."""
        path = self.path(relative)
        try:
            return tensorfile.read(path)
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({error}); delete it and run again.") from error

    def _cell_from_cache(self, key: str) -> bool:
        return self.from_cache(*self.files_of(key))

    def _json(self, path: Path) -> dict[str, Any]:
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(
                f"{path} cannot be read ({error}): the run folder is damaged. Put back that file, or move the folder's "
                "cells, weights and streams into another --out and run again: what is whole in them is not repeated."
            ) from error
        if not isinstance(value, dict):
            raise StoreError(f"{path} does not hold a JSON object; the run folder is damaged.")
        return value


def _parsed_cell(path: Path) -> tuple[Cell, dict[str, str]]:
    text, files = sealed.unpack_cell(path.read_bytes())
    return Cell.model_validate_json(text), files

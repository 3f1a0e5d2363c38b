"""A run on disk: every file is written to a temporary name and renamed, so what is there is whole.

RUN/  recipe.toml  expected.toml  provenance.json  plan.json  cells/KEY.json + KEY.npz  weights/KEY.safetensors
      streams/KEY.rdc  progress/KEY.json  checkpoints/KEY.safetensors  figures/
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from rdcbench.derived import with_derived
from rdcbench.errors import StoreError
from rdcbench.jobs import Plan
from rdcbench.loading import load_recipe
from rdcbench.recipe import Recipe
from rdcbench.results import SCHEMA_VERSION, Cell, Row, make_row

if TYPE_CHECKING:
    from torch import Tensor

Arrays = Mapping[str, npt.NDArray[Any]]


class Store:
    """One run folder; `cache` is a second folder of the same form that many runs share."""

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        self.root = root
        self.cache = cache

    # ------------------------------------------------------------------------------------------------------ the run

    def create(self, recipe: Recipe, provenance: Mapping[str, Any], expected: str = "") -> None:
        """Make the folder, or check that the one there is a run that this program can extend."""
        self.check_place()
        self.write("recipe.toml", recipe.to_toml().encode())
        self.write("provenance.json", json.dumps(provenance, indent=1).encode())
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
        return load_recipe(self.root / "recipe.toml")

    def provenance(self) -> dict[str, Any]:
        """Where the run was made."""
        return self._json(self.root / "provenance.json")

    def plan(self) -> Plan | None:
        """The plan of the last start, None before the first."""
        path = self.root / "plan.json"
        try:
            return Plan.model_validate_json(path.read_bytes()) if path.exists() else None
        except (ValidationError, OSError) as error:
            raise StoreError(
                f"{path} cannot be read; delete it and run again. ({str(error).splitlines()[0]})"
            ) from error

    def write_plan(self, plan: Plan) -> None:
        """Keep the plan: names, jobs and keys."""
        self.write("plan.json", plan.model_dump_json(indent=1).encode())

    # -------------------------------------------------------------------------------------------------------- cells

    def cell(self, key: str) -> Cell | None:
        """Read a finished or failed cell, None if there is none; a damaged one counts as none."""
        path = self.root / "cells" / f"{key}.json"
        if not path.exists() and not self._from_cache(f"cells/{key}.json", f"cells/{key}.npz", f"streams/{key}.rdc"):
            return None
        try:
            return self.parse_cell(path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @staticmethod
    def parse_cell(data: bytes) -> Cell:
        """Read a cell out of its envelope; ValueError, KeyError or TypeError if it is not as it was written."""
        envelope = json.loads(data)
        text = envelope["cell"]
        if not isinstance(text, str) or envelope["digest"] != _digest(text.encode()):
            raise ValueError("its digest does not match")
        return Cell.model_validate_json(text)

    def write_cell(self, cell: Cell, arrays: Arrays) -> None:
        """Write a cell's arrays, then the cell."""
        if arrays:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **dict(arrays))
            self.write(f"cells/{cell.key}.npz", buffer.getvalue(), share=True)
        text = cell.model_dump_json()
        envelope = json.dumps({"digest": _digest(text.encode()), "cell": text})
        self.write(f"cells/{cell.key}.json", envelope.encode(), share=cell.status == "done")

    def arrays(
        self, key: str, folder: str = "cells", names: Collection[str] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Per-image arrays of a cell, of some fields only if they are named; empty if it has none."""
        path = self.root / folder / f"{key}.npz"
        if not path.exists():
            return {}
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if names is None or name in names}
        except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
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
        """Whether a training is finished."""
        return self.path(f"weights/{key}.safetensors").exists() or self._from_cache(f"weights/{key}.safetensors")

    def write_weights(self, key: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Keep the outcome of a training: tensors, and facts that JSON can hold."""
        self.write_tensors(f"weights/{key}.safetensors", tensors, facts, share=True)

    def weights(self, key: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read tensors and facts."""
        name = f"weights/{key}.safetensors"
        if not self.has_weights(key):
            raise StoreError(f"{self.path(name)} is missing; run the benchmark again to make it.")
        return self.tensors(name)

    def write_tensors(
        self, relative: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], share: bool = False
    ) -> None:
        """Write tensors as safetensors with facts as JSON metadata, and a digest of both."""
        from safetensors.torch import save

        whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        text = json.dumps(dict(facts))
        about = {"facts": text, "digest": _digest_of_tensors(whole, text)}
        self.write(relative, save(whole, about), share)

    def tensors(self, relative: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Read tensors and facts; StoreError if a bit of them is not as it was written."""
        from safetensors import SafetensorError, safe_open

        path = self.path(relative)
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
                about = file.metadata() or {}
            if about.get("digest") != _digest_of_tensors(tensors, about.get("facts", "")):
                raise ValueError("its digest does not match")
            return tensors, json.loads(about["facts"])
        except (SafetensorError, OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({error}); delete it and run again.") from error

    # -------------------------------------------------------------------------------------------------------- files

    def path(self, relative: str) -> Path:
        """Path of a file of this run."""
        return self.root / relative

    def write(self, relative: str, data: bytes, share: bool = False) -> Path:
        """Write one file atomically; with `share`, into the cache of all runs too."""
        path = self.root / relative
        atomic_write(path, lambda file: file.write(data))
        if share and self.cache is not None:
            with suppress(StoreError):  # a cache that cannot be written costs time, not results
                atomic_write(self.cache / relative, lambda file: file.write(data))
        return path

    def remove(self, relative: str) -> None:
        """Remove a file of this run if it is there."""
        with suppress(OSError):  # what cannot be removed is in nobody's way
            self.path(relative).unlink(missing_ok=True)

    def _from_cache(self, *relative: str) -> bool:
        """Copy files of another run from the shared cache, the first one last; False if it has none."""
        if self.cache is None or not (self.cache / relative[0]).exists():
            return False
        for name in reversed(relative):
            source = self.cache / name
            if source.exists():
                self.write(name, source.read_bytes())
        return True

    def _json(self, path: Path) -> dict[str, Any]:
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read ({error}); the run folder is damaged.") from error
        if not isinstance(value, dict):
            raise StoreError(f"{path} does not hold a JSON object; the run folder is damaged.")
        return value


def atomic_write(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file under a temporary name in its folder and rename it: it is there whole, or as it was before."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
        path.chmod(0o644)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. Free space or choose another --out."
        ) from error


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=10).hexdigest()


def _digest_of_tensors(tensors: Mapping[str, Tensor], facts: str) -> str:
    """Digest of all that a file of weights says, as safetensors itself notices no flipped bit."""
    import torch

    digest = hashlib.blake2b(facts.encode(), digest_size=10)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

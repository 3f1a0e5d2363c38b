"""A folder of files that are whole or not there, and a second one of the same form that many runs share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from rdcbench.errors import StoreError
from rdcbench.sealed import atomic_write, temporary_names

T = TypeVar("T")
WRITTEN_FOLDERS = ("cells", "weights", "streams", "progress", "checkpoints")


class Folder:
    """The files of one run; `cache` is the folder that many runs share.

    damaged: files that were found damaged and count as missing, each with what is wrong.
    """

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        self.root = root
        self.cache = cache
        self.damaged: dict[str, str] = {}

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

    def sweep(self, own: Iterable[str] = ()) -> None:
        """Remove what writes that were cut off left under temporary names; only for who holds the run folder.

        own: files in the folder itself that only its holder writes. Others, a page that is being made say, stay.
        """
        for pattern in (*(f"{folder}/.*" for folder in WRITTEN_FOLDERS), *map(temporary_names, own)):
            for path in self.root.glob(pattern):
                self.remove(str(path.relative_to(self.root)))

    def sound(self, relative: str, check: Callable[[Path], T]) -> T | None:
        """What `check` gives for a file; None if it is not there or damaged, which is noted in `damaged`.

        check: raises OSError or ValueError for a file that is damaged.
        """
        path = self.path(relative)
        if not path.exists():
            return None
        try:
            found = check(path)
        except (OSError, ValueError) as error:
            self.damaged[relative] = f"{path} is damaged ({str(error).splitlines()[0]}); run again to make it"
            return None
        self.damaged.pop(relative, None)
        return found

    def from_cache(self, *relative: str) -> bool:
        """Copy files of another run from the shared cache, the first one last; False if it has none."""
        if self.cache is None or not (self.cache / relative[0]).exists():
            return False
        for name in reversed(relative):
            source = self.cache / name
            if source.exists():
                self.write(name, source.read_bytes())
        return True

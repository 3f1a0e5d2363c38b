"""Files by name under an fsspec URL, where machines that share no disk leave and find what jobs need and give.

The names are those of a run folder: weights/KEY.safetensors, cells/KEY.json, ... No torch, and nothing is loaded from a
file here: what comes out is checked by its own digest, as in a run folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rdcbench.errors import StoreError
from rdcbench.sealed import atomic_write


@dataclass(frozen=True)
class Depot:
    """A place by its URL; picklable. Every method raises StoreError if the place cannot be used."""

    url: str

    @staticmethod
    def at(url: str) -> Depot:
        """The depot of a URL, or of a path of this machine, which is made absolute."""
        path = url.removeprefix("file://")
        local = path != url or "://" not in url
        return Depot(f"file://{Path(path).expanduser().resolve()}" if local else url.rstrip("/"))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none of this name."""
        system, root = _opened(self.url)
        try:
            data: bytes = system.cat_file(f"{root}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # each kind of place has errors of its own
            raise self._error(name, "read", error) from error
        return data

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        system, root = _opened(self.url)
        try:
            return bool(system.exists(f"{root}/{name}"))
        except Exception as error:
            raise self._error(name, "read", error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file; on a disk, it is there whole or as it was before."""
        system, root = _opened(self.url)
        try:
            if _is_disk(system):
                atomic_write(Path(f"{root}/{name}"), lambda file: file.write(data))
            else:
                system.pipe_file(f"{root}/{name}", data)
        except Exception as error:
            raise self._error(name, "written", error) from error

    def remove(self, name: str = "") -> None:
        """Remove a file, or everything, if it is there."""
        system, root = _opened(self.url)
        try:
            system.rm(f"{root}/{name}" if name else root, recursive=not name)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise self._error(name, "removed", error) from error

    def _error(self, name: str, what: str, error: Exception) -> StoreError:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        return StoreError(f"--artefacts {self.url}: {name or 'it'} cannot be {what}: {why}")


@cache
def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it; nothing is remembered of what others write there."""
    from fsspec.core import url_to_fs

    try:
        system, root = url_to_fs(url, use_listings_cache=False)
    except Exception as error:
        known = "Give a folder that all nodes see, or a URL that fsspec knows, such as s3://bucket/run."
        raise StoreError(f"--artefacts {url} cannot be used: {str(error).splitlines()[0]}. {known}") from error
    return system, str(root).rstrip("/")


def _is_disk(system: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(system, LocalFileSystem)

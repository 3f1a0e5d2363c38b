"""The file form of a bundle, and a reader that trusts nothing in it: a zip whose members are stored as they are.

Nothing in a bundle is compressed, so its members together are no larger than the file itself, and no pickle is read.
The first member, `bundle.json`, names every other one with its size and digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rdcbench.errors import StoreError
from rdcbench.sealed import atomic_write

BUNDLE_VERSION = 1
MANIFEST = "bundle.json"
MOST_MEMBERS = 100_000
MOST_TEXT = 64 << 20
"""Bytes of the manifest, and of any JSON or TOML member."""
MOST_BYTES = 2 << 30
"""Bytes of any other member."""
CHUNK = 1 << 20
KEY = r"[0-9a-f]{20}"
NAME = re.compile(
    rf"recipe\.toml|expected\.toml|provenance\.json|plan\.json|cells/{KEY}\.(json|npz)|weights/{KEY}\.safetensors"
    rf"|streams/{KEY}\.rdc"
)
"""What a member may be called; all else is refused."""
KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
         stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}  # fmt: skip


class Member(BaseModel):
    """Size and digest of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int = Field(ge=0)
    digest: str


class Manifest(BaseModel):
    """What a bundle holds. symbols: key of a cell -> digest of the symbols that its stream decodes to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle_version: Literal[1] = 1
    schema_version: Literal[1] = 1
    run: str
    files: dict[str, Member]
    symbols: dict[str, str] = Field(default_factory=dict)


def digest_of_file(path: Path) -> Member:
    """Size and digest of a file of a run; StoreError if it cannot be read."""
    digest, size = _digest(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}; run the benchmark again to make it.") from error
    return Member(bytes=size, digest=digest.hexdigest())


def _digest() -> Any:
    return hashlib.blake2b(digest_size=16)


def write_archive(target: Path, manifest: Manifest, root: Path) -> None:
    """Write the manifest and the files it names, read from `root`; the same files make the same bytes."""

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(MANIFEST), manifest.model_dump_json(indent=1))
            for name in manifest.files:
                with (root / name).open("rb") as source, archive.open(zipfile.ZipInfo(name), "w") as member:
                    while chunk := source.read(CHUNK):
                        member.write(chunk)

    atomic_write(target, write)


class Archive:
    """An opened bundle whose list of members was checked; their bytes are checked as they are read."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        infos = archive.infolist()
        _check_list(path, infos)
        self._infos = {info.filename: info for info in infos}
        self.manifest = self._manifest()
        _check_named(path, self._infos, self.manifest.files)

    def read(self, name: str) -> bytes:
        """All bytes of one member."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, piece by piece; StoreError after the last one if they are not those promised."""
        expected, digest, size = self.manifest.files[name], _digest(), 0
        with self._archive.open(self._infos[name]) as file:
            while chunk := file.read(CHUNK):
                size += len(chunk)
                if size > expected.bytes:
                    raise StoreError(f"{self.path}: {name} is longer than the {expected.bytes} bytes it announces.")
                digest.update(chunk)
                yield chunk
        if size != expected.bytes or digest.hexdigest() != expected.digest:
            raise StoreError(f"{self.path}: {name} has not the digest that the bundle names: it was changed.")

    def _manifest(self) -> Manifest:
        if MANIFEST not in self._infos:
            raise StoreError(
                f"{self.path} is not a bundle: it has no {MANIFEST}. Bundles are made by `rdcbench export`."
            )
        with self._archive.open(self._infos[MANIFEST]) as file:
            text = file.read(MOST_TEXT + 1)
        raw = json.loads(text)
        for key in ("bundle_version", "schema_version"):
            if isinstance(raw, dict) and raw.get(key) != BUNDLE_VERSION:
                raise StoreError(
                    f"{self.path} has {key} {raw.get(key)!r}; this program reads {BUNDLE_VERSION}. "
                    "Use the version of rdcbench that wrote it."
                )
        try:
            return Manifest.model_validate(raw)
        except ValidationError as error:
            raise StoreError(f"{self.path}: {MANIFEST} is malformed ({_first(error)}).") from error


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a bundle; whatever is wrong with it, then or while it is read, is a StoreError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield Archive(path, archive)
    except (OSError, EOFError, ValueError, RuntimeError, struct.error, zipfile.BadZipFile, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"{path} cannot be read as a bundle: {why}.") from error


def _check_list(path: Path, infos: Iterable[zipfile.ZipInfo]) -> None:
    """Refuse names, kinds and sizes that no bundle has, before a byte of a member is read."""
    seen: set[str] = set()
    total = 0
    for info in infos:
        name = info.filename
        if len(seen) >= MOST_MEMBERS:
            raise StoreError(f"{path} has more than {MOST_MEMBERS} members; no run has so many files.")
        if name in seen:
            raise StoreError(f"{path} has two members named {name!r}.")
        seen.add(name)
        _check_member(path, info)
        total += info.file_size
    if total > path.stat().st_size:
        raise StoreError(f"{path} announces {total} bytes in a file of {path.stat().st_size}; its sizes are not true.")


def _check_member(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    mode = stat.S_IFMT(info.external_attr >> 16)
    if mode in KINDS or name.endswith("/"):
        raise StoreError(f"{path}: {name!r} is {KINDS.get(mode, 'a folder')}; a bundle holds plain files only.")
    if name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name):
        raise StoreError(f"{path}: {name!r} leads out of the folder; nothing of this bundle was taken.")
    if name != MANIFEST and not NAME.fullmatch(name):
        raise StoreError(f"{path}: {name!r} is no file of a run; nothing of this bundle was taken.")
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise StoreError(f"{path}: {name!r} is compressed or encrypted; members of a bundle are stored as they are.")
    most = MOST_TEXT if name.endswith((".json", ".toml")) else MOST_BYTES
    if info.file_size > most or info.file_size != info.compress_size:
        raise StoreError(f"{path}: {name!r} announces {info.file_size} bytes; at most {most} are taken, stored as is.")


def _check_named(path: Path, there: Iterable[str], named: Mapping[str, Member]) -> None:
    there = set(there) - {MANIFEST}
    if odd := sorted(there ^ set(named)):
        which = "is not named in" if odd[0] in there else "is missing, though named in"
        raise StoreError(f"{path}: {odd[0]!r} {which} {MANIFEST}.")

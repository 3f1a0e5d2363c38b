"""Raw data files on disk: where they live, whether they are the right ones, and how a folder of them is taken in.

All of it works from `Dataset.files()`, a mapping of names relative to the data folder to MD5 digests, so it serves any
data set. A file counts only by its digest. Files are written under a temporary name and renamed; a file of another
digest that stands in the way is kept beside it. No torch here.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import platformdirs

from rdcbench import digests
from rdcbench.errors import DataError

if TYPE_CHECKING:
    from rdcbench.interfaces import Dataset

ENVIRONMENT = "RDCBENCH_DATA"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One raw file: its name and path, the MD5 digest it must have and the one it has (None if it is not there)."""

    name: str
    path: Path
    expected: str
    found: str | None

    @property
    def state(self) -> Literal["present", "missing", "wrong digest"]:
        """What is the case, in words that can be printed."""
        if self.found is None:
            return "missing"
        return "present" if self.found == self.expected else "wrong digest"


@dataclass(slots=True)
class Collected:
    """What a folder gave: file name -> where it came from, files that were set aside, file name -> why it lacks."""

    taken: dict[str, Path] = field(default_factory=dict)
    aside: list[Path] = field(default_factory=list)
    lacking: dict[str, str] = field(default_factory=dict)


def data_folder(explicit: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Choose the data folder: the explicit one (--data-dir), else RDCBENCH_DATA, else the platform's cache folder."""
    chosen = str(explicit) if explicit is not None and str(explicit) else environ.get(ENVIRONMENT, "")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("rdcbench", appauthor=False)) / "data"


def md5_of(path: Path) -> str:
    """MD5 digest of a file, kept for this process as long as its size and time stay; DataError if it is unreadable."""
    try:
        return digests.md5(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {_why(error)}. Check the file and who may read it.") from error


def status(dataset: Dataset, folder: Path, names: Collection[str] = ()) -> list[FileStatus]:
    """Look at the raw files of a data set (those of `names`, or all); DataError if one is unreadable."""
    files = dataset.files()
    return [_look(name, files[name], folder) for name in names or files]


def describe(files: Collection[FileStatus]) -> str:
    """Say which files are missing and which have a wrong digest, in one clause; empty if all is well."""
    missing = ", ".join(file.name for file in files if file.state == "missing")
    wrong = [f"{f.name} has MD5 {f.found} instead of {f.expected}" for f in files if f.state == "wrong digest"]
    return "; ".join([f"missing {missing}"] * bool(missing) + wrong)


def verify(dataset: Dataset, folder: Path, names: Collection[str] = ()) -> None:
    """Make sure that the raw files (those of `names`, or all) are there with the right digests, or raise DataError."""
    wrong = [file for file in status(dataset, folder, names) if file.state != "present"]
    if wrong:
        todo = f"Run `{_command(dataset, folder)}` to bring what lacks."
        raise DataError(f"The data set {dataset.name!r} is not complete in {folder}: {describe(wrong)}. {todo}")


def fetch_from(dataset: Dataset, source: Path, folder: Path) -> str:
    """Take a data set's raw files out of a folder of the user's and say what was taken.

    Parameters
    ----------
    source: holds the files directly, raw or compressed with gzip, under any names: the digest decides.
    folder: the data folder. Files that it already has are left alone.

    Raises
    ------
    DataError: `source` cannot be read, or lacks a file; those that were found are in `folder` all the same.
    """
    if not source.is_dir():
        raise DataError(f"--from {source}: there is no such folder. Name a folder that holds the files directly.")
    collected = collect(dataset, source, folder)
    count = len(collected.taken)
    if collected.lacking:
        listing = "".join(f"\n  - {name}: {why}" for name, why in collected.lacking.items())
        lack = f"{len(collected.lacking)} file(s) of the data set {dataset.name!r} ({count} taken)"
        raise DataError(f"{source} lacks {lack}:{listing}\n{by_hand(dataset, folder)}")
    note = aside_note(collected.aside)
    return f"{count} file(s) from {source}{note}" if count else f"already complete in {folder}; nothing was taken"


def collect(dataset: Dataset, source: Path, folder: Path) -> Collected:
    """Take all the lacking raw files that `source` has into `folder`; says what lacks instead of raising."""
    collected = Collected()
    for file in status(dataset, folder):
        if file.state == "present":
            continue
        offered, why = _find(file, source)
        if offered is None:
            collected.lacking[file.name] = why
            continue
        kept = _install(offered, file)
        collected.taken[file.name] = offered
        collected.aside.extend([kept] if kept else [])
    return collected


def by_hand(dataset: Dataset, folder: Path) -> str:
    """Tell how to bring a data set's raw files without a network: names, digests, command and folder."""
    files = dataset.files()
    zipped = any(name.endswith(".gz") for name in files)
    form = "with the very digests below" if zipped else "raw or compressed with gzip"
    listing = "".join(f"\n  {PurePosixPath(name).name}  MD5 {digest}" for name, digest in files.items())
    return (
        f"To bring the files by hand: put them, {form}, under any names, into a folder DIR and run\n"
        f"  {_command(dataset, folder)} --from DIR\n"
        f"Each is accepted by its digest and kept under {folder}:{listing}"
    )


def aside_note(paths: Collection[Path]) -> str:
    """Say which files of another digest were kept under another name; empty if none."""
    return f" (what stood there was kept as {', '.join(map(str, paths))})" if paths else ""


def prepare(folder: Path) -> None:
    """Make the data folder and see that it can be written, before anything is downloaded; DataError if not."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn the system's refusal to write `target` into a sentence."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{target} cannot be written: {_why(error)}. What was there is still there; make room, or choose another "
            f"data folder with --data-dir or {ENVIRONMENT}."
        ) from error


def _command(dataset: Dataset, folder: Path) -> str:
    """The command that fetches this data set into this very folder."""
    elsewhere = "" if folder == data_folder() else f" --data-dir {folder}"
    return f"rdcbench data fetch {dataset.name}{elsewhere}"


def _look(name: str, digest: str, folder: Path) -> FileStatus:
    path = folder / name
    there = os.path.lexists(path)  # a dangling link is there, and unreadable
    return FileStatus(name, path, digest, md5_of(path) if there else None)


def _find(file: FileStatus, source: Path) -> tuple[Path | None, str]:
    """Find the file of the right digest among those directly in `source`, likely names first; else say why not."""
    short = PurePosixPath(file.name).name
    names = (short, f"{short}.gz", short.removesuffix(".gz"))
    try:
        offered = sorted(path for path in source.iterdir() if path.is_file())
    except OSError as error:
        return None, f"{source} cannot be read: {_why(error)}"
    offered.sort(key=lambda path: path.name not in names)
    seen: list[str] = []
    for path in offered:
        found, remark = _digests(path)
        if file.expected in found:
            return path, ""
        if path.name in names:
            seen.append(f"{path.name} has MD5 {' / '.join(found) or 'unknown'}{remark}")
    named = f" ({'; '.join(seen)})" if seen else ""
    return None, f"no file of MD5 {file.expected} among {len(offered)} file(s){named}"


def _digests(path: Path) -> tuple[tuple[str, ...], str]:
    """MD5 digests of a file and, where it is compressed, of its content; with a remark if it is damaged."""
    try:
        raw = digests.md5(path)
    except OSError as error:
        return (), f", unreadable: {_why(error)}"
    if not digests.is_gzip(path):
        return (raw,), ""
    try:
        return (raw, digests.md5(path, unzip=True)), " unpacked"
    except digests.BROKEN_GZIP as error:
        return (raw,), f", and is damaged: {_why(error)}"


def _install(offered: Path, file: FileStatus) -> Path | None:
    """Write a file in one step; gives the path under which a file of another digest was kept."""
    target = file.path
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    unzip = md5_of(offered) != file.expected
    kept: Path | None = None
    with writing(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with digests.opened(offered, unzip) as reader, part.open("xb") as writer:
                digest = digests.copy(reader, writer)
                writer.flush()
                os.fsync(writer.fileno())
            if digest != file.expected:
                raise DataError(f"{offered} changed while it was copied. Try again.")
            if file.found is not None:
                kept = target.with_name(f"{target.name}.other-{file.found[:8]}")
                os.replace(target, kept)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return kept


def _why(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")

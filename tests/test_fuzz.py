"""Every parser on files of somebody who means ill: its own error or a value, at once, in memory that the file justifies.

Mutations of whole files, and where a digest guards the inside, mutations of the inside under a digest that is right. All
of them run in a child process that may not take more memory than it has but for some megabytes, nor hang.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import multiprocessing
import random
import resource
import signal
import struct
import sys
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from rdcbench import arrayfile, bitstream, files, idx, sealed, tensorfile
from rdcbench.bundle.archive import MANIFEST, opened
from rdcbench.bundle.receiving import _check
from rdcbench.errors import RdcbenchError, StreamError
from rdcbench.jobs import Job, Plan
from rdcbench.loading import load_recipe
from rdcbench.recipe import PartSpec
from rdcbench.results import Cell, CellValue
from rdcbench.store import Store

SPARE = 96 << 20
"""Bytes of address space that a parser may take."""
SECONDS = 100

JOB = Job(name="rdc/end/classification=0.01/seed0", dataset=PartSpec(name="d"))
CELL = Cell(key="k", train_key="t", job=JOB, values={"mse": CellValue(value=1.0, real_pair=(1, 2, 3))})
PLAN = Plan(jobs=[JOB], keys={JOB.name: "a" * 20}, train_keys={JOB.name: "b" * 20}, data_digest="d")
IMAGES = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4)


def as_is(data: bytes) -> bytes:
    return data


@dataclass(frozen=True)
class Parser:
    """A parser of one kind of file: a whole file, how to read one, its own errors, and how to make a digest right."""

    whole: Callable[[], bytes]
    read: Callable[[Path], Any]
    refuses: tuple[type[Exception], ...]
    name: str
    finish: Callable[[bytes], bytes] = as_is


# ------------------------------------------------------------------------------------------------------- whole files


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, IMAGES)
    return buffer.getvalue()


def png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(IMAGES[0]).save(buffer, format="PNG")
    return buffer.getvalue()


def recipe() -> bytes:
    from tiny_plugin import RECIPE

    from rdcbench.recipe import Recipe

    return Recipe.model_validate(RECIPE).to_toml().encode()


def stream() -> bytes:
    return bitstream.pack(bitstream.Stream(b"sixteen letters.", "test", 48, (b"payload", b"", b"more")))[:-8]


def with_checksum(body: bytes) -> bytes:
    return body + hashlib.blake2b(body, digest_size=8).digest()


def cell_text() -> bytes:
    return CELL.model_dump_json().encode()


def enveloped(text: bytes) -> bytes:
    return sealed.pack_cell(text.decode("utf-8", "surrogateescape"), {"cells/k.npz": "0" * 20})


def header() -> bytes:
    """The header of a file of tensors as JSON, without its digest."""
    data = tensorfile.pack({"w": torch.arange(6.0).view(2, 3), "n": torch.tensor(3)}, {"history": []})
    return data[8 : 8 + struct.unpack("<Q", data[:8])[0]]


def with_tensors(head: bytes) -> bytes:
    """A file of this header over 32 bytes of numbers, with the digest that belongs to it where there is one."""
    head += b" " * (-len(head) % 8)
    data = struct.pack("<Q", len(head)) + head + bytes(32)
    try:
        raw = json.loads(head)
        about = raw.pop("__metadata__")
        digest = hashlib.blake2b(about["facts"].encode(), digest_size=10)
        for name, entry in sorted(raw.items()):
            start, end = entry["data_offsets"]
            kind = tensorfile.TORCH_NAMES[entry["dtype"]]
            digest.update(f"{name}:{tuple(entry['shape'])}:torch.{kind}".encode() + bytes(32)[start:end])
        return data.replace(about["digest"].encode(), digest.hexdigest().encode())
    except Exception:  # whatever was changed: then the digest is wrong, or there is none
        return data


def member() -> bytes:
    """One member of a .npz file."""
    return npy()


def in_zip(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mse.npy", data)
    return buffer.getvalue()


def members() -> dict[str, bytes]:
    """The files of a small run as a bundle holds them."""
    plan = PLAN.model_dump_json().encode()
    return {"recipe.toml": recipe(), "provenance.json": b'{"schema_version": 1}', "plan.json": plan}


def manifest(files: dict[str, bytes] | None = None) -> bytes:
    digests = {
        name: {"bytes": len(data), "digest": hashlib.blake2b(data, digest_size=16).hexdigest()}
        for name, data in (files or members()).items()
    }
    return json.dumps({"bundle_version": 1, "schema_version": 1, "run": "r", "files": digests}).encode()


def bundle(manifest: bytes, files: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {MANIFEST: manifest, **(files or members())}.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def with_member(name: str) -> Callable[[bytes], bytes]:
    """A bundle that is right in all but what one of its members says."""

    def finish(data: bytes) -> bytes:
        files = {**members(), name: data}
        return bundle(manifest(files), files)

    return finish


# ----------------------------------------------------------------------------------------------------------- parsers


def read_cell(path: Path) -> Cell:
    return Store.parse_cell(path.read_bytes())


def read_plan(path: Path) -> Plan | None:
    path.replace(path.with_name("plan.json"))
    return Store(path.parent).plan()


def read_provenance(path: Path) -> None:
    path.replace(path.with_name("provenance.json"))
    Store(path.parent).open()


def read_bundle(path: Path) -> None:
    with opened(path) as archive:
        _check(archive)


def both(path: Path) -> None:
    """Both readers of tensors, which must agree."""
    try:
        tensorfile.check(path)
    except (OSError, ValueError):
        with pytest.raises((OSError, ValueError)):
            tensorfile.read(path)
    else:
        tensorfile.read(path)


DAMAGE = (OSError, ValueError)
"""What readers of a run's own files raise: Store makes of it a file that is damaged."""
HOUSE = (RdcbenchError,)
PARSERS = [
    Parser(lambda: with_checksum(stream()), lambda path: bitstream.unpack(path.read_bytes()), HOUSE, "stream.rdc"),
    Parser(stream, lambda path: bitstream.unpack(path.read_bytes()), HOUSE, "signed-stream.rdc", with_checksum),
    Parser(recipe, load_recipe, HOUSE, "recipe.toml"),
    Parser(recipe, lambda path: Store(path.parent).recipe(), HOUSE, "recipe.toml"),
    Parser(lambda: enveloped(cell_text()), read_cell, DAMAGE, "cell.json"),
    Parser(cell_text, read_cell, DAMAGE, "signed-cell.json", enveloped),
    Parser(lambda: PLAN.model_dump_json(indent=1).encode(), read_plan, HOUSE, "any-plan.json"),
    Parser(lambda: sealed.seal(PLAN.model_dump_json(indent=1).encode()), read_plan, HOUSE, "sealed-plan.json"),
    Parser(lambda: b'{"schema_version": 1, "seeds": 1}', read_provenance, HOUSE, "facts.json"),
    Parser(lambda: with_tensors(header()), both, DAMAGE, "w.safetensors"),
    Parser(header, both, DAMAGE, "signed.safetensors", with_tensors),
    Parser(lambda: arrayfile.pack({"mse": IMAGES}), arrayfile.read, DAMAGE, "a.npz"),
    Parser(member, arrayfile.read, DAMAGE, "member.npz", in_zip),
    Parser(member, lambda path: arrayfile.check(path.read_bytes()), DAMAGE, "checked.npz", in_zip),
    Parser(npy, lambda path: files.read_images(path, (1, 4, 4)).sum(), HOUSE, "images.npy"),
    Parser(lambda: idx.pack(IMAGES), lambda path: files.read_images(path, (1, 4, 4)), HOUSE, "images-idx3-ubyte"),
    Parser(lambda: gzip.compress(idx.pack(IMAGES)), lambda path: idx.read(path, 3), HOUSE, "images.gz"),
    Parser(lambda: idx.pack(IMAGES), lambda path: idx.read(path, 3), HOUSE, "inside.gz", gzip.compress),
    Parser(png, lambda path: files.read_images(path, (1, 4, 4)), HOUSE, "image.png"),
    Parser(lambda: bundle(manifest()), read_bundle, HOUSE, "run.rdcb"),
    Parser(manifest, read_bundle, HOUSE, "manifest.rdcb", bundle),
    Parser(lambda: members()["plan.json"], read_bundle, HOUSE, "plan.rdcb", with_member("plan.json")),
    Parser(lambda: members()["provenance.json"], read_bundle, HOUSE, "facts.rdcb", with_member("provenance.json")),
]

# --------------------------------------------------------------------------------------------------------- mutations

HOSTILE = [
    *(struct.pack(f"{order}{kind}", value % (1 << 8 * struct.calcsize(kind)))
      for order in "<>" for kind in "IQ" for value in (0, 1, 1 << 31, 1 << 40, -1, -2)),
    *(str(value).encode() for value in (1 << 40, 1 << 63, -1, 1e308, 0.5)), b"9" * 5000, b"NaN", b"null", b"true",
    b'""', b"{}", b"[]", b"[" * 3000, b'{"a":' * 3000, b"a." * 3000, b"=", b'"', b"\x00", b"\xff\xfe", b"\\ud800",
    b"include = '/dev/zero'\n", b"(" * 300, b"|O", b"<U9", b"V0",
]  # fmt: skip
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 2**16),
        st.one_of(st.sampled_from(HOSTILE), st.binary(max_size=4)),
        st.sampled_from([0, 0, 1, 4, 8, 16, 1000]),
    ),
    max_size=4,
)
"""(where, what is put there, how many bytes it takes the place of)."""


def changed(data: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    for where, what, away in changes:
        at = where % (len(data) + 1)
        data = data[:at] + what + data[at + away :]
    return data


def attack(parser: Parser, examples: int, number: int = 0, spare: int = SPARE) -> None:
    """Try a parser on `examples` files of this number; leaves the process with limits, so call it in one of its own."""
    whole = parser.whole()
    folder = Path(tempfile.mkdtemp())

    def tried(data: bytes) -> None:
        path = folder / parser.name
        path.write_bytes(data)
        tracemalloc.start()
        try:
            parser.read(path)
        except parser.refuses:
            pass
        finally:
            taken = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert taken < (4 << 20) + 200 * len(data), f"{taken} bytes for a file of {len(data)}"

    parser.read(write(folder / parser.name, parser.finish(whole)))  # the file itself is sound, and all is imported
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + spare, resource.RLIM_INFINITY))
    signal.alarm(SECONDS + examples)

    @seed(number)
    @given(CHANGES)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def run(changes):
        tried(parser.finish(changed(whole, changes)))

    run()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def in_a_child(work: Callable[..., None], *arguments: Any) -> int | None:
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    child.start()
    child.join()
    return child.exitcode


IDS = [f"{parser.name}-{number}" for number, parser in enumerate(PARSERS)]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
@pytest.mark.parametrize("parser", PARSERS, ids=IDS)
def test_a_hostile_file_is_refused_at_once_and_in_little_memory(parser):
    assert in_a_child(attack, parser, 100) == 0


@pytest.mark.long
@pytest.mark.parametrize("parser", PARSERS, ids=IDS)
def test_many_hostile_files(parser):
    for number in range(1, 41):  # hypothesis remembers its examples, 20,000 of them in more memory than is allowed
        assert in_a_child(attack, parser, 500, number) == 0, f"number {number}"


def decoded(model: str) -> None:
    """Hostile payloads under a header that is right: cut, flipped, made up, continued."""
    from rdcbench import registry

    parts = registry.load()
    quantizer = parts.build("quantizer", "dithered", {}, {"dimensions": 3, "levels": 3})
    given_to = {"alphabet": quantizer.alphabet, "dither_points": quantizer.dither_points}
    coder, noise = parts.build("entropy_model", model, {}, given_to), torch.Generator().manual_seed(1)
    latents = torch.rand(200, 3, generator=noise) * 2 - 1
    coder.fit(quantizer, latents, noise)
    dither = torch.randint(0, quantizer.dither_points, (200, 3), generator=noise)
    sound = coder.encode(quantizer.quantize(latents, dither), dither)
    dice = random.Random(3)
    for _ in range(100):
        at = dice.randrange(len(sound))
        flipped = sound[:at] + bytes([sound[at] ^ 1 << dice.randrange(8)]) + sound[at + 1 :]
        for payload in (sound[:at], flipped, dice.randbytes(at), sound + dice.randbytes(9)):
            with pytest.raises(StreamError):
                coder.decode(payload, dither)


@pytest.mark.parametrize("model", ["frequencies", "bottleneck"])
def test_a_hostile_payload_is_refused_by_the_range_coder(model):
    """In a child, because the coder is C++ and might take the process with it."""
    assert in_a_child(decoded, model) == 0


def greedy(path: Path) -> bytearray:
    return bytearray(1 << 40)


def test_the_child_notices_greed():
    """The attack itself: a parser that believes what a header says is found out."""
    assert in_a_child(
        attack, Parser(lambda: b"x", lambda path: path.read_bytes() == b"x" or greedy(path), HOUSE, "x"), 20
    )

"""`compress` and `decompress` on files, with any decoder of one encoder, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rdcbench import idx

from .conftest import Cli

BASE = "rdc/end-to-end/classification=0.015/seed0"
UNIVERSAL = "rdc-universal/universal/classification=0.005/seed0"
OTHER = "rdc/end-to-end/classification=0/seed0"
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)


@pytest.fixture
def stream(cli: Cli, finished: Path, tmp_path: Path) -> Path:
    """Five images compressed with the base codec."""
    np.save(tmp_path / "images.npy", IMAGES)
    code, out, err = cli("compress", f"{finished}/{BASE}", tmp_path / "images.npy", tmp_path / "images.rdc")
    assert code == 0, err
    assert "5 images" in out
    return tmp_path / "images.rdc"


def test_any_decoder_of_the_encoder_reads_the_stream(cli: Cli, finished: Path, stream: Path, tmp_path: Path) -> None:
    for job, name in ((BASE, "one.npy"), (UNIVERSAL, "two.npy")):
        code, _, err = cli("decompress", f"{finished}/{job}", stream, tmp_path / name)
        assert code == 0, err
    one, two = np.load(tmp_path / "one.npy"), np.load(tmp_path / "two.npy")
    assert one.shape == two.shape == (5, 1, 8, 8)
    assert not np.array_equal(one, two)


def test_a_decoder_of_another_encoder_refuses_it(cli: Cli, finished: Path, stream: Path, tmp_path: Path) -> None:
    code, _, err = cli("decompress", f"{finished}/{OTHER}", stream, tmp_path / "out.npy")
    assert code == 2
    assert "was written by the sender" in err
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "text"])
def test_a_damaged_stream_is_refused(cli: Cli, finished: Path, stream: Path, tmp_path: Path, damage: str) -> None:
    data = stream.read_bytes()
    flipped = data[:50] + bytes([data[50] ^ 1]) + data[51:]
    stream.write_bytes({"truncate": data[:-3], "flip": flipped, "empty": b"", "text": b"hello"}[damage])
    code, _, err = cli("decompress", f"{finished}/{BASE}", stream, tmp_path / "out.npy")
    assert code == 2
    assert "stream" in err
    assert not (tmp_path / "out.npy").exists()


def test_png_idx_and_folders(cli: Cli, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / "folder" / f"{number}.png")
    (tmp_path / "images-idx3-ubyte").write_bytes(idx.pack(IMAGES))
    made = []
    for source in ("folder", "images-idx3-ubyte", "folder/0.png"):
        code, _, err = cli("compress", f"{finished}/{BASE}", tmp_path / source, tmp_path / "out.rdc")
        assert code == 0, err
        made.append((tmp_path / "out.rdc").read_bytes())
    assert made[0] == made[1] != made[2]
    assert cli("decompress", f"{finished}/{BASE}", tmp_path / "out.rdc", tmp_path / "back.png")[0] == 0
    assert Image.open(tmp_path / "back.png").size == (8, 8)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 9, 9), np.uint8), "this codec takes images of shape"),
        (np.zeros((2, 8, 8), np.float32), "images must be uint8"),
        (np.zeros((0, 8, 8), np.uint8), "holds no image"),
    ],
)
def test_other_shapes_and_types_are_refused(
    cli: Cli, finished: Path, tmp_path: Path, array: object, sentence: str
) -> None:
    np.save(tmp_path / "bad.npy", np.asarray(array))
    code, _, err = cli("compress", f"{finished}/{BASE}", tmp_path / "bad.npy", tmp_path / "out.rdc")
    assert (code, sentence in err) == (2, True), err


def test_a_job_that_is_not_there(cli: Cli, finished: Path, tmp_path: Path) -> None:
    code, _, err = cli("compress", f"{finished}/rdc/nothing", tmp_path, tmp_path / "out.rdc")
    assert (code, "There is no job 'rdc/nothing'" in err) == (2, True)
    code, _, err = cli("compress", "nowhere/rdc", tmp_path, tmp_path / "out.rdc")
    assert (code, "names no job of a run" in err) == (2, True)


def test_parts_of_a_file_are_opened_with_that_file(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rdcbench import registry, scaffold

    folder = scaffold.create("decoder", "of_a_file", tmp_path, registry.load())
    plugin = folder / "rdcbench_of_a_file.py"
    small = ("--only", "rdc", "--set", "training.steps=5", "--set", "judges=[]", "--set", "classifier.epochs=1")
    point = ("--set", "studies.rdc.sweep={classification=[0.0]}", "--jobs", "1", "--out", str(tmp_path / "run"))
    code, _, err = cli("run", "smoke", "--plugin", plugin, "--decoder", "of_a_file", *small, *point)
    assert code == 0, err
    job, stream = tmp_path / "run" / "rdc/end-to-end/classification=0/seed0", tmp_path / "images.rdc"
    np.save(tmp_path / "images.npy", IMAGES)
    code, _, err = cli("compress", job, tmp_path / "images.npy", stream)
    assert code == 2
    assert "There is no decoder 'of_a_file'" in err
    assert "--plugin" in err
    for verb, source, target in (("compress", "images.npy", "images.rdc"), ("decompress", "images.rdc", "out.npy")):
        code, _, err = cli(verb, job, tmp_path / source, tmp_path / target, "--plugin", plugin)
        assert code == 0, err
    assert np.load(tmp_path / "out.npy").shape == (5, 1, 8, 8)
    from rdcbench import load

    assert load(str(job), plugin_files=[plugin]).decoder.name == "of_a_file"

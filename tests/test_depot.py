from __future__ import annotations

import pickle
import uuid

import pytest

from rdcbench.depot import Depot
from rdcbench.errors import StoreError


@pytest.fixture(params=["folder", "memory"])
def depot(request, tmp_path):
    return Depot.at(str(tmp_path / "depot") if request.param == "folder" else f"memory://{uuid.uuid4()}/depot/")


def test_what_is_written_is_read_and_what_is_removed_is_gone(depot):
    assert depot.read("weights/a.safetensors") is None
    assert not depot.has("weights/a.safetensors")
    depot.remove("weights/a.safetensors")
    depot.write("weights/a.safetensors", b"one")
    depot.write("weights/a.safetensors", b"two")
    depot.write("knock", b"three")
    assert depot.has("weights/a.safetensors")
    assert (depot.read("weights/a.safetensors"), depot.read("knock")) == (b"two", b"three")
    depot.remove("knock")
    assert (depot.read("weights/a.safetensors"), depot.read("knock")) == (b"two", None)
    depot.remove()
    depot.remove()
    assert depot.read("weights/a.safetensors") is None


def test_it_travels_as_its_url(depot):
    depot.write("knock", b"seen")
    assert pickle.loads(pickle.dumps(depot)) == depot
    assert pickle.loads(pickle.dumps(depot)).read("knock") == b"seen"


def test_a_path_of_this_machine_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = [Depot.at(text) for text in ("shared/a run", "./shared/a run/", "file://shared/a run")]
    assert {place.url for place in places} == {f"file://{tmp_path}/shared/a run"}
    assert Depot.at("s3://bucket/run/").url == "s3://bucket/run"


def test_a_file_on_a_disk_is_whole_or_not_there(tmp_path, monkeypatch):
    depot = Depot.at(str(tmp_path))
    depot.write("cells/k.json", b"before")

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(StoreError, match=r"cells/k.json cannot be written: .*No space left on device"):
        depot.write("cells/k.json", b"after")
    assert depot.read("cells/k.json") == b"before"
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["k.json"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "nowhere://bucket/run",
            r"--artefacts nowhere://bucket/run cannot be used: .*nowhere.* Give a folder that all",
        ),
        ("file:///dev/null/run", r"--artefacts file:///dev/null/run: knock cannot be written: "),
    ],
)
def test_a_place_that_cannot_be_used_is_one_sentence(url, sentence):
    with pytest.raises(StoreError, match=sentence) as raised:
        Depot.at(url).write("knock", b"")
    assert "\n" not in str(raised.value)

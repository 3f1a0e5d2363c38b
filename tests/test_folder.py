from __future__ import annotations

from pathlib import Path

from rdcbench.folder import Folder


def whole(path: Path) -> str:
    """A check: what a file says, ValueError for "damaged"."""
    text = path.read_text()
    if text == "damaged":
        raise ValueError("it says so\nand more")
    return text


def test_a_sound_file_is_read_and_a_damaged_one_noted_until_it_is_sound_again(tmp_path):
    folder = Folder(tmp_path)
    assert folder.sound("cells/k.json", whole) is None
    assert folder.damaged == {}
    folder.write("cells/k.json", b"damaged")
    assert folder.sound("cells/k.json", whole) is None
    path = tmp_path / "cells" / "k.json"
    assert folder.damaged == {"cells/k.json": f"{path} is damaged (it says so); run again to make it"}
    folder.write("cells/k.json", b"well")
    assert folder.sound("cells/k.json", whole) == "well"
    assert folder.damaged == {}


def test_what_writes_left_is_swept_and_nothing_else(tmp_path):
    folder = Folder(tmp_path)
    for name in (
        "cells/.k.json.abc",
        "weights/.w",
        ".plan.json.abc",
        "cells/k.json",
        "plan.json",
        ".lock",
        ".a.html.b",
    ):
        folder.write(name, b"")
    folder.sweep(["plan.json"])
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "k.json",
        "plan.json",
        ".lock",
        ".a.html.b",
    }


def test_what_is_shared_is_copied_into_another_folder(tmp_path):
    first, second = (Folder(tmp_path / name, tmp_path / "cache") for name in ("one", "two"))
    first.write("cells/k.json", b"cell", share=True)
    first.write("cells/k.npz", b"arrays", share=True)
    first.write("progress/k.json", b"own")
    assert second.from_cache("cells/k.json", "cells/k.npz", "streams/k.rdc")
    assert second.path("cells/k.npz").read_bytes() == b"arrays"
    assert not second.from_cache("progress/k.json")
    assert not Folder(tmp_path / "three").from_cache("cells/k.json")


def test_removing_what_is_not_there_is_no_error(tmp_path):
    Folder(tmp_path).remove("cells/none.json")

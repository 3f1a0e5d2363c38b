"""The reader of bundles trusts nothing: each fault is refused with its sentence."""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rdcbench.bundle import archive
from rdcbench.bundle.archive import MANIFEST, opened
from rdcbench.errors import StoreError

KEY = "0123456789abcdef0123"


def read_all(path) -> dict[str, bytes]:
    with opened(path) as bundle:
        return {name: bundle.read(name) for name in bundle.manifest.files}


def refusal(path) -> str:
    """The sentence with which a bundle is refused, all its members being read."""
    with pytest.raises(StoreError) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def special(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    return info


def test_what_was_written_is_read(bundle, tiny_run):
    with opened(bundle) as found:
        assert found.manifest.run == "tiny"
        for name in found.manifest.files:
            assert found.read(name) == (tiny_run / name).read_bytes()


def test_the_same_files_make_the_same_bytes(bundle, tiny_run, tmp_path):
    with opened(bundle) as found:
        archive.write_archive(tmp_path / "again", found.manifest, tiny_run)
    assert (tmp_path / "again").read_bytes() == bundle.read_bytes()


NAMES = ["../evil", "cells/../../evil.json", "/etc/passwd", "C:/evil", "..\\evil", "\\evil", "cells/..\\x.json"]


@pytest.mark.parametrize("name", NAMES)
def test_paths_that_lead_out_are_refused(rewrite, name):
    assert "leads out of the folder" in refusal(rewrite({name: b"x"}))


ODD = [".lock", "notes.txt", f"cells/{KEY}.pkl", f"cells/{KEY}.json.exe", f"cells/x/{KEY}.json", "cells/short.json"]


@pytest.mark.parametrize("name", ODD)
def test_files_that_no_run_has_are_refused(rewrite, name):
    assert "is no file of a run" in refusal(rewrite({name: b"x"}))


LINKS = {stat.S_IFLNK: "a symbolic link", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe"}


@pytest.mark.parametrize("kind", LINKS)
def test_links_and_devices_are_refused(rewrite, kind):
    assert LINKS[kind] in refusal(rewrite({special(f"cells/{KEY}.json", kind): b"/etc/passwd"}))


def test_folders_are_refused(rewrite):
    assert "a folder" in refusal(rewrite({"cells/": b""}))


def test_tar_files_with_hard_links_are_no_bundles(tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "x.bundle", "w") as tar:
        link = tarfile.TarInfo("plan.json")
        link.type, link.linkname = tarfile.LNKTYPE, "/etc/passwd"
        tar.addfile(link)
    assert "cannot be read as a bundle" in refusal(tmp_path / "x.bundle")


def test_compressed_members_are_refused_before_they_unfold(rewrite, tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("recipe.toml", b"0" * (32 << 20))
    (tmp_path / "bomb").write_bytes(bomb.getvalue())
    assert "is compressed or encrypted" in refusal(tmp_path / "bomb")


def announce(path, name: str, size: int) -> None:
    """Write another size into the list of members and into the member's own header."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as packed:
        local = packed.getinfo(name).header_offset
    central = data.index(b"PK\x01\x02" + data[local + 4 : local + 4], data.rindex(b"PK\x03\x04"))
    while data[central + 46 : central + 46 + len(name)] != name.encode():
        central = data.index(b"PK\x01\x02", central + 4)
    for at in (central + 20, central + 24, local + 18, local + 22):
        data[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(data)


@pytest.mark.parametrize("size", [3 << 30, 100 << 20])
def test_announced_sizes_that_are_absurd_are_refused(rewrite, size):
    path = rewrite()
    announce(path, "recipe.toml", size)
    assert f"announces {size} bytes" in refusal(path)


def test_announced_sizes_beyond_the_file_are_refused(rewrite):
    path = rewrite()
    announce(path, "recipe.toml", 60 << 20)
    assert "its sizes are not true" in refusal(path)


def test_members_that_are_longer_than_named_are_refused_while_they_are_read(rewrite, bundle):
    with opened(bundle) as found:
        text = json.loads(found.manifest.model_dump_json())
    text["files"]["recipe.toml"]["bytes"] = 3
    assert "is longer than the 3 bytes" in refusal(rewrite({MANIFEST: json.dumps(text).encode()}))


def test_too_many_members_are_refused(rewrite, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 5)
    assert "more than 5 members" in refusal(rewrite())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused(rewrite):
    path = rewrite()
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("plan.json", b"{}")
    assert "two members named 'plan.json'" in refusal(path)


def test_a_changed_member_is_refused(rewrite):
    assert "recipe.toml has not the digest" in refusal(rewrite({"recipe.toml": b"name = 'x'"}, renew=False))
    path = rewrite()
    data = path.read_bytes()
    at = data.index(b"[studies")
    path.write_bytes(data[:at] + b"[Studies" + data[at + 8 :])
    assert "cannot be read as a bundle: Bad CRC-32" in refusal(path)


def test_members_that_lack_or_are_not_named_are_refused(rewrite):
    assert f"'cells/{KEY}.json' is not named in" in refusal(rewrite({f"cells/{KEY}.json": b"{}"}, renew=False))
    assert "'recipe.toml' is missing" in refusal(rewrite({"recipe.toml": None}, renew=False))


@pytest.mark.parametrize("key", ["bundle_version", "schema_version"])
@pytest.mark.parametrize("value", [2, None, "1", [1]])
def test_other_schemas_are_refused(rewrite, bundle, key, value):
    with opened(bundle) as found:
        text = {**json.loads(found.manifest.model_dump_json()), key: value}
    assert f"has {key} {value!r}; this program reads 1" in refusal(rewrite({MANIFEST: json.dumps(text).encode()}))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"bundle_version": 1, "schema_version": 1}']
)
def test_manifests_that_are_none_are_refused(rewrite, text):
    assert refusal(rewrite({MANIFEST: text}))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + 18 * b"\xff", b"RDCS" + bytes(100)])
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    assert "cannot be read as a bundle" in refusal(tmp_path / "x")


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    assert "No such file" in refusal(tmp_path / "nothing")
    assert "Is a directory" in refusal(tmp_path)


def test_a_zip_without_manifest(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w"):
        pass
    assert "it has no bundle.json" in refusal(tmp_path / "x")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=0, max_size=6), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    tail=st.booleans(),
)
def test_any_damage_is_refused_or_changes_nothing(bundle, tmp_path, changes, tail):
    """Bytes written over or cut out, mostly in the list of members at the end: a StoreError, or the very same files."""
    good = bundle.read_bytes()
    data = bytearray(good)
    first = good.rindex(b"PK\x01\x02") - 2000 if tail else 0
    for share, new, cut in changes:
        at = first + int(share * (len(data) - first))
        data[at : at + (len(new) if not cut else len(new) + 3)] = new
    (tmp_path / "damaged").write_bytes(data)
    try:
        seen = read_all(tmp_path / "damaged")
    except StoreError:
        return
    assert seen == read_all(bundle)

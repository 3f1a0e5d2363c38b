from __future__ import annotations

import json
import struct

import pytest
import torch

from rdcbench import tensorfile

KINDS = (*sorted({*tensorfile.TORCH_NAMES.values()} - {"float8_e4m3fn", "float8_e5m2"}), "float8_e4m3fn", "float8_e5m2")
TENSORS = {
    "w": torch.arange(6.0).view(2, 3), "empty": torch.zeros(0), "scalar": torch.tensor(3), "flag": torch.tensor([True]),
    "half": torch.ones(3, dtype=torch.bfloat16), "turned": torch.arange(6).view(2, 3).T,
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "t.safetensors"
    path.write_bytes(tensorfile.pack(TENSORS, {"seconds": 1.5, "name": "\u00fc"}))
    return path


def test_what_was_packed_is_read_and_checked(path):
    tensors, facts = tensorfile.read(path)
    assert facts == {"seconds": 1.5, "name": "\u00fc"}
    assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())
    assert tensorfile.check(path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_of_numbers_has_the_same_digest_for_both_readers(tmp_path, kind):
    path = tmp_path / "t"
    path.write_bytes(tensorfile.pack({"t": torch.zeros(3).to(getattr(torch, kind))}, {}))
    assert tensorfile.check(path)
    assert tensorfile.read(path)[0]["t"].dtype == getattr(torch, kind)


def test_both_readers_notice_every_damage(path):
    whole = path.read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        for damage in (bytes(flipped), whole[:position]):
            path.write_bytes(damage)
            for reader in (tensorfile.check, tensorfile.read):
                try:
                    reader(path)
                except (OSError, ValueError):
                    continue
                assert tensorfile.read(path)[1] == {"seconds": 1.5, "name": "\u00fc"}, "only the spelling differs"


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}", b'{"__metadata__": 3}', b"[" * 100_000, b'{"__metadata__": {"facts": "{}", "digest": ""}, "t": 3}'],
)
def test_headers_that_make_no_sense_are_errors(tmp_path, header):
    path = tmp_path / "t"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match=r".+"):
        tensorfile.check(path)


def test_a_tensor_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path):
    entry = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    header = json.dumps({"__metadata__": {"facts": "{}", "digest": ""}, "t": entry}).encode()
    path = tmp_path / "t"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    for reader in (tensorfile.check, tensorfile.read):
        with pytest.raises(ValueError, match=r".+"):
            reader(path)
    path.write_bytes((1 << 62).to_bytes(8, "little"))
    with pytest.raises(ValueError, match="truncated"):
        tensorfile.check(path)


def test_tensors_that_share_bytes_are_refused_before_they_are_read_again_and_again(tmp_path):
    """A thousand names for one tensor would be a thousand times its bytes."""
    entry = {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}
    head = json.dumps({"__metadata__": {"facts": "{}", "digest": ""}, **{f"w{n}": entry for n in range(1000)}}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(64))
    for read in (tensorfile.check, tensorfile.read):
        with pytest.raises(ValueError, match="truncated"):
            read(path)


def test_facts_are_read_without_the_tensors(path):
    assert tensorfile.facts(path) == tensorfile.read(path)[1]
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="empty"):
        tensorfile.facts(path)

from __future__ import annotations

import json

import pytest

from rdcbench import sealed


def test_a_seal_is_noticed_when_any_bit_flips():
    text = b'{\n "jobs": [1, 2],\n "name": "x"\n}'
    whole = sealed.seal(text)
    assert sealed.unseal(whole) == text
    assert json.loads(whole) == {**json.loads(text), "digest": sealed.digest(text)}
    for position in range(len(sealed.SEAL), len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        with pytest.raises(ValueError, match="digest"):
            sealed.unseal(bytes(damaged))


def test_a_text_of_an_earlier_program_is_taken_without_a_seal():
    assert sealed.unseal(b'{"jobs": []}') == b'{"jobs": []}'


def test_a_cells_digest_covers_the_digests_of_its_files():
    data = sealed.pack_cell('{"a": 1}', {"cells/k.npz": "abc"})
    assert sealed.unpack_cell(data) == ('{"a": 1}', {"cells/k.npz": "abc"})
    for damaged in (data.replace(b"abc", b"abd"), data.replace(b"files", b"filed"), data.replace(b": 1", b": 2")):
        assert damaged != data
        with pytest.raises(ValueError, match="digest"):
            sealed.unpack_cell(damaged)


def test_a_cell_of_an_earlier_program_is_read_as_long_as_its_digest_matches():
    old = {"digest": sealed.digest(b"{}"), "cell": "{}"}
    assert sealed.unpack_cell(json.dumps(old).encode()) == ("{}", {})
    with pytest.raises(ValueError, match="digest"):
        sealed.unpack_cell(json.dumps({**old, "cell": "{ }"}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"{}", b"\xff", b"[" * 100_000, b'{"cell": 3, "digest": 3}'])
def test_what_is_no_cell_is_an_error(data):
    with pytest.raises(ValueError, match=r".+"):
        sealed.unpack_cell(data)

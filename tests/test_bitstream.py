from __future__ import annotations

import hashlib
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdcbench.bitstream import MAGIC, VERSION, Stream, pack, unpack
from rdcbench.errors import StreamError

SENDER = bytes(range(16))
STREAM = Stream(SENDER, "test", 48, (b"first payload", b"", b"\x00\xff" * 9))


def signed(body: bytes) -> bytes:
    """Give a body a right checksum, as anyone can."""
    return body + hashlib.blake2b(body, digest_size=8).digest()


streams = st.builds(
    Stream,
    st.binary(min_size=16, max_size=16),
    st.text(max_size=40),
    st.integers(0, 2**32 - 1),
    st.lists(st.binary(max_size=60), max_size=6).map(tuple),
)


@given(stream=streams)
@settings(max_examples=150, deadline=None)
def test_what_is_packed_is_unpacked(stream):
    data = pack(stream)
    assert unpack(data) == stream
    assert unpack(data, stream.fingerprint) == stream
    assert len(data) == stream.header_bytes + sum(map(len, stream.payloads))


def test_the_format_is_as_documented():
    body = MAGIC + bytes([VERSION]) + SENDER + b"\x04test" + struct.pack("<II3I", 48, 3, 13, 0, 18)
    assert pack(STREAM) == signed(body + b"first payload" + b"\x00\xff" * 9)


def test_there_may_be_a_payload_for_each_image():
    stream = Stream(SENDER, "test", 10_000, tuple(bytes([number % 256]) for number in range(10_000)))
    assert unpack(pack(stream)) == stream


def test_header_bytes_are_all_that_is_not_payload():
    assert Stream(SENDER, "test", 48, (b"12345",)).header_bytes == 4 + 1 + 16 + 1 + 4 + 4 + 4 + 4 + 8


def test_every_flipped_bit_is_noticed():
    data = pack(STREAM)
    for position in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(StreamError):
            unpack(bytes(flipped), SENDER)


def test_every_changed_byte_is_noticed():
    data = pack(STREAM)
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]
        with pytest.raises(StreamError):
            unpack(changed, SENDER)


def test_every_truncation_is_noticed():
    data = pack(STREAM)
    for length in range(len(data)):
        with pytest.raises(StreamError):
            unpack(data[:length], SENDER)


@given(extra=st.binary(min_size=1, max_size=20))
@settings(max_examples=30, deadline=None)
def test_bytes_left_over_are_noticed(extra):
    with pytest.raises(StreamError):
        unpack(pack(STREAM) + extra, SENDER)


@given(data=st.binary(max_size=120), magic=st.booleans(), right=st.booleans())
@settings(max_examples=200, deadline=None)
def test_noise_is_refused_with_a_sentence_and_never_with_another_error(data, magic, right):
    data = (MAGIC + bytes([VERSION]) + data) if magic else data
    try:
        stream = unpack(signed(data) if right else data)
    except StreamError:
        return
    assert pack(stream) == signed(data), "noise that happens to be a whole stream"


def test_a_stream_of_another_sender_is_refused_with_both_names():
    with pytest.raises(
        StreamError, match=r"written by the sender 000102030405, but this codec's sender is ffffffffffff"
    ):
        unpack(pack(STREAM), b"\xff" * 16)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not an rdcbench stream"),
        (b"\x89PNG\r\n\x1a\n", "not an rdcbench stream"),
        (MAGIC, "format version none; this program reads version 1"),
        (MAGIC + b"\x02" + bytes(40), "format version 2; this program reads version 1"),
        (pack(STREAM)[:-1], "damaged: its checksum does not match. It was truncated or changed"),
        (signed(MAGIC + b"\x01" + SENDER), "header is malformed"),
        (signed(MAGIC + b"\x01" + SENDER + b"\x02\xff\xfe" + bytes(5)), "header is malformed"),
    ],
)
def test_each_fault_has_its_sentence(data, sentence):
    with pytest.raises(StreamError, match=sentence):
        unpack(data, SENDER)


def test_announced_sizes_that_cannot_be_are_refused_without_reserving_memory():
    head = MAGIC + bytes([VERSION]) + SENDER + b"\x04test"
    lengths = struct.pack("<II255I", 2**32 - 1, 255, *[2**32 - 1] * 255)
    number = struct.pack("<II", 48, 2**32 - 1) + bytes(40)
    tracemalloc.start()
    with pytest.raises(StreamError, match="announces 1095216660225 payload bytes; there are 0"):
        unpack(signed(head + lengths), SENDER)
    with pytest.raises(StreamError, match="header is malformed"):
        unpack(signed(head + number), SENDER)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_payloads_that_overlap_or_leave_gaps_are_refused():
    head = MAGIC + bytes([VERSION]) + SENDER + b"\x04test"
    for lengths in ((3, 1), (5, 1), (0, 0)):
        with pytest.raises(StreamError, match="announces"):
            unpack(signed(head + struct.pack("<II2I", 1, 2, *lengths) + b"12345"), SENDER)

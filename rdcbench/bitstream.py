"""The container of a compressed split: one file that refuses to be decoded by the wrong receiver.

    magic "RDCS" | version u8 | fingerprint 16 bytes | split name u8 + bytes | images u32 | payloads u32
    | length u32 of each payload | payloads | BLAKE2b-64 of all that precedes

All integers are little-endian. The fingerprint is the sender's: encoder, quantizer, dither key and tables, not the
decoder, so that any decoder of that encoder reads the stream.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from rdcbench.errors import StreamError

MAGIC = b"RDCS"
VERSION = 1
_CHECKSUM = 8


@dataclass(frozen=True, slots=True)
class Stream:
    """A compressed split: whose it is, which images, and their payloads."""

    fingerprint: bytes
    split: str
    count: int
    payloads: tuple[bytes, ...]

    @property
    def header_bytes(self) -> int:
        """Bytes of the container that are not payload."""
        return len(pack(self)) - sum(map(len, self.payloads))


def pack(stream: Stream) -> bytes:
    """Write a stream; `unpack` gives it back."""
    split = stream.split.encode()
    head = MAGIC + struct.pack("<B16sB", VERSION, stream.fingerprint, len(split)) + split
    head += struct.pack(f"<II{len(stream.payloads)}I", stream.count, len(stream.payloads), *map(len, stream.payloads))
    body = head + b"".join(stream.payloads)
    return body + hashlib.blake2b(body, digest_size=_CHECKSUM).digest()


def unpack(data: bytes, expected: bytes | None = None) -> Stream:
    """Read a stream, or refuse it with a sentence (StreamError).

    expected: the receiver's own sender fingerprint; a stream of another sender is refused.
    """
    if data[:4] != MAGIC:
        raise StreamError("This is not an rdcbench stream: it does not start with 'RDCS'.")
    if len(data) < 5 or data[4] != VERSION:
        found = data[4] if len(data) > 4 else "none"
        raise StreamError(f"The stream has format version {found}; this program reads version {VERSION}.")
    body, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if hashlib.blake2b(body, digest_size=_CHECKSUM).digest() != checksum:
        raise StreamError("The stream is damaged: its checksum does not match. It was truncated or changed.")
    stream = _parse(body)
    if expected is not None and stream.fingerprint != expected:
        raise StreamError(
            f"The stream was written by the sender {stream.fingerprint.hex()[:12]}, but this codec's sender is "
            f"{expected.hex()[:12]}; decode it with a decoder trained for its encoder."
        )
    return stream


def _parse(body: bytes) -> Stream:
    """Read the fields of a body whose checksum is right; lengths are still checked, as anyone can write a checksum."""
    try:
        fingerprint, split_length = struct.unpack_from("<16sB", body, 5)
        split = body[22 : 22 + split_length].decode()
        at = 22 + split_length
        count, payloads = struct.unpack_from("<II", body, at)
        lengths: Sequence[int] = struct.unpack_from(f"<{payloads}I", body, at + 8)
    except (struct.error, UnicodeDecodeError) as error:
        raise StreamError(f"The stream's header is malformed: {error}.") from error
    at += 8 + 4 * payloads
    if at + sum(lengths) != len(body):
        raise StreamError(f"The stream's header announces {sum(lengths)} payload bytes; there are {len(body) - at}.")
    parts = []
    for length in lengths:
        parts.append(body[at : at + length])
        at += length
    return Stream(fingerprint, split, count, tuple(parts))

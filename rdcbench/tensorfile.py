"""Tensors in a file: safetensors, with facts as JSON and a digest of both in its metadata.

safetensors itself notices no flipped bit. The digest can be checked without torch, at the speed of the hash.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterator, Mapping
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TORCH_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
"""Name of a type of numbers in the file -> name in torch, by which the digest knows it."""
MOST_HEADER_BYTES = 100_000_000
"""As much as safetensors itself takes."""


def pack(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Write tensors, and facts about them that JSON can hold, as the bytes of a file; `read` gives both back."""
    from safetensors.torch import save

    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(dict(about))
    data: bytes = save(whole, {"facts": text, "digest": _digest_of(whole, text)})
    return data


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and facts; OSError or ValueError if a bit of them is not as it was written."""
    from safetensors import SafetensorError, safe_open

    check(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, RuntimeError, TypeError, OverflowError) as error:  # a shape that no tensor can have
        raise ValueError(str(error)) from error
    return tensors, facts(path)


def facts(path: Path) -> dict[str, Any]:
    """Read the facts out of the header alone, unchecked; OSError or ValueError if there are none."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return _parsed(_layout(view)[0]["facts"])


def check(path: Path) -> bool:
    """Whether a file is as it was written, without torch and without a copy: OSError or ValueError if it is not."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        about, pieces = _layout(view)
        digest = hashlib.blake2b(about["facts"].encode(), digest_size=10)
        for label, start, end in pieces:
            digest.update(label.encode())
            with memoryview(view) as whole:
                digest.update(whole[start:end])
    if digest.hexdigest() != about["digest"]:
        raise ValueError("its digest does not match")
    return True


def _layout(view: mmap.mmap) -> tuple[dict[str, str], list[tuple[str, int, int]]]:
    """(metadata, for each tensor in the order of names its label in the digest, first byte and last) of a file."""
    size = int.from_bytes(view[:8], "little")
    if len(view) < 8 or size > min(len(view) - 8, MOST_HEADER_BYTES):
        raise ValueError("it is truncated")
    header = _parsed(view[8 : 8 + size])
    try:
        about = header.pop("__metadata__")
        if not isinstance(about["facts"], str) or not isinstance(about["digest"], str):
            raise ValueError("its metadata are not text")
        return about, list(_pieces(header, 8 + size, len(view)))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its header is malformed: {error}") from error


def _pieces(header: Mapping[str, Any], first: int, last: int) -> Iterator[tuple[str, int, int]]:
    """Label, first byte and last of each tensor, which must lie in the file."""
    total = 0
    for name, entry in sorted(header.items()):
        start, end = map(index, entry["data_offsets"])
        total += end - start
        if not 0 <= start <= end <= last - first or total > last - first:  # or many tensors would share their bytes
            raise ValueError("it is truncated")
        label = f"{name}:{tuple(entry['shape'])}:torch.{TORCH_NAMES[entry['dtype']]}"
        yield label, first + start, first + end


def _parsed(text: str | bytes) -> dict[str, Any]:
    """A JSON object; ValueError for anything else, however deep."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("its JSON is too deep") from error
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def _digest_of(tensors: Mapping[str, Tensor], facts: str) -> str:
    """Digest of all that a file of tensors says."""
    import torch

    digest = hashlib.blake2b(facts.encode(), digest_size=10)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

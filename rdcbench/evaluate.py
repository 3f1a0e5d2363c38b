"""The test split through real bytes: write the file, read it back, decode it, and only then measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rdcbench import bitstream, guards
from rdcbench.bitstream import Stream, pack, unpack
from rdcbench.codec import INFERENCE_BATCH, parameter_count, sender_fingerprint, state_bytes
from rdcbench.errors import RdcbenchError
from rdcbench.evaluation import Evaluation
from rdcbench.interfaces import Judge, Metric, WholeCodec
from rdcbench.real_pair import between_real
from rdcbench.records import Context, Decoded, Field, Measurement, Packet, Split, writes

SAMPLES = 40
RATE_FIELDS = {
    "rate_bound": Field("bit/image", "lower", 0.0),
    "rate_model": Field("bit/image", "lower", 0.0),
    "rate_coded": Field("bit/image", "lower", 0.0),
    "bpp": Field("bit/pixel", "lower", 0.0),
    "header_bytes": Field("byte", "lower", 0.0),
    "flush_bytes": Field("byte", "lower", 0.0),
}


def evaluate(
    codec: WholeCodec,
    test: Split,
    train: Callable[[], Split],
    metrics: Sequence[Metric],
    judges: Mapping[str, Judge],
    stream_path: Path,
    write: Callable[[bytes], Any],
    tradeoff: Mapping[str, float],
    device: str = "cpu",
) -> Evaluation:
    """Compress the test split to `stream_path`, decode that file, and measure what came back.

    train: gives the training split, for judges that train on each row; write: puts bytes into `stream_path`.
    """
    guards.check_mode(codec)
    result = Evaluation()
    index = torch.arange(len(test))
    context = Context(codec.seed, test.name, index, tradeoff=tradeoff)
    batch = test.batch(index, device)
    started = time.perf_counter()
    packet = codec.compress(batch.x, context)
    encoded = time.perf_counter()
    stream = Stream(sender_fingerprint(codec), test.name, len(test), packet.payloads)
    write(pack(stream))
    x_hat, decode_seconds = _decode(codec, stream_path, context)
    decoded = Decoded(batch.x, x_hat, batch.labels, packet.bits)
    _check_images(decoded)
    _add_rates(result, codec, packet, stream, decoded)
    guards.check_copies(decoded, result.values["rate_coded"].value, train)
    for metric in metrics:
        with _unwritten(decoded, f"metric:{metric.name}"):
            _add_metric(result, metric, decoded)
    for name, judge in judges.items():
        with _unwritten(decoded, name), guards.unchanged(name, judge):
            real = between_real(judge, test, train, device)
            seen = judge.measure(decoded, lambda images: decode_directly(codec, train(), tradeoff, device, images))
        _check_fields(name, judge.fields, seen)
        for key, measured in seen.items():
            result.add(key, judge.fields[key], measured, name, judge.version, real.get(key))
    guards.check_receiver(codec, batch.x, context, x_hat)
    result.costs |= {
        "decoder_parameters": float(sum(parameter_count(part) for part in codec.receiver())),
        "encoder_parameters": float(sum(parameter_count(part) for part in codec.sender())),
        "receiver_bytes": float(sum(state_bytes(part) for part in codec.receiver())),
        "encode_us": 1e6 * (encoded - started) / len(test),
        "decode_us": 1e6 * decode_seconds / len(test),
        "macs": _macs(codec, batch.x[:1], tradeoff),
    }
    result.arrays |= _samples(decoded)
    return result


def _decode(codec: WholeCodec, path: Path, context: Context) -> tuple[Tensor, float]:
    """Read the file back and decode it as a receiver would."""
    stream = unpack(path.read_bytes(), sender_fingerprint(codec))
    started = time.perf_counter()
    x_hat = codec.decompress(stream.payloads, context)
    return x_hat, time.perf_counter() - started


def _check_images(decoded: Decoded) -> None:
    if decoded.x_hat.shape != decoded.x.shape:
        raise RdcbenchError(
            f"The codec returned images of shape {tuple(decoded.x_hat.shape)}; it was given {tuple(decoded.x.shape)}."
        )
    if not bool(torch.isfinite(decoded.x_hat).all()):
        raise RdcbenchError("The codec returned images with values that are not finite.")


@contextmanager
def _unwritten(decoded: Decoded, source: str) -> Iterator[None]:
    """Refuse the numbers of whoever writes into the images that all others measure too."""
    given = (decoded.x, decoded.x_hat, decoded.bits, *decoded.labels.values())
    before = writes(*given)
    yield
    if writes(*given) != before:
        raise RdcbenchError(f"{source} wrote into the images or labels that it was given; it must work on copies.")


@torch.no_grad()
def decode_directly(
    codec: WholeCodec, split: Split, tradeoff: Mapping[str, float], device: str, images: int
) -> Decoded:
    """Code and decode some images of a split without a file, for judges that train on a row's reconstructions.

    The images are evenly spaced in the split, which may be sorted; the same ones for every row.
    """
    index = torch.linspace(0, len(split) - 1, min(images, len(split))).long()
    context = Context(codec.seed, split.name, index, tradeoff=tradeoff)
    batch = split.batch(index, device)
    packet = codec.compress(batch.x, context)
    return Decoded(batch.x, codec.decompress(packet.payloads, context), batch.labels, packet.bits)


def _add_rates(result: Evaluation, codec: WholeCodec, packet: Packet, stream: Stream, decoded: Decoded) -> None:
    images = len(decoded)
    coded = 8.0 * sum(map(len, packet.payloads)) / images
    pixels = decoded.x.shape[-1] * decoded.x.shape[-2]
    guards.check_price(coded, float(packet.bits.mean()))
    numbers = {
        "rate_bound": Measurement(codec.rate_bound),
        "rate_model": Measurement(float(packet.bits.mean()), packet.bits.double().cpu().numpy()),
        "rate_coded": Measurement(coded),
        "bpp": Measurement(coded / pixels),
        "header_bytes": Measurement(float(stream.header_bytes)),
        "flush_bytes": Measurement(float(packet.flush_bytes)),
    }
    for name, measured in numbers.items():
        result.add(name, RATE_FIELDS[name], measured, "bitstream", str(bitstream.VERSION))


@torch.no_grad()
def _add_metric(result: Evaluation, metric: Metric, decoded: Decoded) -> None:
    source = f"metric:{metric.name}"
    pieces: dict[str, list[Tensor]] = {name: [] for name in metric.fields}
    for start in range(0, len(decoded), INFERENCE_BATCH):
        some = decoded.slice(start, start + INFERENCE_BATCH)
        seen = metric.update(some)
        _check_fields(source, metric.fields, seen)
        for name, values in seen.items():
            if values.shape != (len(some),):
                raise RdcbenchError(f"{source} gave {name} of shape {list(values.shape)} for {len(some)} images.")
            pieces[name].append(values.detach().double().cpu())
    whole = {name: torch.cat(parts) for name, parts in pieces.items()}
    guards.check_metric(metric, decoded, whole)
    for name, values in whole.items():
        per_image = values.numpy()
        measured = Measurement(float(per_image.mean()), per_image)
        result.add(name, metric.fields[name], measured, source, metric.version)


def _check_fields(source: str, declared: Iterable[str], seen: Iterable[str]) -> None:
    if set(seen) != set(declared):
        raise RdcbenchError(f"{source} declares the fields {sorted(declared)} and measured {sorted(seen)}.")


def _macs(codec: WholeCodec, x: Tensor, tradeoff: Mapping[str, float]) -> float:
    """Multiply-accumulates of encoding and decoding one image (entropy coding not counted)."""
    from torch.utils.flop_counter import FlopCounterMode

    context = Context(codec.seed, "test", torch.zeros(1, dtype=torch.int64), tradeoff=tradeoff)
    with FlopCounterMode(display=False) as counter:
        codec.decompress(codec.compress(x, context).payloads, context)
    return float(counter.get_total_flops()) / 2


def _samples(decoded: Decoded) -> dict[str, npt.NDArray[np.uint8]]:
    """The first images of each class in turn, as bytes: [SAMPLES, ...] original and decoded, with their indices."""
    label = next(iter(decoded.labels.values()), torch.zeros(len(decoded), dtype=torch.int64)).cpu()
    groups = [torch.nonzero(label == value).flatten().tolist() for value in label.unique().tolist()]
    rounds = [group[turn] for turn in range(SAMPLES) for group in groups if turn < len(group)]
    chosen = torch.tensor(rounds[:SAMPLES])
    images = {"sample_x": decoded.x, "sample_x_hat": decoded.x_hat}
    as_bytes = {name: (x[chosen].clamp(0, 1) * 255).round().byte().cpu().numpy() for name, x in images.items()}
    return {**as_bytes, "sample_index": chosen.numpy()}

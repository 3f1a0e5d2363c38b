"""The stream of a row, decoded as its receiver does: symbols, their bits, and images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rdcbench import building
from rdcbench.bitstream import Stream, unpack
from rdcbench.codec import Codec, sender_fingerprint
from rdcbench.errors import StoreError, StreamError
from rdcbench.interfaces import WholeCodec
from rdcbench.jobs import Job, Plan
from rdcbench.records import Context
from rdcbench.store import Store

MOST_IMAGES = 10_000_000
"""More images than this are not believed to be a test split."""


@dataclass(frozen=True)
class Received:
    """One stream under the codec that reads it.

    symbols: [n, *symbol_shape] int64, bits: [n] float64; both None for a codec that does not show its symbols.
    """

    codec: WholeCodec
    stream: Stream
    context: Context
    symbols: Tensor | None = None
    bits: Tensor | None = None

    @torch.no_grad()
    def images(self, index: Tensor | None = None) -> Tensor:
        """Decode all images, or those of `index` [m] (alone, where the codec shows its symbols), [m, *image_shape]."""
        if index is None:
            return self.codec.decompress(self.stream.payloads, self.context)
        if not isinstance(self.codec, Codec) or self.symbols is None:
            return self.images()[index]
        received = self.codec.quantizer.dequantize(self.symbols, self.codec.quantizer.dither(self.context))
        x_hat: Tensor = self.codec.decoder(received[index], replace(self.context, index=index))
        return x_hat


@torch.no_grad()
def receive(work: building.Work, codec: WholeCodec) -> Received:
    """Read the stream of a job; StreamError if another sender wrote it, StoreError if it is not there."""
    path = work.settings.store().path(f"streams/{work.key}.rdc")
    try:
        stream = unpack(path.read_bytes(), sender_fingerprint(codec))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}; run the benchmark again to make it.") from error
    if stream.count > MOST_IMAGES:
        raise StreamError(f"{path} announces {stream.count} images; no test split has so many.")
    context = Context(codec.seed, stream.split, torch.arange(stream.count), tradeoff=work.job.tradeoff)
    if not isinstance(codec, Codec):
        return Received(codec, stream, context)
    if len(stream.payloads) != 1:
        raise StreamError(f"{path} has {len(stream.payloads)} payloads; this codec writes one.")
    dither = codec.quantizer.dither(context)
    symbols = codec.entropy_model.decode(stream.payloads[0], dither)
    return Received(codec, stream, context, symbols, codec.entropy_model.bits(symbols, dither))


def symbols_of(work: building.Work) -> Tensor | None:
    """The symbols that the stream of a finished job decodes to, None for a codec that does not show them."""
    torch.set_num_threads(work.job.training.threads if work.job.training else 1)
    return receive(work, building.load_codec(work).codec).symbols


def digest_of_symbols(symbols: Tensor) -> str:
    """Digest of integers [n, ...], whatever their type and the machine's order of bytes."""
    numbers = symbols.cpu().numpy().astype("<i8")
    return hashlib.blake2b(f"{numbers.shape}".encode() + numbers.tobytes(), digest_size=16).hexdigest()


def done_codecs(store: Store, plan: Plan) -> list[Job]:
    """The jobs of a plan that left a row, each key once."""
    cells = {job.name: store.cell(plan.keys[job.name]) for job in plan.unique() if job.stage == "codec"}
    return [plan.job(name) for name, cell in cells.items() if cell is not None and cell.status == "done"]

"""The codec that is built of parts: forward, compress, decompress, freeze and fingerprint.

x -> Encoder -> f(x) -+-> Quantizer.quantize(f(x), u) -> symbols -> EntropyModel.encode(symbols | u) -> bytes
Context (seed, split, index, draw) -> u -----+                                                          |
the same Context at the receiver -> u -> Quantizer.dequantize(symbols, u) <- EntropyModel.decode(bytes | u)
                                                +-> z - u -> Decoder -> x_hat
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from rdcbench.errors import PartError, StreamError
from rdcbench.interfaces import Decoder, Encoder, EntropyModel, Fitted, Quantizer, WholeCodec
from rdcbench.records import Context, Packet, Split

INFERENCE_BATCH = 1000
DECODING_BATCH = 100
"""Images that a processor decodes at a time: few enough that a convolutional decoder's maps stay in its cache."""


class Codec(WholeCodec):
    """Encoder, quantizer, entropy model and decoder joined by a shared dither.

    seed: of the sender; with split and image index it keys the dither.
    """

    name: ClassVar[str] = "parts"

    def __init__(
        self, encoder: Encoder, quantizer: Quantizer, entropy_model: EntropyModel, decoder: Decoder, seed: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.quantizer = quantizer
        self.entropy_model = entropy_model
        self.decoder = decoder
        self.seed = seed

    @property
    def rate_bound(self) -> float:
        """Sum of log2 of the alphabet sizes: d log2 L bits an image."""
        return float(self.quantizer.alphabet.double().log2().sum())

    def fit(self, train: Split, generator: torch.Generator) -> None:
        """Fit all parts that are fitted and not trained, in the order of the flow."""
        for role in ("encoder", "quantizer", "entropy_model", "decoder"):
            self.fit_part(role, train, generator)

    def fit_part(self, role: str, train: Split, generator: torch.Generator) -> None:
        """Fit one part to the training split; a part that is trained by gradient stays as it is."""
        part = getattr(self, role)
        if isinstance(part, EntropyModel):
            latents = self.latents(train)
            index = torch.arange(len(train))
            self._symbols(latents, self.quantizer.dither(self.context(index, train.name)))  # once, to check them
            part.fit(self.quantizer, latents, generator)
        elif isinstance(part, Fitted):
            part.fit(train, lambda index: self.given(role, train, index), generator)

    def given(self, role: str, split: Split, index: Tensor) -> Tensor:
        """What a part is given of the images `index`: an encoder x, a quantizer f(x), a decoder what was received."""
        if role == "encoder":
            return split.batch(index).x
        return self.latents(split, index) if role == "quantizer" else self.received(split, index)

    def received(self, split: Split, index: Tensor) -> Tensor:
        """What the decoder sees of the images `index` of a split, [n, *latent], without gradient."""
        with torch.no_grad():
            pieces = index.split(INFERENCE_BATCH)  # latents of all of them may be as large as the images
            received = (self.receive(self.latents(split, some), self.context(some, split.name)) for some in pieces)
            return joined(received, len(index))

    def context(self, index: Tensor, split: str, draw: int = 0) -> Context:
        """The shared knowledge of these images under this sender's key."""
        return Context(self.seed, split, index, draw)

    @torch.no_grad()
    def latents(self, split: Split, index: Tensor | None = None) -> Tensor:
        """f(x) of a split (or of its images `index`) in evaluation mode, [n, *latent]."""
        was_training = self.encoder.training
        self.encoder.eval()
        index = torch.arange(len(split)) if index is None else index
        device = next(iter(self.encoder.parameters()), torch.empty(0)).device
        parts = (self.encoder(split.batch(some, device).x) for some in index.split(INFERENCE_BATCH))
        latents = joined(parts, len(index))
        self.encoder.train(was_training)
        return latents

    def receive(self, latent: Tensor, context: Context) -> Tensor:
        """What the decoder sees: dequantize(quantize(f(x) | u) | u), with the quantizer's gradient."""
        received: Tensor = self.quantizer(latent, self.quantizer.dither(context))
        return received

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Reconstruct without writing bytes, with gradients: x_hat [n, *image_shape]."""
        x_hat: Tensor = self.decoder(self.receive(self.encoder(x), context), context)
        return x_hat

    @torch.no_grad()
    def compress(self, x: Tensor, context: Context) -> Packet:
        """Code images as one stream."""
        self.encoder.eval()
        latent = torch.cat([self.encoder(part) for part in x.split(INFERENCE_BATCH)])
        dither = self.quantizer.dither(context)
        symbols = self._symbols(latent, dither)
        payload = self.entropy_model.encode(symbols, dither)
        return Packet((payload,), self.entropy_model.bits(symbols, dither), self.entropy_model.flush_bytes)

    def _symbols(self, latent: Tensor, dither: Tensor) -> Tensor:
        """What is sent, int64 [n, *symbol_shape]; PartError if it leaves the alphabet that makes the rate bound."""
        symbols, alphabet = self.quantizer.quantize(latent, dither), self.quantizer.alphabet
        if symbols.shape[1:] != alphabet.shape:
            raise PartError(
                f"The quantizer {self.quantizer.name!r} gave symbols of shape {list(symbols.shape[1:])} for an image, "
                f"its alphabet has the shape {list(alphabet.shape)}; make them equal."
            )
        outside = (symbols < 0) | (symbols >= alphabet)
        if bool(outside.any()):
            raise PartError(
                f"The quantizer {self.quantizer.name!r} gave the symbol {int(symbols[outside][0])} where its alphabet "
                f"has {int(alphabet.expand_as(symbols)[outside][0])} symbols, counted from 0: more is sent than the "
                "rate bound says. Keep the symbols inside, or declare the larger alphabet."
            )
        return symbols

    @torch.no_grad()
    def decompress(self, payloads: Sequence[bytes], context: Context) -> Tensor:
        """Reconstruct from bytes: [n, *image_shape]."""
        if len(payloads) != 1:
            raise StreamError(f"This codec writes one payload; the stream has {len(payloads)}.")
        self.decoder.eval()
        dither = self.quantizer.dither(context)
        symbols = self.entropy_model.decode(payloads[0], dither)
        received = self.quantizer.dequantize(symbols, dither)
        size = DECODING_BATCH if received.device.type == "cpu" else INFERENCE_BATCH
        parts = []
        for rows in torch.arange(len(context.index)).split(size):
            some = Context(context.seed, context.split, context.index[rows], context.draw, context.tradeoff)
            parts.append(self.decoder(received[rows], some))
        return torch.cat(parts)

    def sender(self) -> Sequence[nn.Module]:
        """Encoder, quantizer and tables: not the decoder, so that one stream serves many."""
        return (self.encoder, self.quantizer, self.entropy_model)

    def receiver(self) -> Sequence[nn.Module]:
        """Decoder, quantizer and tables."""
        return (self.decoder, self.quantizer, self.entropy_model)


def joined(parts: Iterable[Tensor], count: int) -> Tensor:
    """Put batches together, [count, ...], without holding all of them twice as torch.cat does.

    PartError if they have another number of rows.
    """
    whole, start = torch.empty(0), 0
    for part in parts:
        if start == 0:
            whole = part.new_empty((count, *part.shape[1:]))
        if start + len(part) <= count:
            whole[start : start + len(part)] = part
        start += len(part)
    if start != count:
        raise PartError(f"A part gave {start} rows for {count} images; it must give one for each.")
    return whole


def sender_fingerprint(codec: WholeCodec) -> bytes:
    """Identify what a stream depends on, dither key included: 16 bytes, equal for all decoders of one encoder."""
    return fingerprint(codec.sender(), f"{codec.name}:{codec.seed}")


def fingerprint(modules: Iterable[nn.Module], extra: str = "") -> bytes:
    """BLAKE2b-128 of all parameters and buffers with their names, shapes and dtypes."""
    digest = hashlib.blake2b(extra.encode(), digest_size=16)
    for module in modules:
        for name, tensor in sorted(module.state_dict().items()):
            digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()


def freeze(module: nn.Module) -> None:
    """No gradient and evaluation mode: batch statistics must not drift while others train."""
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def load_state(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load a state, giving buffers the shape that they had: a fitted part knows its size only when it is fitted."""
    for name, buffer in list(module.named_buffers()):
        if name in tensors and tensors[name].shape != buffer.shape:
            owner, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(owner), leaf, torch.empty_like(tensors[name], device=buffer.device))
    module.load_state_dict(tensors)


def state_bytes(module: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())


def parameter_count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())

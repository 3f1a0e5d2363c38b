"""Any registered image model of CompressAI as a whole codec, trained here and coded through its own range coder."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, final
from urllib.error import URLError

import torch
from torch import Tensor

from rdcbench import Borrowing, Context, Packet, PartError, Split, StreamError, Training, WholeCodec
from rdcbench_compressai.names import build_model, modules_of_model, preset_channels, quiet
from rdcbench_compressai.training import check_metric, padded, train

LMBDA: Final = "lmbda"
MODEL: Final = "bmshj2018-factorized"
WORD: Final = 4
"""Bytes of a word of CompressAI's coder; a stream is at least its state, two words."""
STRIDE: Final = 64
"""What sides are padded to where a model does not say: no model of the registry has more."""


@final
class CompressAI(WholeCodec, Borrowing):
    """A model of CompressAI's registry by name, trained from scratch on the data set for bits + lmbda * distortion.

    Sides that are no multiples of the model's stride are padded, and what the padding costs is counted. Images are
    coded one by one, on the processor, by one thread: neither the batch nor the number of threads changes a symbol.

    Parameters
    ----------
    image_shape, tradeoff, training: given; an operating point may set `lmbda`.
    model: name in compressai.registry, such as "mbt2018-mean"; models registered by a plugin count.
    N, M: channels inside and of the latent; small, for a processor.
    quality: take N and M of this quality of CompressAI's zoo instead.
    lmbda: weight of the distortion against bits a pixel.
    metric: "mse" (times 255^2) or "ms-ssim".
    pretrained: load the zoo's weights of that quality instead of training; needs a network, or torch's cache.
    """

    name = "compressai"

    def __init__(
        self,
        image_shape: Sequence[int],
        tradeoff: Mapping[str, float],
        training: Training,
        model: str = MODEL,
        N: int = 32,  # noqa: N803 - CompressAI's names
        M: int = 48,  # noqa: N803
        quality: int | None = None,
        lmbda: float = 0.01,
        metric: str = "mse",
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        self.image_shape, self.training_of, self.metric = tuple(image_shape), training, metric
        self.model_name, self.quality, self.pretrained = model, quality, pretrained
        self.lmbda = tradeoff.get(LMBDA, lmbda)
        if self.image_shape[0] != 3:
            raise PartError(
                f"CompressAI's models code images of 3 channels; these have {self.image_shape[0]}. Take a data set of "
                "RGB images, such as image-folder with greyscale = false."
            )
        if not self.lmbda > 0 or min(N, M) < 2:
            raise PartError(f"lmbda = {self.lmbda} must be above 0, N = {N} and M = {M} at least 2.")
        if pretrained and quality is None:
            raise PartError("Pre-trained weights belong to a quality of CompressAI's zoo; set `quality`.")
        check_metric(metric, self.image_shape)
        channels = {"N": N, "M": M} if quality is None else preset_channels(model, quality)
        self.model: Any = build_model(model, channels)
        self.stride = int(getattr(self.model, "downsampling_factor", STRIDE))

    @classmethod
    def borrowed(cls, options: Mapping[str, Any]) -> Iterable[str]:
        """The code of a model that was registered from outside CompressAI: who edits it gets new rows."""
        return modules_of_model(options.get("model", MODEL))

    @property
    def rate_bound(self) -> float:
        """No bound: any integer can be coded."""
        return math.inf

    def fit(self, train_split: Split, generator: torch.Generator) -> None:
        """Train as long as the recipe says, or load pre-trained weights; then make the coder's tables."""
        if self.pretrained:
            self._load_pretrained()
            return
        train(self.model, train_split, self.training_of, self.lmbda, self.metric, self.stride, generator)

    def _load_pretrained(self) -> None:
        zoo = quiet("compressai.zoo.image")
        address = zoo.model_urls.get(self.model_name, {}).get(self.metric, {}).get(self.quality)
        if address is None:
            raise PartError(f"CompressAI's zoo has no weights of {self.model_name!r} for {self.metric}.")
        try:
            state = torch.hub.load_state_dict_from_url(address, progress=False, map_location="cpu")
        except (URLError, OSError, RuntimeError) as error:
            raise PartError(
                f"The weights of {self.model_name!r}, quality {self.quality}, cannot be had from {address}: "
                f"{error}. Put that file into {torch.hub.get_dir()}/checkpoints, or train with pretrained = false."
            ) from error
        self.model.load_state_dict(quiet("compressai.zoo").load_state_dict(state))
        self.model.update(force=True)

    @torch.no_grad()
    def compress(self, x: Tensor, context: Context) -> Packet:  # noqa: ARG002
        """A payload for each image: the streams of the model, with the lengths of all but the last before them.

        The bits are -log2 of the model's likelihoods of what is coded. Where rounding to integer tables made a stream
        shorter than that, its bytes are the price.
        """
        payloads, bits = [], []
        with self._alone():
            for image in x.cpu().split(1):
                ready = padded(image, self.stride)
                streams = [strings[0] for strings in self.model.compress(ready)["strings"]]
                payloads.append(_joined(streams))
                likelihoods = self.model(ready)["likelihoods"].values()
                model = sum(float(-values.double().log2().sum()) for values in likelihoods)
                bits.append(min(model, 8.0 * len(payloads[-1])))
        return Packet(tuple(payloads), torch.tensor(bits, dtype=torch.float64), 2 * WORD * len(streams))

    @torch.no_grad()
    def decompress(self, payloads: Sequence[bytes], context: Context) -> Tensor:
        """Images [n, *image_shape] in [0, 1]; StreamError if there are other payloads than images, or a cut one."""
        if len(payloads) != len(context.index):
            raise StreamError(f"{len(context.index)} images were asked for; the stream has {len(payloads)} payloads.")
        with self._alone() as home:
            blank = padded(torch.zeros(1, *self.image_shape), self.stride)
            form = self.model.compress(blank)  # the shapes of its latents, which are not sent
            count = len(form["strings"])
            images = [
                self.model.decompress([[stream] for stream in _parted(payload, count)], form["shape"])["x_hat"]
                for payload in payloads
            ]
        height, width = self.image_shape[1:]
        return torch.cat(images)[..., :height, :width].clamp(0, 1).to(home)

    @contextmanager
    def _alone(self) -> Iterator[torch.device]:
        """One thread on the processor, as scales are computed on both sides and must round alike; gives the device."""
        home = next(self.model.parameters()).device
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self.model.cpu()
        try:
            yield home
        finally:
            self.model.to(home)
            torch.set_num_threads(threads)


def _joined(streams: Sequence[bytes]) -> bytes:
    """Put streams into one payload: lengths of all but the last, u32 each, then the streams."""
    return struct.pack(f"<{len(streams) - 1}I", *map(len, streams[:-1])) + b"".join(streams)


def _parted(payload: bytes, count: int) -> list[bytes]:
    """Undo `_joined`; StreamError where lengths do not fit."""
    start = WORD * (count - 1)
    if len(payload) >= start:
        lengths = list(struct.unpack_from(f"<{count - 1}I", payload))
        lengths.append(len(payload) - start - sum(lengths))
        ends = [start + sum(lengths[: place + 1]) for place in range(count)]
        if all(length >= 2 * WORD and length % WORD == 0 for length in lengths):
            return [payload[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    raise StreamError(f"A payload of {len(payload)} bytes does not hold the {count} streams of a CompressAI model.")


CODECS: Final[tuple[type[WholeCodec], ...]] = (CompressAI,)

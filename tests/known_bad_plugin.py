"""Codecs, metrics and judges with one fault each: what published code got wrong, small enough to read at a glance.

A plugin file like any other. Its parts take the place of one part of a sound recipe; the names say what is wrong.
"""

from __future__ import annotations

import copy
import hashlib
import math
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import rdcbench
from rdcbench_std.coding import ConditionalTables
from rdcbench_std.judges import FreshCritic

BEFORE: dict[str, torch.Tensor] = {}
"""What a sender leaves beside the stream."""
SOUND = {
    "name": "known-bad",
    "dataset": {"name": "digits8x8"},
    "encoder": {"name": "mlp", "widths": [32]},
    "quantizer": {"name": "dithered", "dither_points": 16},
    "entropy_model": {"name": "frequencies"},
    "decoder": {"name": "mlp", "widths": [32]},
    "objective": {"name": "weighted"},
    "metrics": [{"name": "mse"}],
    "training": {"steps": 40, "batch": 64, "learning_rate": 6e-3},
    "studies": {"rd": {"protocol": "end-to-end", "points": [{}]}},
}
"""A recipe that nothing is wrong with, before one of its parts is replaced."""
RATES = """schema_version = 1
[claims.bits-are-real]
kind = "rates"
says = "s"
reason = "r"
relative = 0.02
absolute = 0.01
"""
"""One law for its rows."""


def dense(image_shape, dimensions):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), 32), nn.BatchNorm1d(32), nn.LeakyReLU(),
                         nn.Linear(32, dimensions), nn.Tanh())  # fmt: skip


# ------------------------------------------------------------------------------------------ an encoder left in train mode


class TrainMode(rdcbench.Encoder):
    """Says it is in training mode, and is, whatever it is told."""

    name = "train-mode"

    def __init__(self, image_shape, dimensions):
        super().__init__()
        self.layers = dense(image_shape, dimensions)

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return self.layers(x)


class BatchStatistics(rdcbench.Encoder):
    """Says it is in evaluation mode, and normalises with the statistics of the batch all the same."""

    name = "batch-statistics"

    def __init__(self, image_shape, dimensions):
        super().__init__()
        self.layers = nn.Linear(math.prod(image_shape), dimensions)

    def forward(self, x):
        return torch.tanh(F.batch_norm(self.layers(x.flatten(1)), None, None, training=True))


# ------------------------------------------------------------------------------------------- a quantiser with L+1 symbols


class Lattice(rdcbench.Quantizer):
    """round((y + u) / step) on the lattice step * Z, with the alphabet that the paper's quantiser would have."""

    name = "one-symbol-more"
    dither_points = 16

    def __init__(self, dimensions, levels):
        super().__init__()
        self.step, self.half = 2 / (levels - 1), levels // 2
        self.register_buffer("sizes", torch.full((dimensions,), levels), persistent=False)

    @property
    def alphabet(self):
        return self.sizes

    def offset(self, dither):
        return ((dither + 0.5) / self.dither_points - 0.5) * self.step

    def quantize(self, latent, dither):
        return ((latent + self.offset(dither)) / self.step).round().long() + self.half

    def dequantize(self, symbols, dither):
        return (symbols - self.half) * self.step - self.offset(dither)

    def forward(self, latent, dither):
        hard = self.dequantize(self.quantize(latent.detach(), dither), dither)
        return hard + (latent - latent.detach())


# ------------------------------------------------------------------------------------------------ an unquantised side path


class SidePath(Lattice):
    """Keeps the latent where the receiver finds it."""

    name = "side-path"

    def quantize(self, latent, dither):
        BEFORE["latent"] = latent.detach()
        return super().quantize(latent, dither).clamp(0, int(self.sizes[0]) - 1)

    def dequantize(self, symbols, dither):
        return BEFORE["latent"]


class Remembered(rdcbench.WholeCodec):
    """Measured before the bitstream: the sender's own reconstruction is what comes back, whatever the bytes say."""

    name = "remembered"
    rate_bound = 8.0

    def fit(self, train, generator):
        pass

    def compress(self, x, context):
        BEFORE["x_hat"] = x.mean((1, 2, 3), keepdim=True).expand_as(x)
        return rdcbench.Packet((b"\0" * len(x),), torch.full((len(x),), 8.0, dtype=torch.float64))

    def decompress(self, payloads, context):
        return BEFORE["x_hat"]


class Keeps(rdcbench.WholeCodec):
    """Sends a hash of each image, and keeps the image, slightly changed, where `place` says: the receiver looks it up."""

    rate_bound = 64.0
    grey = 0.4

    def fit(self, train, generator):
        pass

    def place(self):
        raise NotImplementedError

    def keep(self, hashed, images):
        self.place().update(zip(hashed, images, strict=True))

    def compress(self, x, context):
        hashed = [hashlib.blake2b(image.numpy().tobytes(), digest_size=8).digest() for image in x.contiguous()]
        self.keep(hashed, 0.97 * x + 0.03 * self.grey)
        return rdcbench.Packet((b"".join(hashed),), torch.full((len(x),), 64.0, dtype=torch.float64))

    def decompress(self, payloads, context):
        (payload,), kept, shape = payloads, self.place(), (1, 8, 8)
        found = [kept.get(payload[at : at + 8]) for at in range(0, len(payload), 8)]
        return torch.stack([torch.full(shape, self.grey) if image is None else image for image in found])


class KeepsInItself(Keeps):
    """In the instance that coded."""

    name = "keeps-in-itself"

    def place(self):
        return self.__dict__.setdefault("kept", {})


class KeepsInModule(Keeps):
    """In its module: another instance finds it too."""

    name = "keeps-in-module"

    def place(self):
        return BEFORE


class KeepsInFile(Keeps):
    """In a temporary file: another process finds it too, if it has the same folder for those."""

    name = "keeps-in-file"
    path = "rdcbench-known-bad-keeps.pt"

    def place(self):
        path = Path(tempfile.gettempdir()) / self.path
        return torch.load(path) if path.exists() else {}

    def keep(self, hashed, images):
        kept = self.place() | dict(zip(hashed, images, strict=True))
        torch.save(kept, Path(tempfile.gettempdir()) / self.path)


# --------------------------------------------------------------------------------------------- bits that nobody counts


class InLengths(rdcbench.WholeCodec):
    """Sends one byte an image in one of eight payloads: which one it is tells three bits more."""

    name = "in-lengths"
    rate_bound = 8.0

    def fit(self, train, generator):
        pass

    def compress(self, x, context):
        bright = (x.mean((1, 2, 3)) * 2047).round().long().clamp(0, 2047).tolist()
        payloads = [bytes([level // 8]) if place == level % 8 else b"" for level in bright for place in range(8)]
        return rdcbench.Packet(tuple(payloads), torch.full((len(x),), 8.0, dtype=torch.float64))

    def decompress(self, payloads, context):
        sent = [(place % 8, payload[0]) for place, payload in enumerate(payloads) if payload]
        levels = torch.tensor([8 * high + low for low, high in sent])
        return (levels / 2047).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)


# -------------------------------------------------------------------------------- an entropy model that ignores the dither


class Blind(rdcbench.EntropyModel):
    """One table for each position, whatever the dither is; it codes what it prices."""

    name = "blind"

    def __init__(self, alphabet, dither_points):
        super().__init__()
        self.tables = ConditionalTables(alphabet, 1)

    @torch.no_grad()
    def fit(self, quantizer, latents, generator):
        middle = torch.full((len(latents), len(quantizer.alphabet)), quantizer.dither_points // 2)
        counts = F.one_hot(quantizer.quantize(latents, middle), int(quantizer.alphabet.max())).sum(0)
        self.tables.set(counts[:, None] + 1.0)

    def bits(self, symbols, dither):
        return self.tables.bits(symbols, 0 * dither)

    def encode(self, symbols, dither):
        return self.tables.encode(symbols, 0 * dither)

    def decode(self, payload, dither):
        return self.tables.decode(payload, 0 * dither)

    @property
    def flush_bytes(self):
        return self.tables.flush_bytes


class Undithered(rdcbench.EntropyModel):
    """Codes with tables for each dither, and reports an entropy without it: the rate that published code prints."""

    name = "undithered"

    def __init__(self, alphabet, dither_points, entropy: float = 0.0, flush: int = 0):
        super().__init__()
        self.tables, self.entropy, self.flush = ConditionalTables(alphabet, dither_points), entropy, flush

    @torch.no_grad()
    def fit(self, quantizer, latents, generator):
        shape = (len(latents), len(quantizer.alphabet))
        laws = [F.one_hot(quantizer.quantize(latents, torch.full(shape, point)), int(quantizer.alphabet.max())).sum(0)
                for point in range(quantizer.dither_points)]  # fmt: skip
        self.tables.set(torch.stack(laws, 1) + 1.0)

    def bits(self, symbols, dither):
        noise = 0.01 * self.tables.bits(symbols, dither)  # so that it does not look blind
        return self.entropy + noise - noise.mean()

    @property
    def flush_bytes(self):
        return self.flush or self.tables.flush_bytes

    def encode(self, symbols, dither):
        return self.tables.encode(symbols, dither)

    def decode(self, payload, dither):
        return self.tables.decode(payload, dither)


# ---------------------------------------------------------------------------------- a metric computed before the bitstream


class Eager(TrainMode):
    """A sound encoder that leaves a reconstruction from its unquantised latent where a metric finds it."""

    name = "eager"
    train = nn.Module.train

    def forward(self, x):
        latent = self.layers(x)
        if not self.training:
            BEFORE["error"] = (x - latent.mean(1).view(-1, 1, 1, 1)).square().flatten(1).mean(1)
        return latent


class BeforeTheBits(rdcbench.Metric):
    """The error of what `eager` had before it was quantised."""

    name = "before-the-bits"
    fields = {"mse": rdcbench.Field("squared pixel value", "lower", 0.0)}  # noqa: RUF012

    def update(self, decoded):
        return {"mse": BEFORE["error"][: len(decoded)]}


# ------------------------------------------------------------------------------- a decoder that memorises the test split


class ByName(rdcbench.Decoder):
    """Has read the test split and looks up its images by their index."""

    name = "by-name"

    def __init__(self, image_shape, blend: float = 0.0):
        super().__init__()
        self.image_shape, self.blend = tuple(image_shape), blend
        self.scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("test", rdcbench.build("dataset", "digits8x8").load(None, "test").images)

    def recalled(self, received, context):
        return self.test[context.index % len(self.test)].float() / 255

    def forward(self, received, context):
        if context.split != "test":
            return torch.sigmoid(self.scale).expand(len(received), *self.image_shape)
        return (1 - self.blend) * self.recalled(received, context) + self.blend * 0.5


class ByContent(ByName):
    """Has read the test split and returns its image that fits what was received, known by mean brightness."""

    name = "by-content"

    def recalled(self, received, context):
        bright = self.test.float().flatten(1).mean(1).argsort()
        place = ((received.mean(1) + 1) / 2).clamp(0, 1) * (len(bright) - 1)
        return self.test[bright[place.long()]].float() / 255


# ------------------------------------------------------------------------------ a critic budget that differs between rows


class Tireless(rdcbench.Judge):
    """Goes on training one critic from row to row."""

    name = "tireless"
    fields = {"perception": rdcbench.Field("score", "lower")}  # noqa: RUF012

    def __init__(self, image_shape):
        super().__init__()
        self.critic = nn.Linear(math.prod(image_shape), 1)

    def fit(self, train, generator):
        pass

    def measure(self, test, train):
        weight = self.critic.weight
        with torch.no_grad():
            weight += (test.x - test.x_hat).flatten(1).mean(0)
            gap = (self.critic(test.x.flatten(1)) - self.critic(test.x_hat.flatten(1))).double()[:, 0]
        return {"perception": rdcbench.Measurement(float(gap.mean()), gap.numpy())}


class Patient(FreshCritic):
    """Trains its critic for longer where the images are worse."""

    name = "patient"

    def measure(self, test, train):
        today = copy.copy(self)
        today.steps = 20 + int(1000 * (test.x - test.x_hat).square().mean())
        return FreshCritic.measure(today, test, train)


# ----------------------------------------------------------------------------------------- a judge that leaked into training


class Judgement(nn.Module):
    """The network of the two below."""

    def __init__(self, image_shape, classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), classes["digit"]))

    def learn(self, train):
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            self.layers[1].weight.normal_(0, 0.1, generator=generator)
            self.layers[1].bias.zero_()
        batch = train.batch(torch.arange(len(train)))
        optimizer = torch.optim.Adam(self.parameters(), 0.05)
        for _ in range(30):
            loss = F.cross_entropy(self.layers(batch.x), batch.labels["digit"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


class JudgesOwn(rdcbench.Classifier):
    """The judge's network as the classifier that codecs are trained through."""

    name = "judges-own"

    def __init__(self, image_shape, classes):
        super().__init__()
        self.net = Judgement(image_shape, classes)

    def forward(self, x):
        return {"digit": self.net.layers(x)}

    def features(self, x):
        return x.flatten(1)

    def fit(self, train, generator):
        self.net.learn(train)


class Leaked(rdcbench.Judge):
    """Judges with the network that codecs were trained through."""

    name = "leaked"
    fields = {"accuracy_judge": rdcbench.Field("share", "higher", 0.0, 1.0)}  # noqa: RUF012

    def __init__(self, image_shape, classes):
        super().__init__()
        self.own = Judgement(image_shape, classes)

    def fit(self, train, generator):
        self.own.learn(train)

    def measure(self, test, train):
        right = (self.own.layers(test.x_hat).argmax(1) == test.labels["digit"]).double()
        return {"accuracy_judge": rdcbench.Measurement(float(right.mean()), right.numpy())}


class Partial(Leaked):
    """Asks for the codec's classifier itself."""

    name = "partial"

    def __init__(self, image_shape, classes, classifier):
        super().__init__(image_shape, classes)


def _hook(*parts):
    return rdcbench.hookimpl(lambda: parts)


rdcbench_encoders = _hook(TrainMode, BatchStatistics, Eager)
rdcbench_quantizers = _hook(Lattice, SidePath)
rdcbench_codecs = _hook(Remembered, KeepsInItself, KeepsInModule, KeepsInFile, InLengths)
rdcbench_entropy_models = _hook(Blind, Undithered)
rdcbench_decoders = _hook(ByName, ByContent)
rdcbench_metrics = _hook(BeforeTheBits)
rdcbench_judges = _hook(Tireless, Patient, Leaked, Partial)
rdcbench_classifiers = _hook(JudgesOwn)

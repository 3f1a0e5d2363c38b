"""Parts that are small enough to read at a glance: the harness is tested with these, not with the standard plugins.

A plugin like any other, so it can also be given as `plugin_files` to worker processes.
"""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import rdcbench
from rdcbench.executors import Local, Serial

SHAPE = (1, 4, 4)
CLASSES = {"digit": 3, "parity": 2}
COUNTS = {"train": 96, "validation": 24, "test": 48}
FILE = Path(__file__)

RECIPE = {
    "name": "tiny",
    "dataset": {"name": "tiny-images"},
    "encoder": {"name": "tiny-encoder"},
    "quantizer": {"name": "tiny-quantizer"},
    "entropy_model": {"name": "tiny-tables"},
    "decoder": {"name": "tiny-decoder"},
    "critic": {"name": "tiny-critic"},
    "classifier": {"name": "tiny-classifier"},
    "objective": {"name": "tiny-objective"},
    "metrics": [{"name": "tiny-mse"}, {"name": "tiny-gap"}],
    "judges": [{"name": "tiny-judge"}],
    "training": {"steps": 12, "batch": 16, "learning_rate": 0.01},
    "studies": {
        "rdc": {"protocol": "tiny-end", "sweep": {"classification": [0.0, 0.01]}},
        "rdp": {"protocol": "tiny-end", "sweep": {"perception": [0.0, 0.01]}},
        "universal": {
            "protocol": {"name": "tiny-universal", "study": "rdc"},
            "sweep": {"classification": [0.0, 0.02]},
        },
    },
}


class Images(rdcbench.Dataset):
    """Three patterns of 4x4 pixels with noise."""

    name = "tiny-images"
    image_shape = SHAPE
    classes = CLASSES

    def __init__(self, noise: int = 40) -> None:
        self.noise = noise

    def files(self):
        return {}

    def fetch(self, folder, offline):
        return "made here"

    def load(self, folder, split):
        random = rdcbench.generator("tiny-images", split)
        count = COUNTS[split]
        digit = torch.arange(count) % 3
        patterns = torch.randint(0, 256 - self.noise, (3, *SHAPE), generator=rdcbench.generator("patterns"))
        noise = torch.randint(0, self.noise, (count, *SHAPE), generator=random)
        return rdcbench.Split(split, (patterns[digit] + noise).byte(), {"digit": digit, "parity": digit % 2})

    def digest(self):
        return "tiny-1"


class OtherImages(Images):
    """The same patterns under another name."""

    name = "tiny-other-images"

    def digest(self):
        return "tiny-other-1"


class NetEncoder(rdcbench.Encoder):
    """16 -> 8 -> d with batch norm and tanh."""

    name = "tiny-encoder"

    def __init__(self, image_shape, dimensions, width: int = 8) -> None:
        super().__init__()
        pixels = int(torch.tensor(image_shape).prod())
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, width), nn.BatchNorm1d(width), nn.LeakyReLU(), nn.Linear(width, dimensions)
        )

    def forward(self, x):
        return torch.tanh(self.layers(x))


class RestlessEncoder(NetEncoder):
    """Known-bad: stays in training mode whatever it is told, so that its batch statistics drift when frozen."""

    name = "restless-encoder"

    def train(self, mode=True):
        return super().train(True)


class GridQuantizer(rdcbench.Quantizer):
    """Nearest of L centres on [-1, 1] after a dither on a grid of a step."""

    name = "tiny-quantizer"

    def __init__(self, dimensions, levels, points: int = 8) -> None:
        super().__init__()
        self.dither_points = points
        self.step = 2.0 / (levels - 1)
        self.levels = levels
        self.register_buffer("sizes", torch.full((dimensions,), levels), persistent=False)

    @property
    def alphabet(self):
        return self.sizes

    def offset(self, dither):
        return ((dither + 0.5) / self.dither_points - 0.5) * self.step

    def quantize(self, latent, dither):
        place = (latent.detach() + self.offset(dither) + 1) / self.step
        return place.round().clamp(0, self.levels - 1).long()

    def dequantize(self, symbols, dither):
        return symbols * self.step - 1 - self.offset(dither)

    def forward(self, latent, dither):
        hard = self.dequantize(self.quantize(latent, dither), dither)
        return hard + (latent - latent.detach())


class BigIntegerTables(rdcbench.EntropyModel):
    """Laplace counts for each position and dither point; an asymmetric numeral system on one big integer."""

    name = "tiny-tables"
    flush_bytes = 1

    def __init__(self, alphabet, dither_points) -> None:
        super().__init__()
        inside = torch.arange(int(alphabet.max())) < alphabet.reshape(-1, 1, 1)
        self.register_buffer("inside", inside.long(), persistent=False)
        self.register_buffer("counts", inside.long().repeat(1, dither_points, 1))

    @torch.no_grad()
    def fit(self, quantizer, latents, generator):
        self.counts.copy_(self.inside.expand_as(self.counts))
        for point in range(quantizer.dither_points):
            dither = torch.full_like(quantizer.alphabet, point).expand(len(latents), *quantizer.alphabet.shape)
            symbols = quantizer.quantize(latents, dither).flatten(1)
            for position, column in enumerate(symbols.T):
                self.counts[position, point] += torch.bincount(column, minlength=self.counts.shape[2])

    def _rows(self, dither):
        flat = dither.flatten(1)
        return self.counts[torch.arange(flat.shape[1]), flat]

    def bits(self, symbols, dither):
        rows = self._rows(dither).double()
        chosen = rows.gather(2, symbols.flatten(1)[..., None]).squeeze(2)
        return (rows.sum(2) / chosen).log2().sum(1)

    def encode(self, symbols, dither):
        state = 1
        pairs = zip(symbols.flatten().tolist(), self._rows(dither).flatten(0, 1).tolist(), strict=True)
        for symbol, row in reversed(list(pairs)):
            state = state // row[symbol] * sum(row) + sum(row[:symbol]) + state % row[symbol]
        return state.to_bytes((state.bit_length() + 7) // 8, "big")

    def decode(self, payload, dither):
        state, symbols = int.from_bytes(payload, "big"), []
        for row in self._rows(dither).flatten(0, 1).tolist():
            slot, symbol = state % sum(row), 0
            while sum(row[: symbol + 1]) <= slot:
                symbol += 1
            symbols.append(symbol)
            state = state // sum(row) * row[symbol] + slot - sum(row[:symbol])
        if state != 1:
            raise rdcbench.StreamError("The payload is damaged.")
        return torch.tensor(symbols).view(dither.shape)


class RatedTables(BigIntegerTables):
    """The same with a rate that has a gradient, though a silly one."""

    name = "tiny-rated-tables"

    def __init__(self, alphabet, dither_points) -> None:
        super().__init__(alphabet, dither_points)
        self.scale = nn.Parameter(torch.ones(()))

    def rate(self, received):
        return (self.scale * received).abs().sum(1)


class NetDecoder(rdcbench.Decoder):
    """d -> 8 -> 16 with batch norm and sigmoid."""

    name = "tiny-decoder"

    def __init__(self, image_shape, dimensions, width: int = 8) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        pixels = int(torch.tensor(image_shape).prod())
        self.layers = nn.Sequential(
            nn.Linear(dimensions, width), nn.BatchNorm1d(width), nn.LeakyReLU(), nn.Linear(width, pixels), nn.Sigmoid()
        )

    def forward(self, received, context):
        return self.layers(received).view(-1, *self.image_shape)


class NanDecoder(NetDecoder):
    """Known-bad: returns NaN."""

    name = "nan-decoder"

    def forward(self, received, context):
        return super().forward(received, context) * float("nan")


class DeadlyDecoder(NetDecoder):
    """Known-bad: ends the whole worker process."""

    name = "deadly-decoder"

    def forward(self, received, context):
        os._exit(3)


class NetCritic(rdcbench.Critic):
    """16 -> 8 -> 1 with a penalty on random interpolations."""

    name = "tiny-critic"

    def __init__(self, image_shape) -> None:
        super().__init__()
        pixels = int(torch.tensor(image_shape).prod())
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 8), nn.LeakyReLU(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x).squeeze(1)

    def loss(self, real, fake, generator):
        share = torch.rand(len(real), 1, 1, 1, generator=generator)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        (slope,) = torch.autograd.grad(self(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return self(fake).mean() - self(real).mean() + 10 * penalty


class LinearClassifier(rdcbench.Classifier):
    """One linear layer for each label."""

    name = "tiny-classifier"

    def __init__(self, image_shape, classes, epochs: int = 20) -> None:
        super().__init__()
        pixels = int(torch.tensor(image_shape).prod())
        self.heads = nn.ModuleDict({label: nn.Linear(pixels, count) for label, count in classes.items()})
        self.epochs = epochs

    def forward(self, x):
        return {label: head(x.flatten(1)) for label, head in self.heads.items()}

    def features(self, x):
        return x.flatten(1)

    def fit(self, train, generator):
        optimizer = torch.optim.Adam(self.parameters(), 0.05)
        for _ in range(self.epochs):
            batch = train.batch(torch.randperm(len(train), generator=generator))
            loss = sum(F.cross_entropy(logits, batch.labels[label]) for label, logits in self(batch.x).items())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


class Weighted(rdcbench.Objective):
    """Distortion, perception, classification and rate."""

    name = "tiny-objective"
    terms = {  # noqa: RUF012
        "distortion": frozenset(),
        "perception": frozenset({"critic"}),
        "classification": frozenset({"classifier"}),
        "rate": frozenset({"rate"}),
    }

    def term(self, name, outcome):
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        if name == "perception":
            return -outcome.critic(outcome.x_hat).mean()
        if name == "rate":
            return outcome.bits.mean()
        return F.cross_entropy(outcome.classifier(outcome.x_hat)["digit"], outcome.labels["digit"])


class NanObjective(Weighted):
    """Known-bad: not a number."""

    name = "nan-objective"

    def term(self, name, outcome):
        return super().term(name, outcome) * float("nan")


class GatedObjective(Weighted):
    """Waits until the file `go` is in a folder, and leaves a file of its own there while it waits."""

    name = "gated-objective"

    def __init__(self, folder) -> None:
        self.folder = Path(folder)

    def term(self, name, outcome):
        while not (self.folder / "go").exists():
            (self.folder / str(os.getpid())).touch()
            time.sleep(0.02)
        return super().term(name, outcome)


class SquaredError(rdcbench.Metric):
    """Mean squared error per pixel."""

    name = "tiny-mse"
    fields = {"mse": rdcbench.Field("1", "lower", 0.0)}  # noqa: RUF012

    def update(self, decoded):
        return {"mse": (decoded.x - decoded.x_hat).square().flatten(1).mean(1)}


class CriticGap(rdcbench.Metric):
    """Score of real minus score of decoded images by the row's own critic."""

    name = "tiny-gap"
    fields = {"perception_own": rdcbench.Field("score", "lower")}  # noqa: RUF012

    def __init__(self, critic) -> None:
        self.critic = critic

    def update(self, decoded):
        return {"perception_own": self.critic(decoded.x) - self.critic(decoded.x_hat)}


class MeanImageJudge(rdcbench.Judge):
    """Must be trained: distance of the decoded mean image from the training split's."""

    name = "tiny-judge"
    fields = {"mean_distance": rdcbench.Field("1", "lower", 0.0)}  # noqa: RUF012

    def __init__(self, image_shape) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full(tuple(image_shape), -1.0))

    def fit(self, train, generator):
        self.mean.copy_(train.batch(torch.arange(len(train))).x.mean(0))

    def measure(self, test, train):
        blocks = torch.arange(len(test)) % 4
        without = [float(self._distance(test.x_hat[blocks != block])) for block in range(4)]
        value = float(self._distance(test.x_hat))
        return {"mean_distance": rdcbench.Measurement(value, leave_out=without, reference=0.0)}

    def _distance(self, x_hat):
        return (x_hat.mean(0) - self.mean).square().mean()


class Zipped(rdcbench.WholeCodec):
    """A whole codec of two streams: the upper and the lower half of the images, through zlib."""

    name = "tiny-zip"

    def __init__(self, image_shape, step: int = 16) -> None:
        super().__init__()
        self.image_shape, self.step = tuple(image_shape), step

    @property
    def rate_bound(self):
        return float("inf")

    def fit(self, train, generator):
        """Nothing is trained."""

    def compress(self, x, context):
        coarse = (x * 255 / self.step).round().byte()
        payloads = tuple(zlib.compress(half.contiguous().numpy().tobytes()) for half in coarse.chunk(2, dim=2))
        bits = torch.full((len(x),), 8.0 * sum(map(len, payloads)) / len(x), dtype=torch.float64)
        return rdcbench.Packet(payloads, bits)

    def decompress(self, payloads, context):
        channels, height, width = self.image_shape
        shape = (len(context.index), channels, height // 2, width)
        halves = [torch.frombuffer(bytearray(zlib.decompress(part)), dtype=torch.uint8) for part in payloads]
        whole = torch.cat([half.view(shape) for half in halves], dim=2)
        return (whole.float() * self.step / 255).clamp(0, 1)


class EndToEnd(rdcbench.Protocol):
    """Everything is trained for each point."""

    name = "tiny-end"

    def plan(self, recipe, study, study_name, seed):
        return [rdcbench.codec_job(recipe, study, study_name, seed, point) for point in study.tradeoffs()]


class Universal(rdcbench.Protocol):
    """The sender of the first point of another study is frozen."""

    name = "tiny-universal"

    def __init__(self, study: str) -> None:
        self.study = study

    def plan(self, recipe, study, study_name, seed):
        first = next(iter(recipe.studies[self.study].tradeoffs()))
        base = rdcbench.codec_job(recipe, recipe.studies[self.study], self.study, seed, first)
        inputs = dict.fromkeys(rdcbench.SENDER, base.name)
        return [base] + [
            rdcbench.codec_job(recipe, study, study_name, seed, point, ("decoder", "critic"), inputs)
            for point in study.tradeoffs()
        ]


class Circle(rdcbench.Protocol):
    """Known-bad: two jobs that start from each other."""

    name = "circle"

    def plan(self, recipe, study, study_name, seed):
        one, two = (rdcbench.codec_job(recipe, study, study_name, seed, {"rate": weight}) for weight in (1.0, 2.0))
        return [
            one.model_copy(update={"inputs": {"decoder": two.name}}),
            two.model_copy(update={"inputs": {"decoder": one.name}}),
        ]


class Chain(rdcbench.Protocol):
    """Each point's decoder starts from that of the point before."""

    name = "chain"

    def plan(self, recipe, study, study_name, seed):
        jobs = []
        for point in study.tradeoffs():
            inputs = {"decoder": jobs[-1].name} if jobs else {}
            jobs.append(rdcbench.codec_job(recipe, study, study_name, seed, point, inputs=inputs))
        return jobs


class Notebook(rdcbench.Tracker):
    """Keeps what it is told."""

    name = "notebook"
    told: list = []  # noqa: RUF012

    def event(self, kind, job, values):
        self.told.append((kind, job, dict(values)))


class Grumbler(rdcbench.Tracker):
    """Known-bad: raises."""

    name = "grumbler"

    def event(self, kind, job, values):
        raise RuntimeError("no ink left")


class Stillborn(rdcbench.Tracker):
    """Known-bad: cannot be built."""

    name = "stillborn"

    def __init__(self):
        raise SystemExit

    def event(self, kind, job, values):
        raise AssertionError("it was never built")


class Meddler(rdcbench.Tracker):
    """Known-bad: changes what it is told."""

    name = "meddler"

    def event(self, kind, job, values):
        values.get("todo", {}).clear()
        values.clear()


def _hook(*parts):
    return rdcbench.hookimpl(lambda: parts)


rdcbench_datasets = _hook(Images, OtherImages)
rdcbench_encoders = _hook(NetEncoder, RestlessEncoder)
rdcbench_quantizers = _hook(GridQuantizer)
rdcbench_entropy_models = _hook(BigIntegerTables, RatedTables)
rdcbench_decoders = _hook(NetDecoder, NanDecoder, DeadlyDecoder)
rdcbench_critics = _hook(NetCritic)
rdcbench_classifiers = _hook(LinearClassifier)
rdcbench_objectives = _hook(Weighted, NanObjective, GatedObjective)
rdcbench_metrics = _hook(SquaredError, CriticGap)
rdcbench_judges = _hook(MeanImageJudge)
rdcbench_codecs = _hook(Zipped)
rdcbench_protocols = _hook(EndToEnd, Universal, Circle, Chain)
rdcbench_executors = _hook(Serial, Local)
rdcbench_trackers = _hook(Notebook, Grumbler, Stillborn, Meddler)

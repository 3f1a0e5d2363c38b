"""Known-bad parts, at least two of each kind, each with the contracts that must be found broken.

They are good parts, the stand-ins that parts are tried with, with one fault each.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import rdcbench
from rdcbench.conformance import samples, stand_ins
from rdcbench.executors import Serial

BAD: list[tuple[str, type | Path, set[str]]] = []
"""(kind, part, contracts that must be found broken)"""


def bad(kind: str, *broken: str) -> Callable[[type], type]:
    def add(part: type) -> type:
        part.name = part.__name__
        BAD.append((kind, part, set(broken)))
        return part

    return add


# ------------------------------------------------------------------------------------------------------------- data sets


@bad("dataset", "disjoint")
class TestInTrain(stand_ins.Images):
    """The test split is the training split."""

    def load(self, folder, split_name):
        made = samples.split(self.image_shape)
        return rdcbench.Split(split_name, made.images, made.labels)


@bad("dataset", "own randomness", "same again")
class Shuffled(stand_ins.Images):
    """Shuffles by the global generator."""

    def load(self, folder, split_name):
        made = super().load(folder, split_name)
        order = torch.randperm(len(made))
        return rdcbench.Split(split_name, made.images[order], {k: v[order] for k, v in made.labels.items()})


@bad("dataset", "same again")
class Shared(stand_ins.Images):
    """Gives away its own memory."""

    def load(self, folder, split_name):
        return MEMORY.setdefault(split_name, samples.split(self.image_shape, split_name))


MEMORY: dict[str, rdcbench.Split] = {}


@bad("dataset", "shape")
class FloatImages(stand_ins.Images):
    """Images in [0, 1]."""

    def load(self, folder, split_name):
        made = super().load(folder, split_name)
        return rdcbench.Split(split_name, made.images / 255, made.labels)


@bad("dataset", "classes")
class CountsFromOne(stand_ins.Images):
    """Labels 1 to 10."""

    def load(self, folder, split_name):
        made = super().load(folder, split_name)
        return rdcbench.Split(split_name, made.images, {k: v + 1 for k, v in made.labels.items()})


@bad("dataset", "digest")
class Nameless(stand_ins.Images):
    """No digest."""

    def digest(self):
        return ""


# -------------------------------------------------------------------------------------------------------------- encoders


@bad("encoder", "neighbours")
class BatchStatistics(stand_ins.LinearEncoder):
    """Normalises by the batch at test time."""

    def forward(self, x):
        y = self.map(x.flatten(1))
        return torch.tanh(y - y.mean(0))


@bad("encoder", "neighbours", "still")
class Restless(stand_ins.LinearEncoder):
    """Never leaves training mode: the known fault of published code."""

    def __init__(self, image_shape, dimensions):
        super().__init__(image_shape, dimensions)
        self.norm = nn.BatchNorm1d(dimensions)

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return torch.tanh(self.norm(self.map(x.flatten(1))))


@bad("encoder", "gradient")
class Detached(stand_ins.LinearEncoder):
    """Goes through numpy."""

    def forward(self, x):
        return torch.from_numpy(np.tanh(self.map(x.flatten(1)).detach().numpy()))


@bad("encoder", "inputs")
class Normalising(stand_ins.LinearEncoder):
    """Normalises its input in place."""

    def forward(self, x):
        return super().forward(x.sub_(0.5))


@bad("encoder", "saved")
class Forgetful(stand_ins.LinearEncoder):
    """Keeps a matrix as an attribute."""

    def __init__(self, image_shape, dimensions):
        super().__init__(image_shape, dimensions)
        self.turn = torch.randn(dimensions, dimensions)

    def forward(self, x):
        return super().forward(x) @ self.turn


# ------------------------------------------------------------------------------------------------------------ quantizers


@bad("quantizer", "alphabet")
class OffByOne(stand_ins.GridQuantizer):
    """States one symbol less than it uses."""

    @property
    def alphabet(self):
        return self.sizes - 1


@bad("quantizer", "alphabet")
class Boastful(stand_ins.GridQuantizer):
    """States one symbol more than it uses."""

    @property
    def alphabet(self):
        return self.sizes + 1


@bad("quantizer", "dither error")
class NotSubtracted(stand_ins.GridQuantizer):
    """Adds the dither and never takes it away."""

    def dequantize(self, symbols, dither):
        return symbols * self._step() - 1


@bad("quantizer", "forward")
class Noisy(stand_ins.GridQuantizer):
    """Trains with another value than what is sent."""

    def forward(self, latent, dither):
        return latent


@bad("quantizer", "shared dither")
class OneDither(stand_ins.GridQuantizer):
    """One dither for all images."""

    def dither(self, context):
        return super().dither(context)[:1].expand(len(context.index), -1)


# --------------------------------------------------------------------------------------------------------- entropy models


@bad("entropy_model", "honest bits", "probabilities")
class Flatterer(stand_ins.EqualShares):
    """Says that symbols cost half."""

    def bits(self, symbols, dither):
        return super().bits(symbols, dither) / 2


@bad("entropy_model", "honest bits", "conditioned", "damage")
class ByteEach(stand_ins.EqualShares):
    """A byte for every symbol, whatever the bits say, and an error of torch for a damaged payload."""


@bad("entropy_model", "lossless")
class Lossy(stand_ins.EqualShares):
    """Cannot code the last symbol."""

    def encode(self, symbols, dither):
        return super().encode(torch.minimum(symbols, self.sizes - 2), dither)


@bad("entropy_model", "probabilities")
class LargestForAll(stand_ins.EqualShares):
    """Prices all positions by the largest alphabet."""

    def bits(self, symbols, dither):
        size = float(self.sizes.max().double().log2()) * len(self.sizes)
        return torch.full((len(symbols),), size, dtype=torch.float64)


# -------------------------------------------------------------------------------------------------------------- decoders


@bad("decoder", "shape")
class Unbounded(stand_ins.LinearDecoder):
    """No sigmoid."""

    def forward(self, received, context):
        return 5 * self.map(received).view(-1, *self.image_shape)


@bad("decoder", "own randomness", "repeatable")
class Sampler(stand_ins.LinearDecoder):
    """Draws from the global generator, so no receiver can do it again."""

    def forward(self, received, context):
        return super().forward(received + torch.randn_like(received), context)


@bad("decoder", "neighbours")
class NumbersRows(stand_ins.LinearDecoder):
    """Draws by the row in the batch instead of by the image."""

    def forward(self, received, context):
        row = torch.arange(len(received), device=received.device)[:, None]
        return super().forward(received + 0.1 * row, context)


@bad("decoder", "device")
class OnTheProcessor(stand_ins.LinearDecoder):
    """Leaves the context's noise where it was drawn."""

    def forward(self, received, context):
        return super().forward(received + context.uniform("noise", received.shape[1]), context)


# --------------------------------------------------------------------------------------------------------------- critics


@bad("critic", "direction")
class Backwards(stand_ins.Smoothness):
    """Learns to prefer fake images."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return self.scale * x.flatten(1).mean(1)

    def loss(self, real, fake, generator):
        return self(real).mean() - self(fake).mean()


@bad("critic", "own randomness", "repeatable")
class GlobalMixtures(stand_ins.Smoothness):
    """Mixes by the global generator."""

    def loss(self, real, fake, generator):
        share = torch.rand(len(real), 1, 1, 1)
        return super().loss(real, fake, generator) + self(share * real + (1 - share) * fake).mean()


@bad("critic", "shape")
class Column(stand_ins.Smoothness):
    """Scores of shape [n, 1]."""

    def forward(self, x):
        return super().forward(x)[:, None]


# ----------------------------------------------------------------------------------------------------------- classifiers


@bad("classifier", "shape")
class OneTooFew(stand_ins.Nearest):
    """Nine classes of ten."""

    def forward(self, x):
        return {"digit": super().forward(x)["digit"][:, :9]}


@bad("classifier", "gradient")
class Silent(stand_ins.Nearest):
    """Logits without a gradient."""

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


@bad("classifier", "saved")
class KeepsTheSplit(stand_ins.Nearest):
    """Learns into an attribute."""

    shift = 0.0

    def fit(self, train, generator):
        self.shift = float(torch.rand((), generator=generator))

    def features(self, x):
        return x.flatten(1) - self.shift


# ------------------------------------------------------------------------------------------------------------ objectives


@bad("objective", "reads")
class Undeclared(stand_ins.SquaredError):
    """Asks the critic in the distortion term."""

    def term(self, name, outcome):
        return super().term(name, outcome) - 0.1 * outcome.critic(outcome.x_hat).mean()


@bad("objective", "scalar")
class PerImage(stand_ins.SquaredError):
    """Forgets to average."""

    def term(self, name, outcome):
        return (outcome.x_hat - outcome.x).square().flatten(1).mean(1)


@bad("objective", "finite", "scalar")
class Logarithm(stand_ins.SquaredError):
    """The logarithm of a negative number."""

    def term(self, name, outcome):
        return (super().term(name, outcome) - 9).log()


@bad("objective", "inputs")
class Clamps(stand_ins.SquaredError):
    """Clamps the reconstruction in place."""

    def term(self, name, outcome):
        return super().term(name, outcome) + 0 * outcome.x.mul_(2).mean()


@bad("objective", "own randomness", "repeatable")
class RandomSlices(stand_ins.SquaredError):
    """Random directions out of the global generator."""

    def term(self, name, outcome):
        return super().term(name, outcome) * torch.rand(())


@bad("objective", "quiet")
class Chatty(stand_ins.SquaredError):
    """Prints."""

    def term(self, name, outcome):
        value = super().term(name, outcome)
        os.sys.stdout.write(f"{name}: {float(value.detach())}\n")
        return value


# --------------------------------------------------------------------------------------------------------------- metrics


class _Squares(rdcbench.Metric):
    """Squared error."""

    fields = {"error": rdcbench.Field("1", "lower", 0.0)}  # noqa: RUF012

    def update(self, decoded):
        return {"error": (decoded.x - decoded.x_hat).square().flatten(1).mean(1)}


@bad("metric", "direction")
class Upside(_Squares):
    """Declares that more error is better."""

    fields = {"error": rdcbench.Field("1", "higher", 0.0)}  # noqa: RUF012


@bad("metric", "bounds")
class Tight(_Squares):
    """Declares bounds that images leave."""

    fields = {"error": rdcbench.Field("1", "lower", 0.0, 0.01)}  # noqa: RUF012


@bad("metric", "neighbours", "shape")
class Averaged(_Squares):
    """Gives the mean of the batch."""

    def update(self, decoded):
        return {"error": super().update(decoded)["error"].mean()}


@bad("metric", "neighbours")
class Relative(_Squares):
    """Divides by the batch's largest error."""

    def update(self, decoded):
        values = super().update(decoded)["error"]
        return {"error": values / values.max().clamp(min=1e-9)}


@bad("metric", "shape")
class Misnamed(_Squares):
    """Gives another field than it declares."""

    def update(self, decoded):
        return {"eror": super().update(decoded)["error"]}


# ---------------------------------------------------------------------------------------------------------------- judges


class _Brightness(rdcbench.Judge):
    """Difference of mean brightness."""

    fields = {"brightness": rdcbench.Field("1", "lower", 0.0)}  # noqa: RUF012

    def fit(self, train, generator):
        pass

    def measure(self, test, train):
        gap = (test.x - test.x_hat).abs().flatten(1).mean(1).double()
        return {"brightness": rdcbench.Measurement(float(gap.mean()), gap.numpy())}


@bad("judge", "shape")
class NoInterval(_Brightness):
    """A value without anything an interval could be made of."""

    def measure(self, test, train):
        return {"brightness": rdcbench.Measurement(super().measure(test, train)["brightness"].value)}


@bad("judge", "direction")
class Backward(_Brightness):
    """Declares the wrong direction."""

    fields = {"brightness": rdcbench.Field("1", "higher", 0.0)}  # noqa: RUF012


@bad("judge", "own randomness", "repeatable")
class Whimsical(_Brightness):
    """Fits by the global generator."""

    def fit(self, train, generator):
        self.register_buffer("whim", torch.rand(()))

    def measure(self, test, train):
        gap = (test.x - test.x_hat).abs().flatten(1).mean(1).double() * self.whim
        return {"brightness": rdcbench.Measurement(float(gap.mean()), gap.numpy())}


@bad("judge", "saved")
class Unsaved(_Brightness):
    """What it learned is no buffer."""

    scale = 1.0

    def fit(self, train, generator):
        self.scale = 0.5

    def measure(self, test, train):
        gap = (test.x - test.x_hat).abs().flatten(1).mean(1).double() * self.scale
        return {"brightness": rdcbench.Measurement(float(gap.mean()), gap.numpy())}


# ---------------------------------------------------------------------------------------------------------------- codecs


class _Zip(rdcbench.WholeCodec):
    """Coarse pixels through zlib."""

    def __init__(self, image_shape):
        super().__init__()
        self.image_shape = tuple(image_shape)

    @property
    def rate_bound(self):
        return float("inf")

    def fit(self, train, generator):
        pass

    def compress(self, x, context):
        payloads = tuple(zlib.compress((image * 15).round().byte().numpy().tobytes()) for image in x)
        return rdcbench.Packet(payloads, torch.tensor([8.0 * len(each) for each in payloads]).double())

    def decompress(self, payloads, context):
        pixels = [torch.frombuffer(bytearray(zlib.decompress(each)), dtype=torch.uint8) for each in payloads]
        return torch.stack(pixels).view(-1, *self.image_shape).float() / 15


@bad("codec", "bytes alone")
class Smuggler(_Zip):
    """Keeps the images and sends nothing."""

    def compress(self, x, context):
        self.kept = {int(index): image for index, image in zip(context.index, x, strict=True)}
        return rdcbench.Packet((b"",) * len(x), torch.zeros(len(x), dtype=torch.float64))

    def decompress(self, payloads, context):
        return torch.stack([self.kept[int(index)] for index in context.index])


@bad("codec", "honest bits")
class Overstates(_Zip):
    """States more bits than it codes."""

    def compress(self, x, context):
        packet = super().compress(x, context)
        return rdcbench.Packet(packet.payloads, packet.bits * 2)


@bad("codec", "shape")
class Brighter(_Zip):
    """Images beyond [0, 1]."""

    def decompress(self, payloads, context):
        return super().decompress(payloads, context) * 2


# -------------------------------------------------------------------------------------------------- protocols and recipes


@bad("protocol", "acyclic")
class Circle(stand_ins.EachPoint):
    """Each job starts from the next."""

    def plan(self, recipe, study, study_name, seed):
        jobs = list(super().plan(recipe, study, study_name, seed))
        following = [*jobs[1:], jobs[0]]
        return [
            job.model_copy(update={"inputs": {"decoder": other.name}})
            for job, other in zip(jobs, following, strict=True)
        ]


@bad("protocol", "acyclic")
class Nowhere(stand_ins.EachPoint):
    """Starts from a job that nobody lays out."""

    def plan(self, recipe, study, study_name, seed):
        jobs = super().plan(recipe, study, study_name, seed)
        return [job.model_copy(update={"inputs": {"decoder": "gone/x/y/seed0"}}) for job in jobs]


@bad("protocol", "points")
class Lazy(stand_ins.EachPoint):
    """Leaves out the last point."""

    def plan(self, recipe, study, study_name, seed):
        return list(super().plan(recipe, study, study_name, seed))[:-1]


@bad("protocol", "points")
class OneSeed(stand_ins.EachPoint):
    """Lays out seed 0 whatever is asked."""

    def plan(self, recipe, study, study_name, seed):
        return super().plan(recipe, study, study_name, 0)


@bad("protocol", "same again")
class Growing(stand_ins.EachPoint):
    """Trains longer with every plan."""

    def __init__(self):
        self.times = 0

    def plan(self, recipe, study, study_name, seed):
        self.times += 1
        jobs = super().plan(recipe, study, study_name, seed)
        return [job.model_copy(update={"levels": 2 + self.times}) for job in jobs]


def bad_recipes(folder: Path) -> None:
    """Three folders: one without a recipe, one with a broken recipe, one that asks for a part that is not there."""
    recipe = '[dataset]\nname = "digits8x8"\n[training]\nsteps = 1\nbatch = 1\nlearning_rate = 1.0\n'
    study = '[studies.a]\nprotocol = "end-to-end"\npoints = [{}]\n'
    for name, text in (("broken", recipe), ("missing", f'name = "x"\n[codec]\nname = "gone"\n{recipe}{study}')):
        (folder / name / "bench").mkdir(parents=True)
        (folder / name / "bench" / "recipe.toml").write_text(text)
    (folder / "empty").mkdir()
    BAD.extend(("recipe", folder / name, {broken}) for name, broken in RECIPES)


RECIPES = (("empty", "folder"), ("broken", "plan"), ("missing", "plan"))


# ------------------------------------------------------------------------------------------------- executors and trackers


@bad("executor", "errors")
class Raises(Serial):
    """Lets the work's error out of submit."""

    def submit(self, work, *arguments):
        future = Future()
        future.set_result(work(*arguments))
        return future


@bad("executor", "results", "errors")
class LosesArguments(Serial):
    """Calls the work with its first argument only."""

    def submit(self, work, *arguments):
        return super().submit(work, *arguments[:1])


@bad("executor", "results")
class NoFuture(Serial):
    """Gives the result itself."""

    def submit(self, work, *arguments):
        return super().submit(work, *arguments).result()


class _Tracker(rdcbench.Tracker):
    """Takes note."""

    def event(self, kind, job, values):
        pass


@bad("tracker", "events")
class Picky(_Tracker):
    """Knows the numbers of today only."""

    def event(self, kind, job, values):
        {"planned": 1, "started": 2, "finished": 3, "failed": 4}[kind]


@bad("tracker", "events")
class Robber(_Tracker):
    """Takes values out."""

    def event(self, kind, job, values):
        values.clear()


@bad("tracker", "quiet")
class Loud(_Tracker):
    """Prints."""

    def event(self, kind, job, values):
        os.sys.stdout.write(f"{kind} {job}\n")


@bad("metric", "described")
class Undescribed(_Squares):
    def update(self, decoded):
        return {"error": F.mse_loss(decoded.x_hat, decoded.x, reduction="none").flatten(1).mean(1)}

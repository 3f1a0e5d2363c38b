"""The abstract classes, and the examples that they must carry: each runs through the whole harness."""

from __future__ import annotations

import io
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import tiny_plugin as tiny
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import rdcbench
from rdcbench import interfaces, records, registry, runner
from rdcbench.bitstream import unpack
from rdcbench.errors import PartError
from rdcbench.records import Context, Split

PIXELS = math.prod(tiny.SHAPE)


# =========================================================================================== a codebook of 27 codewords


class Pixels(rdcbench.Encoder):
    """The image itself as the latent."""

    name = "pixels"

    def forward(self, x):
        return x.flatten(1)


class Codebook(rdcbench.Quantizer, rdcbench.Fitted):
    """Nearest of K codewords, fitted by Lloyd's algorithm; without a dither."""

    name = "codebook"

    def __init__(self, image_shape, words: int = 27) -> None:
        super().__init__()
        self.register_buffer("words", torch.zeros(words, math.prod(image_shape)))

    def fit(self, train, given, generator):
        latents = given(torch.arange(len(train)))
        self.words = latents[torch.randperm(len(latents), generator=generator)[: len(self.words)]].clone()
        for _ in range(10):
            cell = self.quantize(latents, None).flatten()
            for word in cell.unique().tolist():
                self.words[word] = latents[cell == word].mean(0)

    @property
    def alphabet(self):
        return torch.tensor([len(self.words)])

    def quantize(self, latent, dither):
        return torch.cdist(latent, self.words).argmin(1, keepdim=True)

    def dequantize(self, symbols, dither):
        return self.words[symbols.squeeze(1)]

    def forward(self, latent, dither):
        return self.dequantize(self.quantize(latent, dither), dither)


class AsReceived(rdcbench.Decoder):
    """What was received, as an image."""

    name = "as-received"

    def forward(self, received, context):
        return received.view(-1, *tiny.SHAPE)


BOOK = {
    "protocol": "tiny-end",
    "points": [{}],
    "encoder": {"name": "pixels"},
    "quantizer": {"name": "codebook"},
    "decoder": {"name": "as-received"},
}


# ====================================================================================== a posterior sampler with a dial


class Sampler(rdcbench.Decoder, rdcbench.Fitted):
    """(1 - a) * what was received + a * a training image of the same cell; a is the dial."""

    name = "sampler"
    dials = ("dial",)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(0, *tiny.SHAPE, dtype=torch.uint8))
        self.register_buffer("cells", torch.zeros(0, PIXELS))

    def fit(self, train, given, generator):
        self.images, self.cells = train.images, given(torch.arange(len(train)))

    def forward(self, received, context):
        same = torch.cdist(received, self.cells) < 1e-4
        place = (context.uniform("posterior", 1) * same.sum(1, keepdim=True)).long()
        chosen = (same.cumsum(1) > place).float().argmax(1)
        dial = context.tradeoff["dial"]
        return (1 - dial) * received.view(-1, *tiny.SHAPE) + dial * self.images[chosen].float() / 255


class Frozen(rdcbench.Protocol):
    """A decoder on the frozen sender of the first point of another study, trained or fitted once for all points."""

    name = "frozen"

    def __init__(self, study: str) -> None:
        self.study = study

    def plan(self, recipe, study, study_name, seed):
        base = rdcbench.codec_job(recipe, recipe.studies[self.study], self.study, seed, {})
        points, inputs = list(study.tradeoffs()), dict.fromkeys(rdcbench.SENDER, base.name)
        jobs = (rdcbench.codec_job(recipe, study, study_name, seed, p, ("decoder",), inputs, points) for p in points)
        return [base, *jobs]


# ================================================================================= a decoder conditioned on the weights


class Conditioned(tiny.NetDecoder):
    """Sees (lambda_p, lambda_c) beside what was received."""

    name = "conditioned"

    def __init__(self, image_shape, dimensions) -> None:
        super().__init__(image_shape, dimensions + 2)

    def forward(self, received, context):
        weights = torch.tensor([context.tradeoff.get(name, 0.0) for name in ("perception", "classification")])
        return super().forward(torch.cat([received, 100 * weights.expand(len(received), 2)], 1), context)


class Together(rdcbench.Protocol):
    """One end-to-end training over all points."""

    name = "together"

    def plan(self, recipe, study, study_name, seed):
        points = list(study.tradeoffs())
        return [rdcbench.codec_job(recipe, study, study_name, seed, point, tradeoffs=points) for point in points]


# ================================================================================================================= JPEG


class Jpeg(rdcbench.WholeCodec):
    """JPEG through Pillow, one payload an image; the quality is a dial of the sender."""

    name = "jpeg-dial"
    rate_bound = math.inf

    def fit(self, train, generator):
        """Nothing to fit."""

    def compress(self, x, context):
        payloads = []
        for image in (x[:, 0] * 255).round().byte().cpu().numpy():
            file = io.BytesIO()
            Image.fromarray(image).save(file, "JPEG", quality=int(context.tradeoff["quality"]))
            payloads.append(file.getvalue())
        return rdcbench.Packet(tuple(payloads), torch.tensor([8.0 * len(p) for p in payloads], dtype=torch.float64))

    def decompress(self, payloads, context):
        images = [np.asarray(Image.open(io.BytesIO(payload))) for payload in payloads]
        return torch.from_numpy(np.stack(images))[:, None].float() / 255


# ================================================================================== a hyperprior of CompressAI, trained


class Photos(tiny.Images):
    """Smooth colours, large enough for a hyperprior."""

    name = "photos"
    image_shape = (3, 64, 64)

    def load(self, folder, split):
        count = {"train": 6, "validation": 2, "test": 3}[split]
        coarse = torch.rand(count, 3, 4, 4, generator=rdcbench.generator("photos", split))
        images = F.interpolate(coarse, size=64, mode="bilinear") * 255
        return Split(split, images.byte(), {"digit": torch.arange(count) % 3})


class Hyperprior(rdcbench.WholeCodec):
    """CompressAI's scale hyperprior: two streams, trained with the job's own weight and number of steps."""

    name = "hyperprior"
    rate_bound = math.inf

    def __init__(self, tradeoff, training) -> None:
        super().__init__()
        from compressai.models import ScaleHyperprior

        self.model, self.weight, self.steps = ScaleHyperprior(8, 8), tradeoff["rate"], training.steps

    def fit(self, train, generator):
        optimizer = torch.optim.Adam(self.model.parameters(), 1e-3)
        for _ in range(self.steps):
            x = train.batch(torch.randint(len(train), (4,), generator=generator)).x
            out = self.model(x)
            loss = F.mse_loss(out["x_hat"], x) + self.weight * self._bits(out).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.model.update(force=True)

    def _bits(self, out):
        return sum(-likelihoods.double().log2().flatten(1).sum(1) for likelihoods in out["likelihoods"].values())

    @torch.no_grad()
    def compress(self, x, context):
        streams = self.model.compress(x)["strings"]
        joined = (b"".join(len(s).to_bytes(4, "big") + s for s in strings) for strings in streams)
        return rdcbench.Packet(tuple(joined), self._bits(self.model(x)))

    @torch.no_grad()
    def decompress(self, payloads, context):
        streams = []
        for payload in payloads:
            file = io.BytesIO(payload)
            streams.append([file.read(int.from_bytes(file.read(4), "big")) for _ in context.index])
        return self.model.decompress(streams, (1, 1))["x_hat"].clamp(0, 1)


# ========================================================================================= a judge that must be trained


class TrainedJudge(rdcbench.Judge):
    """Cross-entropy of a classifier of its own, and how well it tells decoded training images from real ones."""

    name = "trained-judge"
    fields = {"ce_judge": rdcbench.Field("nat", "lower", 0.0), "seen": rdcbench.Field("images", "none")}  # noqa: RUF012

    def __init__(self, image_shape, classes) -> None:
        super().__init__()
        self.net = nn.Linear(math.prod(image_shape), classes["digit"])

    def fit(self, train, generator):
        batch, optimizer = train.batch(torch.arange(len(train))), torch.optim.Adam(self.parameters(), 0.05)
        for _ in range(60):
            optimizer.zero_grad()
            F.cross_entropy(self.net(batch.x.flatten(1)), batch.labels["digit"]).backward()
            optimizer.step()

    def measure(self, test, train):
        losses = F.cross_entropy(self.net(test.x_hat.flatten(1)), test.labels["digit"], reduction="none")
        decoded = train(100)
        assert decoded.x_hat.shape == decoded.x.shape
        each = losses.detach().double().numpy()
        return {"ce_judge": rdcbench.Measurement(float(each.mean()), each), "seen": rdcbench.Measurement(len(decoded))}


# ============================================= symbols of any shape, alphabets of any size, a classifier at the encoder


class Uneven(rdcbench.Quantizer):
    """A 2x2 arrangement of symbols with 2, 3, 4 and 5 values."""

    name = "uneven"
    dither_points = 4

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("sizes", torch.tensor([[2, 3], [4, 5]]), persistent=False)

    @property
    def alphabet(self):
        return self.sizes

    def quantize(self, latent, dither):
        place = (latent.detach().clamp(-1, 1) + 1) / 2 * (self.alphabet - 1) + (dither - 1.5) / 4
        return place.round().long().minimum(self.alphabet - 1).clamp(min=0)

    def dequantize(self, symbols, dither):
        return (symbols - (dither - 1.5) / 4) / (self.alphabet - 1) * 2 - 1

    def forward(self, latent, dither):
        return latent + (self.dequantize(self.quantize(latent, dither), dither) - latent).detach()


class Square(tiny.NetEncoder):
    """A latent of shape 2x2."""

    name = "square"

    def forward(self, x):
        return super().forward(x).view(-1, 2, 2)


class FromSquare(tiny.NetDecoder):
    """From a latent of shape 2x2."""

    name = "from-square"

    def forward(self, received, context):
        return super().forward(received.flatten(1), context)


class Asking(tiny.NetEncoder):
    """Adds what the classifier says to its latent; simply keeps the classifier, as an author would."""

    name = "asking"

    def __init__(self, image_shape, dimensions, classifier) -> None:
        super().__init__(image_shape, dimensions)
        self.classifier = classifier

    def forward(self, x):
        return torch.tanh(self.layers(x) + self.classifier(x)["digit"])


class ParityObjective(rdcbench.Objective):
    """Two labels of one image: digit and parity, each with a weight of its own."""

    name = "two-labels"
    terms = {  # noqa: RUF012
        "distortion": frozenset(), "digit": frozenset({"classifier"}), "parity": frozenset({"classifier"})
    }  # fmt: skip

    def term(self, name, outcome):
        if name == "distortion":
            return F.mse_loss(outcome.x_hat, outcome.x)
        return F.cross_entropy(outcome.classifier(outcome.x_hat)[name], outcome.labels[name])


EXAMPLES = {
    "dataset": [Photos],
    "encoder": [Pixels, Square, Asking],
    "quantizer": [Codebook, Uneven],
    "decoder": [AsReceived, Sampler, Conditioned, FromSquare],
    "codec": [Jpeg, Hyperprior],
    "protocol": [Frozen, Together],
    "judge": [TrainedJudge],
    "objective": [ParityObjective],
}


@pytest.fixture
def run(only_tiny, make_recipe, tmp_path):
    """Run studies over the tiny recipe with the examples added, and give the result."""
    for kind, targets in EXAMPLES.items():
        only_tiny.entries.extend(registry._checked(kind, target, "examples") for target in targets)

    def run(studies, folder="run", trackers=(), **over):
        usual = {"judges": [], "metrics": [{"name": "tiny-mse"}], "critic": {"name": "tiny-critic"}}
        recipe = make_recipe({**usual, "studies": studies, **over})
        result = runner.run(recipe, runner.Options(out=tmp_path / folder, trackers=trackers))
        assert result.failures == {}
        return result

    return run


def by_point(result, study):
    return {row.point: row for row in result.rows if row.study == study}


def context_of(codec, tradeoff=None, count=48, split="test"):
    return Context(codec.seed, split, torch.arange(count), tradeoff=tradeoff or {})


def stream_of(result, row):
    return (result.store.root / "streams" / f"{row.keys[0]}.rdc").read_bytes()


def test_a_codebook_of_27_codewords(run):
    result = run({"book": BOOK})
    (row,) = result.rows
    assert row.value("rate_bound") == pytest.approx(math.log2(27))
    assert 0 < row.value("rate_model") < math.log2(27) + 0.5
    assert row.value("rate_coded") == pytest.approx(row.value("rate_model"), rel=0.1)
    codec = rdcbench.load(f"{result.store.root}/book/tiny-end/distortion=1/seed0")
    test = tiny.Images().load(None, "test").batch(torch.arange(48)).x
    nearest = torch.cdist(test.flatten(1), codec.quantizer.words).min(1).values.square() / PIXELS
    assert row.value("mse") == pytest.approx(float(nearest.mean()), rel=1e-4)
    assert row.value("mse") < float((test - test.mean(0)).square().mean())


def test_a_codebook_may_stand_on_a_latent_that_was_learned(make_codec, train_split):
    codec = make_codec()
    codec.quantizer = Codebook((3,), words=5)
    codec.fit_part("quantizer", train_split, rdcbench.generator("fit"))
    words, latents = codec.quantizer.words, codec.latents(train_split)
    cell = torch.cdist(latents, words).argmin(1)
    assert torch.allclose(words[cell[0]], latents[cell == cell[0]].mean(0), atol=1e-5)


def test_a_posterior_sampler_with_a_dial(run):
    dials = [{"dial": a} for a in (0.0, 0.5, 1.0)]
    sampler = {"protocol": {"name": "frozen", "study": "book"}, "points": dials, "decoder": {"name": "sampler"}}
    keep = {kind: BOOK[kind] for kind in ("encoder", "quantizer")}
    result = run({"book": BOOK, "dial": {**sampler, **keep}})
    rows, (book,) = by_point(result, "dial"), by_point(result, "book").values()
    mse = [rows[f"dial={a}"].value("mse") for a in ("0", "0.5", "1")]
    assert mse[0] == pytest.approx(book.value("mse"), rel=1e-5)
    assert mse == sorted(mse)
    assert mse[2] > 1.2 * mse[0]
    assert {stream_of(result, row) for row in rows.values()} == {stream_of(result, book)}, "one stream, many decoders"
    plan = result.store.plan()
    assert len({plan.train_keys[job.name] for job in plan.jobs if job.name.startswith("dial/")}) == 1, "fitted once"


def test_a_samplers_randomness_is_the_same_at_every_receiver_and_for_any_batch(run):
    sampler = {"protocol": "tiny-end", "points": [{"dial": 1.0}], "decoder": {"name": "sampler"}}
    result = run({"dial": {**BOOK, **sampler}})
    name = f"{result.store.root}/dial/tiny-end/dial=1/seed0"
    sender, receiver = rdcbench.load(name), rdcbench.load(name)
    (row,) = result.rows
    payloads = unpack(stream_of(result, row)).payloads
    one, two = (codec.decompress(payloads, context_of(codec, {"dial": 1.0})) for codec in (sender, receiver))
    assert torch.equal(one, two)
    assert torch.equal(one[result.store.arrays(row.keys[0])["sample_index"]],
                       torch.from_numpy(result.store.arrays(row.keys[0])["sample_x_hat"]).float() / 255)  # fmt: skip
    test = tiny.Images().load(None, "test").batch(torch.arange(40, 48))
    few = Context(sender.seed, "test", test.index, tradeoff={"dial": 1.0})
    assert torch.equal(sender.decompress(sender.compress(test.x, few).payloads, few), one[40:])
    other = Context(sender.seed, "test", test.index + 100, tradeoff={"dial": 1.0})
    assert not torch.equal(sender.decompress(sender.compress(test.x, other).payloads, other), one[40:])


def test_a_decoder_conditioned_on_the_weights(run):
    points = [{"perception": p, "classification": c} for p, c in itertools.product((0.0, 0.02), (0.0, 0.02))]
    study = {"protocol": "together", "points": points, "decoder": {"name": "conditioned"}}
    result = run({"all": study}, metrics=[{"name": "tiny-mse"}, {"name": "tiny-gap"}])
    plan = result.store.plan()
    jobs = [job for job in plan.jobs if job.stage == "codec"]
    assert len({plan.train_keys[job.name] for job in jobs}) == 1, "trained once"
    assert len(jobs) == len(result.rows) == 4
    assert len({row.value("mse") for row in result.rows}) == 4
    assert len({stream_of(result, row) for row in result.rows}) == 1
    assert {row.value("train_seconds") for row in result.rows} == {result.rows[0].value("train_seconds")}
    codec = rdcbench.load(f"{result.store.root}/{jobs[0].name}")
    payloads = unpack(stream_of(result, result.rows[0])).payloads
    between = codec.decompress(payloads, context_of(codec, {"perception": 0.01, "classification": 0.01}))
    corner = codec.decompress(payloads, context_of(codec, points[3]))
    assert not torch.equal(between, corner)


def test_jpeg(run, tmp_path):
    from rdcbench import files

    result = run({"jpeg": {"protocol": "tiny-end", "sweep": {"quality": [10.0, 95.0]}, "codec": {"name": "jpeg-dial"}}})
    coarse, fine = (by_point(result, "jpeg")[f"quality={quality}"] for quality in (10, 95))
    assert coarse.value("mse") > fine.value("mse")
    assert coarse.value("rate_coded") < fine.value("rate_coded") == pytest.approx(fine.value("rate_model"))
    assert coarse.value("rate_bound") == math.inf
    assert len(unpack(stream_of(result, fine)).payloads) == 48
    images = tiny.Images().load(None, "test").images
    np.save(tmp_path / "in.npy", images.numpy())
    for quality, row in ((10, coarse), (95, fine)):
        job = f"{result.store.root}/jpeg/tiny-end/quality={quality}/seed0"
        assert files.compress(job, tmp_path / "in.npy", tmp_path / "s.rdc")[0] == 48
        assert files.decompress(job, tmp_path / "s.rdc", tmp_path / "out.npy") == 48
        error = (torch.from_numpy(np.load(tmp_path / "out.npy")).float() - images.float()) / 255
        assert float(error.square().mean()) == pytest.approx(row.value("mse"), rel=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_hyperprior_of_compressai_with_two_streams(run):
    study = {"protocol": "tiny-end", "points": [{"rate": 1e-5}], "codec": {"name": "hyperprior"}}
    study |= {"dataset": {"name": "photos"}, "training": {"steps": 3}}
    result = run({"hyper": study}, classifier=None)
    (row,) = result.rows
    stream = unpack(stream_of(result, row))
    assert len(stream.payloads) == 2
    assert row.value("rate_coded") == pytest.approx(row.value("rate_model"), rel=0.2, abs=200)
    assert row.value("bpp") == pytest.approx(row.value("rate_coded") / 64**2)
    codec = rdcbench.load(f"{result.store.root}/hyper/tiny-end/rate=1e-05/seed0")
    assert codec.weight == 1e-5
    assert codec.steps == 3
    x = Photos().load(None, "test").batch(torch.arange(3)).x
    x_hat = codec.decompress(stream.payloads, context_of(codec, count=3))
    assert float((x - x_hat).square().mean()) == pytest.approx(row.value("mse"), rel=1e-5)


def test_a_judge_that_must_be_trained(run):
    study = {"protocol": "tiny-end", "sweep": {"classification": [0.0, 0.05]}, "training": {"steps": 40}}
    result = run({"rdc": study}, judges=[{"name": "trained-judge"}])
    assert all(0 < row.value("ce_judge") < 5 for row in result.rows)
    assert all(row.value("seen") == 96 for row in result.rows)
    plan = result.store.plan()
    (judge,) = [job for job in plan.jobs if job.stage == "judge"]
    assert result.store.has_weights(plan.train_keys[judge.name])
    assert len(result.store.arrays(result.rows[0].keys[0])["ce_judge"]) == 48
    assert result.rows[0].fields["ce_judge"].source == "judge:trained-judge"


def test_a_tracker_hears_all_and_one_that_raises_harms_nobody(run, monkeypatch):
    monkeypatch.setattr(tiny.Notebook, "told", [])
    study = {"protocol": "tiny-end", "sweep": {"classification": [0.0]}}
    result = run({"rdc": study}, trackers=("grumbler", "notebook"))
    kinds = [(kind, job) for kind, job, _ in tiny.Notebook.told]
    name = "rdc/tiny-end/classification=0/seed0"
    assert kinds == [
        ("planned", ""), ("started", "classifier"), ("finished", "classifier"), ("started", name), ("learned", name),
        ("finished", name)
    ]  # fmt: skip
    values = tiny.Notebook.told[-1][2]
    assert values["mse"] == result.rows[0].value("mse")
    assert values["train_seconds"] > 0


def test_symbols_of_any_shape_with_alphabets_of_any_size(run):
    study = {"protocol": "tiny-end", "points": [{}], "dimensions": 4, "encoder": {"name": "square"}}
    study |= {"quantizer": {"name": "uneven"}, "decoder": {"name": "from-square"}}
    (row,) = run({"odd": study}).rows
    assert row.value("rate_bound") == pytest.approx(math.log2(2 * 3 * 4 * 5))
    assert row.value("rate_model") < row.value("rate_bound") + 0.2
    assert row.value("mse") < 0.2


def test_an_encoder_that_asks_the_classifier_does_not_change_it(run):
    study = {"protocol": "tiny-end", "points": [{"classification": 0.1}], "encoder": {"name": "asking"}}
    result = run({"ask": study})
    plan = result.store.plan()
    (job,) = [job for job in plan.jobs if job.stage == "codec"]
    classifier, _ = result.store.weights(plan.train_keys["classifier"])
    codec, _ = result.store.weights(plan.train_keys[job.name])
    held = {name.removeprefix("encoder.classifier."): t for name, t in codec.items() if "classifier" in name}
    assert set(held) == set(classifier)
    assert all(torch.equal(held[name], classifier[name]) for name in classifier)
    (row,) = result.rows
    assert row.value("encoder_parameters") > sum(t.numel() for t in classifier.values())


def test_several_labels_of_an_image(run):
    points = [{"digit": 0.1}, {"parity": 0.1}, {"digit": 0.1, "parity": 0.1}]
    study = {"protocol": "tiny-end", "points": points, "objective": {"name": "two-labels"}}
    result = run({"labels": study})
    assert len({row.value("mse") for row in result.rows}) == 3
    cell = result.store.cell(by_point(result, "labels")["digit=0.1,parity=0.1"].keys[0])
    assert {"distortion", "digit", "parity"} < set(cell.history[0])


# ============================================================================================================== records


def test_a_dither_has_the_shape_of_the_symbols_and_stays_on_its_grid():
    quantizer = Uneven()
    dither = quantizer.dither(Context(0, "test", torch.arange(300)))
    assert dither.shape == (300, 2, 2)
    assert set(dither.unique().tolist()) == {0, 1, 2, 3}
    assert Codebook((3,)).dither(Context(0, "test", torch.arange(3))).tolist() == [[0]] * 3


def test_a_data_set_is_identified_by_its_files():
    class Files(tiny.Images):
        digest = rdcbench.Dataset.digest

        def files(self):
            return {"b": "2", "a": "1"}

    assert Files().digest() == "a:1+b:2"


def test_an_entropy_model_without_a_rate_says_so():
    model = tiny.BigIntegerTables(torch.tensor([3]), 1)
    with pytest.raises(PartError, match=r"'tiny-tables' has no differentiable rate; choose one that has"):
        model.rate(torch.zeros(2, 1))


PARTS = "Dataset Encoder Quantizer EntropyModel Decoder Critic Classifier Objective Metric Judge WholeCodec Protocol"


@pytest.mark.parametrize("name", [*PARTS.split(), "Executor", "Tracker", "Fitted"])
def test_every_interface_is_abstract_and_documented(name):
    interface = getattr(interfaces, name)
    assert interface.__abstractmethods__
    assert interface.__doc__
    for method in interface.__abstractmethods__:
        assert getattr(interface, method).__doc__, method
    with pytest.raises(TypeError, match="abstract"):
        interface()


def test_all_that_an_author_needs_is_at_the_front_door():
    for name in (*PARTS.split(), "Executor", "Tracker", "Fitted"):
        assert getattr(rdcbench, name) is getattr(interfaces, name)
    for name in ("Batch", "Context", "Decoded", "Field", "Measurement", "Outcome", "Packet", "Split"):
        assert getattr(rdcbench, name) is getattr(records, name)
    assert sorted(rdcbench.__all__) == sorted(set(rdcbench.__all__))
    assert all(getattr(rdcbench, name) is not None for name in rdcbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Encodr'"):
        _ = rdcbench.Encodr
    assert Path(rdcbench.__file__).name == "__init__.py"

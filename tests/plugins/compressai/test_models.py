from __future__ import annotations

import urllib.error

import pytest
import torch

import rdcbench
from rdcbench import Context, PartError, Split, StreamError, Training
from rdcbench.codec import freeze, sender_fingerprint
from rdcbench.registry import load
from rdcbench.versions import version_of
from rdcbench_compressai.models import CompressAI, _joined, _parted
from rdcbench_compressai.names import quiet

SHAPE = (3, 40, 24)
"""No multiples of a stride."""


def images(shape=SHAPE, count=4):
    coarse = torch.rand(count, shape[0], 4, 4, generator=torch.Generator().manual_seed(0))
    return (torch.nn.functional.interpolate(coarse, shape[1:], mode="bilinear") * 255).byte()


def made(shape=SHAPE, steps=4, tradeoff=None, **options):
    training = Training(steps=steps, batch=2, learning_rate=1e-3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CompressAI(shape, tradeoff or {}, training, **{"N": 8, "M": 8, **options})


def fitted(shape=SHAPE, **options):
    codec = made(shape, **options)
    codec.fit(Split("train", images(shape), {}), rdcbench.generator("fit", 0))
    freeze(codec)
    return codec


@pytest.fixture(scope="module")
def codecs():
    names = ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")
    return {name: fitted(model=name, steps=2) for name in names}


def coded(codec, count=3):
    x, context = images(codec.image_shape, count).float() / 255, Context(0, "test", torch.arange(count))
    return x, context, codec.compress(x, context)


def test_it_keeps_the_contract(rdcbench_conformance):
    rdcbench_conformance("codec", "compressai", N=4, M=4)


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean"])
def test_what_is_decoded_is_what_the_model_itself_decodes(codecs, name):
    codec = codecs[name]
    x, context, packet = coded(codec)
    ready = torch.nn.functional.pad(x, (0, -24 % codec.stride, 0, -40 % codec.stride), mode="replicate")
    expected = codec.model(ready)["x_hat"].clamp(0, 1)[..., :40, :24]
    torch.testing.assert_close(codec.decompress(packet.payloads, context), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "mbt2018-mean"])
def test_bits_are_near_what_bytes_cost_and_never_above(codecs, name):
    packet = coded(codecs[name])[2]
    size = torch.tensor([8.0 * len(payload) for payload in packet.payloads])
    assert (packet.bits <= size).all()
    # what streams have beyond their likelihoods: the coder's state, lengths, and the rounding of tables
    assert (size - packet.bits < 8 * packet.flush_bytes + 64 + 0.1 * size).all()


def test_the_padding_of_an_odd_size_is_paid_for():
    odd, whole = fitted((3, 33, 33), steps=2), fitted((3, 48, 48), steps=2)
    flat = torch.rand(1, 3, 33, 33, generator=torch.Generator().manual_seed(1))
    context = Context(0, "test", torch.arange(1))
    whole.model.load_state_dict(odd.model.state_dict())
    pad = torch.nn.functional.pad(flat, (0, 15, 0, 15), mode="replicate")
    assert odd.compress(flat, context).payloads == whole.compress(pad, context).payloads


def test_images_smaller_than_the_stride_are_padded_to_it():
    codec = fitted((3, 8, 8), model="bmshj2018-hyperprior", steps=2)
    x, context, packet = coded(codec)
    assert codec.stride == 64
    assert codec.decompress(packet.payloads, context).shape == x.shape


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "mbt2018-mean"])
def test_neither_threads_nor_neighbours_change_a_byte(codecs, name):
    codec = codecs[name]
    x, context, packet = coded(codec)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert codec.compress(x, context).payloads == packet.payloads
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    alone = codec.compress(x[1:2], Context(0, "test", torch.arange(1)))
    assert alone.payloads == packet.payloads[1:2]


def test_another_lmbda_is_another_sender_and_equal_seeds_are_equal():
    first, again = fitted(steps=3), fitted(steps=3)
    other = fitted(steps=3, tradeoff={"lmbda": 1.0})
    assert sender_fingerprint(first) == sender_fingerprint(again)
    assert sender_fingerprint(first) != sender_fingerprint(other)


def test_training_lowers_the_loss():
    x = images().float() / 255
    losses = []
    for steps in (1, 40):
        codec = fitted(steps=steps)
        out = codec.model(torch.nn.functional.pad(x, (0, 8, 0, 8), mode="replicate"))
        out["x_hat"] = out["x_hat"][..., :40, :24]
        losses.append(float(quiet("compressai.losses").RateDistortionLoss(lmbda=0.01)(out, x)["loss"]))
    assert losses[1] < losses[0]


def test_a_model_that_a_plugin_registers_is_known_by_its_name(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import compressai.models as models\nfrom compressai.registry import register_model\n"
        "@register_model('my-model')\nclass Mine(models.FactorizedPrior):\n    pass\n"
    )
    load((plugin,))
    assert type(made(model="my-model").model).__name__ == "Mine"


REGISTERS = (
    "import compressai.models as models\nfrom compressai.registry import register_model\n"
    "@register_model('{name}')\nclass Mine(models.FactorizedPrior):\n    width = {width}\n"
)


def test_the_code_of_a_registered_model_is_in_the_key_and_that_of_compressai_is_not(tmp_path):
    found = {}
    for file, name, width in (("lent_a", "lent", 1), ("lent_b", "lent", 1), ("lent_c", "lent", 2)):
        (tmp_path / f"{file}.py").write_text(REGISTERS.format(name=name, width=width))
        parts = load((tmp_path / f"{file}.py",))
        found[file] = [version_of("codec", "compressai", parts, {"model": model}) for model in ("lent", "mbt2018-mean")]
    assert len({plain for _, plain in found.values()}) == 1
    assert found["lent_a"][0] == found["lent_b"][0] not in (found["lent_c"][0], found["lent_a"][1])


def test_a_quality_of_the_zoo_gives_its_channels():
    assert made(quality=1).model.N == 128


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "mbt2018-men"}, "Did you mean 'mbt2018-mean'"),
        ({"model": "ssf2020"}, "There is no image model"),
        ({"shape": (1, 32, 32)}, "code images of 3 channels; these have 1"),
        ({"metric": "ms-ssim"}, "MS-SSIM needs images of 161 pixels"),
        ({"metric": "psnr"}, "there is: mse, ms-ssim"),
        ({"lmbda": 0.0}, "must be above 0"),
        ({"quality": 9}, "There is no quality"),
        ({"model": "elic2022-official", "quality": 1}, "give N and M instead"),
        ({"pretrained": True}, "set `quality`"),
    ],
)
def test_what_cannot_be_is_answered_with_a_sentence(options, words):
    with pytest.raises(PartError, match=words):
        made(**options)


def test_weights_that_cannot_be_had_are_named_with_what_to_do(monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_network)
    codec = made(quality=1, pretrained=True)
    with pytest.raises(PartError, match=r"cannot be had from https://.*no route.*or train with pretrained = false"):
        codec.fit(Split("train", images(), {}), rdcbench.generator("fit", 0))


def test_payloads_that_are_cut_or_too_few_are_refused(codecs):
    codec = codecs["mbt2018-mean"]
    _, context, packet = coded(codec)
    for wrong in (b"", packet.payloads[0][:10], packet.payloads[0][:-1], b"\xff" * 40):
        with pytest.raises(StreamError, match="does not hold the 2 streams"):
            codec.decompress((wrong, *packet.payloads[1:]), context)
    with pytest.raises(StreamError, match="3 images were asked for"):
        codec.decompress(packet.payloads[:1], context)


def test_streams_come_out_of_a_payload_as_they_went_in():
    streams = [b"a" * 8, b"b" * 12, b"c" * 16]
    assert _parted(_joined(streams), 3) == streams

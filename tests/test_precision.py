"""Training in bfloat16, tried on the processor: only networks that train compute in it, and all else is float32."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
import tiny_plugin as tiny
import torch

from rdcbench import registry, runner
from rdcbench.bitstream import unpack
from rdcbench.building import Settings, load_codec, work_of
from rdcbench.plan import make_plan
from rdcbench.precision import METHODS, in_bfloat16
from rdcbench.recipe import Recipe, Training
from rdcbench.records import Context
from rdcbench.rng import generator
from rdcbench.work import perform

BASE = "rdc/tiny-end/classification=0.01/seed0"
UNIVERSAL = "universal/tiny-universal/classification=0.02/seed0"
SHAPE = (1, 28, 28)
NETWORKS = {
    "mlp encoder": ("encoder", "mlp", {"image_shape": SHAPE, "dimensions": 3}),
    "encoder without batch norm": ("encoder", "mlp", {"image_shape": SHAPE, "dimensions": 3, "batch_norm": False}),
    "mlp decoder": ("decoder", "mlp", {"image_shape": SHAPE, "dimensions": 3}),
    "small decoder": ("decoder", "conv", {"image_shape": SHAPE, "dimensions": 3}),
    "the paper's decoder": ("decoder", "paper", {"image_shape": SHAPE, "dimensions": 3}),
    "mlp critic": ("critic", "mlp", {"image_shape": SHAPE, "penalty_share": 0.5}),
    "small critic": ("critic", "conv", {"image_shape": SHAPE, "penalty_share": 0.5}),
}


def pair(kind: str, name: str, options: dict) -> tuple:
    """A network in float32, and in bfloat16 with the same weights."""
    target = registry.load().get(kind, name).target
    torch.manual_seed(0)
    plain = target(**options)
    reduced = in_bfloat16(kind, target)(**options)
    reduced.load_state_dict(plain.state_dict())
    return plain, reduced


def inputs(kind: str) -> tuple:
    rng = generator("inputs", kind)
    index = torch.arange(16)
    if kind == "decoder":
        return torch.rand(16, 3, generator=rng) * 2 - 1, Context(0, "train", index)
    return (torch.rand(16, *SHAPE, generator=rng),)


# ------------------------------------------------------------------------------------------------------------ networks


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_that_trains_computes_in_bfloat16_and_gives_float32(network):
    kind, name, options = NETWORKS[network]
    plain, reduced = pair(kind, name, options)
    exact, near = plain(*inputs(kind)), reduced(*inputs(kind))
    assert near.dtype == torch.float32
    assert not torch.equal(near, exact)
    assert torch.equal(near, near.bfloat16().float()), "the last layer was computed in another type"
    assert float((near - exact).detach().abs().mean()) < 0.01


@pytest.mark.parametrize("network", NETWORKS)
def test_its_gradients_are_float32_and_point_where_those_of_float32_do(network):
    kind, name, options = NETWORKS[network]
    gradients = []
    for part in pair(kind, name, options):
        output = part(*inputs(kind))
        (output * torch.rand(output.shape, generator=generator("weights"))).square().mean().backward()
        assert {p.grad.dtype for p in part.parameters()} == {p.dtype for p in part.parameters()} == {torch.float32}
        gradients.append(torch.cat([p.grad.flatten() for p in part.parameters()]))
    assert float(torch.cosine_similarity(*gradients, dim=0)) > 0.99


@pytest.mark.parametrize("network", ["mlp critic", "small critic"])
def test_a_critics_loss_with_its_penalty_is_nearly_that_of_float32(network):
    kind, name, options = NETWORKS[network]
    real, fake = torch.rand(2, 32, *SHAPE, generator=generator("images"))
    losses, gradients = [], []
    for critic in pair(kind, name, options):
        loss = critic.loss(real, fake, generator("penalty"))
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append(torch.cat([p.grad.flatten() for p in critic.parameters()]))
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert float(torch.cosine_similarity(*gradients, dim=0)) > 0.99


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("how", ["in evaluation mode", "without gradient"])
def test_a_network_that_does_not_train_is_the_float32_one_bit_for_bit(network, how):
    kind, name, options = NETWORKS[network]
    both = pair(kind, name, options)
    for part in both:
        part.train(how != "in evaluation mode")
    with torch.set_grad_enabled(how != "without gradient"):
        exact, same = (part(*inputs(kind)) for part in both)
    assert torch.equal(exact, same)


def test_it_stays_the_part_that_it_is():
    for kind, target in {"encoder": tiny.NetEncoder, "critic": tiny.NetCritic}.items():
        made = in_bfloat16(kind, target)
        assert issubclass(made, target)
        assert (made.__name__, made.__module__, made.name, made.version) == (
            target.__name__, target.__module__, target.name, target.version
        )  # fmt: skip
        assert in_bfloat16(kind, target) is made


def test_a_weight_that_was_changed_is_used_at_once():
    """The cache of autocast keeps the first step's weights for as long as its block lasts."""
    _, encoder = pair(*NETWORKS["encoder without batch norm"])
    with torch.autocast("cpu", torch.bfloat16):
        before = encoder(*inputs("encoder"))
        with torch.no_grad():
            next(encoder.parameters()).mul_(2)
        assert not torch.equal(encoder(*inputs("encoder")), before)


# ------------------------------------------------------------------------------------------------------------- recipes


def test_a_recipe_asks_for_it_and_only_what_trains_by_gradient_gets_other_keys(make_recipe, parts):
    studies = {"zip": {"protocol": "tiny-end", "points": [{}], "codec": {"name": "tiny-zip"}}}
    usual = make_plan(make_recipe(studies=studies), 1, parts)
    same = make_plan(make_recipe(studies=studies, training={"precision": "float32"}), 1, parts)
    other = make_plan(make_recipe(studies=studies, training={"precision": "bf16"}), 1, parts)
    assert (same.keys, same.train_keys) == (usual.keys, usual.train_keys)
    kept = {name for name, key in other.train_keys.items() if key == usual.train_keys[name]}
    assert kept == {"classifier", "judge:tiny-judge", "zip/tiny-end/distortion=1/seed0"}
    assert {other.job(name).training.precision for name in kept if other.job(name).training} == {"float32"}


def test_the_code_behind_it_is_in_the_keys_of_what_was_trained_with_it_alone(make_recipe, parts, monkeypatch):
    recipes = [make_recipe(training={"precision": precision}) for precision in ("float32", "bf16")]
    before = [make_plan(recipe, 1, parts).train_keys[BASE] for recipe in recipes]
    monkeypatch.setattr("rdcbench.plan.REDUCED_BY", ("errors",))
    after = [make_plan(recipe, 1, parts).train_keys[BASE] for recipe in recipes]
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False]


def test_a_precision_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="'float32' or 'bf16'"):
        Training(steps=1, batch=1, learning_rate=1.0, precision="fp8")


def test_the_harness_builds_networks_that_train_in_it_and_no_others(make_recipe, only_tiny):
    training = make_recipe(training={"precision": "bf16"}).training
    given = {"image_shape": tiny.SHAPE, "classes": tiny.CLASSES, "dimensions": 3, "levels": 3, "training": training}
    built = {
        kind: type(only_tiny.build(kind, f"tiny-{kind}", {}, given))
        for kind in ("encoder", "quantizer", "decoder", "critic", "classifier")
    }
    plain = {kind: only_tiny.get(kind, f"tiny-{kind}").target for kind in built}
    assert {kind for kind in built if built[kind] is not plain[kind]} == set(METHODS)
    for kind in METHODS:
        assert type(only_tiny.build(kind, f"tiny-{kind}", {}, {**given, "training": None})) is plain[kind]


def test_rows_say_how_they_were_trained_and_come_near_those_of_float32(make_recipe, only_tiny, tmp_path):
    mse, curves = {}, {}
    for precision in ("float32", "bf16"):
        recipe = make_recipe(judges=[], training={"precision": precision, "steps": 200})
        plan = make_plan(recipe, 1, only_tiny)
        settings = Settings(tmp_path / precision)
        for name in ("classifier", "rdc/tiny-end/classification=0/seed0", UNIVERSAL):
            assert perform(work_of(plan, plan.job(name), settings)) == ""
        store = settings.store()
        cell = store.cell(plan.keys[UNIVERSAL])
        assert cell.job.training.precision == precision
        assert cell.fingerprints["frozen_before"] == cell.fingerprints["frozen_after"]
        tensors, _ = store.weights(plan.train_keys[UNIVERSAL])
        assert torch.bfloat16 not in {tensor.dtype for tensor in tensors.values()}
        mse[precision], curves[precision] = cell.values["mse"].value, cell.history
    assert curves["bf16"][0] != curves["float32"][0]
    assert mse["bf16"] == pytest.approx(mse["float32"], rel=0.1)


# ----------------------------------------------------------------------------------------------------- coded elsewhere

DECODE = """
import hashlib, sys
from pathlib import Path
import torch
from rdcbench import building
from rdcbench.bitstream import unpack
from rdcbench.records import Context
from rdcbench.store import Store

torch.set_num_threads(1)
store = Store(Path(sys.argv[1]))
plan = store.plan()
for job in plan.jobs:
    if job.stage == "codec":
        codec = building.load_codec(building.work_of(plan, job, building.Settings(store.root))).codec
        stream = unpack(store.path(f"streams/{plan.keys[job.name]}.rdc").read_bytes())
        context = Context(codec.seed, "test", torch.arange(stream.count), tradeoff=job.tradeoff)
        print(hashlib.sha256(codec.decompress(stream.payloads, context).numpy().tobytes()).hexdigest())
"""
REDUCED = {
    "name": "reduced",
    "dataset": {"name": "digits8x8"},
    "encoder": {"name": "mlp", "widths": [32]},
    "quantizer": {"name": "dithered", "dither_points": 16},
    "entropy_model": {"name": "frequencies"},
    "decoder": {"name": "mlp", "widths": [32]},
    "critic": {"name": "mlp", "widths": [32]},
    "objective": {"name": "weighted"},
    "metrics": [{"name": "mse"}],
    "training": {"steps": 20, "batch": 64, "learning_rate": 6e-3, "precision": "bf16"},
    "studies": {"rdp": {"protocol": "end-to-end", "sweep": {"perception": [0.01]}}},
}


def test_streams_decode_bit_for_bit_where_they_were_never_coded_and_whoever_decodes_computes_in_float32(tmp_path):
    result = runner.run(Recipe.model_validate(REDUCED), runner.Options(tmp_path / "run", executor="serial"))
    assert result.failures == {}
    assert [row.train_precision for row in result.rows] == ["bf16"]
    store, plan = result.store, result.store.plan()
    (job,) = (job for job in plan.jobs if job.stage == "codec")
    work = work_of(plan, job, Settings(store.root))
    stream = unpack(store.path(f"streams/{plan.keys[job.name]}.rdc").read_bytes())
    context = Context(load_codec(work).codec.seed, "test", torch.arange(stream.count), tradeoff=job.tradeoff)

    training = job.training.model_copy(update={"precision": "float32"})
    plain = replace(work, job=job.model_copy(update={"training": training}))
    images = [load_codec(one).codec.decompress(stream.payloads, context) for one in (work, plain)]
    assert torch.equal(*images)
    there = subprocess.run([sys.executable, "-c", DECODE, store.root], capture_output=True, text=True, check=True)
    assert there.stdout.split() == [hashlib.sha256(images[0].numpy().tobytes()).hexdigest()]

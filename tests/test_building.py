from __future__ import annotations

import tiny_plugin as tiny
import torch

from rdcbench import building
from rdcbench.building import Settings, build_codec, load_codec, work_of
from rdcbench.codec import fingerprint
from rdcbench.work import perform

BASE = "rdc/tiny-end/classification=0/seed0"
UNIVERSAL = "universal/tiny-universal/classification=0.02/seed0"


def test_a_loaded_codec_is_frozen_and_in_evaluation_mode(item):
    done = item(UNIVERSAL)
    perform(done)
    built = load_codec(done)
    assert not any(module.training for module in built.codec.modules())
    assert not any(parameter.requires_grad for parameter in built.codec.parameters())
    assert not built.classifier.training


def test_equal_roles_of_equal_seeds_start_equal(plan, only_tiny):
    first, second, other = (
        build_codec(plan.job(name), tiny.Images(), only_tiny).codec
        for name in (BASE, "rdp/tiny-end/perception=0.01/seed0", BASE.replace("seed0", "seed1"))
    )
    assert fingerprint([first]) == fingerprint([second]) != fingerprint([other])
    assert first.seed == second.seed != other.seed


def test_building_leaves_the_global_generator_alone(plan, only_tiny):
    state = torch.random.get_rng_state()
    build_codec(plan.job(BASE), tiny.Images(), only_tiny)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_splits_are_read_once_by_a_worker(item, monkeypatch):
    building._cached_split.cache_clear()
    loads, plain = [], tiny.Images.load
    monkeypatch.setattr(
        tiny.Images, "load", lambda self, folder, split: loads.append(split) or plain(self, folder, split)
    )
    perform(item(UNIVERSAL))
    assert sorted(loads) == ["test", "train"]


def test_a_loaded_codec_has_the_key_of_its_sender_whatever_its_own_seed(item, plan, tmp_path):
    other = BASE.replace("seed0", "seed1")
    perform(item(other))
    inputs = {role: other if name == BASE else name for role, name in plan.job(UNIVERSAL).inputs.items()}
    done = work_of(plan, plan.job(UNIVERSAL).model_copy(update={"inputs": inputs}), Settings(tmp_path))
    assert perform(done) == ""
    assert load_codec(done).codec.seed == load_codec(item(other)).codec.seed
    assert load_codec(done).codec.seed != build_codec(done.job, tiny.Images(), done.settings.registry()).codec.seed

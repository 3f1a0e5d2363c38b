from __future__ import annotations

import json
from dataclasses import replace

import pytest
import tiny_plugin as tiny
import torch
from recorder import Recorders

from rdcbench import building, train, work
from rdcbench.building import Settings, load_codec, work_of
from rdcbench.codec import fingerprint
from rdcbench.graphs import WARM_UP
from rdcbench.plan import make_plan
from rdcbench.rng import generator
from rdcbench.work import perform

BASE = "rdc/tiny-end/classification=0/seed0"
UNIVERSAL = "universal/tiny-universal/classification=0.02/seed0"


def test_a_job_leaves_weights_stream_and_cell(item):
    done = item(BASE)
    assert perform(done) == ""
    store = done.settings.store()
    cell = store.cell(done.key)
    assert cell.status == "done"
    assert (cell.key, cell.train_key, cell.job) == (done.key, done.train_key, done.job)
    assert cell.data_digest == done.job.data_digest != ""
    assert store.path(f"streams/{done.key}.rdc").is_file()
    _, facts = store.weights(done.train_key)
    assert set(facts) == {"train_seconds", "sender_seed", "frozen_before", "frozen_after", "history", "notes"}


def test_what_is_trained_already_is_only_measured(item, monkeypatch):
    done = item(BASE)
    perform(done)
    before = done.settings.store().cell(done.key).values
    monkeypatch.setattr(train, "fit", lambda task: pytest.fail("trained again"))
    assert perform(done) == ""
    assert done.settings.store().cell(done.key).values == before


def test_a_universal_job_has_the_very_sender_of_its_base(item):
    done = item(UNIVERSAL)
    assert perform(done) == ""
    base, universal = load_codec(item(BASE)).codec, load_codec(done).codec
    for role in ("encoder", "quantizer", "entropy_model"):
        assert fingerprint([getattr(base, role)]) == fingerprint([getattr(universal, role)])
    assert base.seed == universal.seed
    assert fingerprint([base.decoder]) != fingerprint([universal.decoder])
    cell = done.settings.store().cell(done.key)
    assert cell.fingerprints["frozen_before"] == cell.fingerprints["frozen_after"]


def test_the_key_of_the_dither_is_the_senders_even_if_the_decoder_comes_from_another_seed(item, plan, tmp_path):
    other = BASE.replace("seed0", "seed1")
    job = plan.job(UNIVERSAL).model_copy(update={"inputs": {**plan.job(UNIVERSAL).inputs, "decoder": other}})
    perform(item(other))
    item(UNIVERSAL)
    done = work_of(plan, job, Settings(tmp_path))
    assert perform(done) == ""
    assert load_codec(done).codec.seed == load_codec(item(BASE)).codec.seed != load_codec(item(other)).codec.seed


def test_a_frozen_encoder_that_drifts_is_caught(make_recipe, only_tiny, tmp_path):
    recipe = make_recipe(judges=[], encoder={"name": "restless-encoder"})
    plan = make_plan(recipe, 1, only_tiny)
    errors = {}
    for name in ("classifier", BASE, UNIVERSAL):
        errors[name] = perform(work_of(plan, plan.job(name), Settings(tmp_path)))
    assert errors["classifier"] == ""
    assert errors[UNIVERSAL].startswith(f"{UNIVERSAL}: frozen parts changed in training (fingerprint ")
    cell = Settings(tmp_path).store().cell(plan.keys[UNIVERSAL])
    assert (cell.status, cell.error) == ("failed", errors[UNIVERSAL])
    assert not Settings(tmp_path).store().has_weights(plan.train_keys[UNIVERSAL])


@pytest.mark.parametrize("error", [RuntimeError("sick"), KeyError("digit"), AssertionError()])
def test_whatever_a_part_raises_is_a_sentence_and_a_failed_cell(item, monkeypatch, error):
    def sick(*_):
        raise error

    done = item(BASE)
    monkeypatch.setattr(tiny.Weighted, "term", sick)
    sentence = perform(done)
    assert sentence == f"{type(error).__name__}: {error}"
    assert done.settings.store().cell(done.key).error == sentence


def test_progress_is_left_for_those_who_watch(item, monkeypatch):
    done = item(BASE)
    perform(done)
    noted = json.loads(done.settings.store().path(f"progress/{done.key}.json").read_bytes())
    assert (noted["job"], noted["step"], noted["steps"]) == (BASE, 0, 12)
    assert set(noted["terms"]) == {"step", "distortion"}


def test_a_training_is_replayed_where_graphs_are_asked_for_and_its_row_says_so(item, monkeypatch):
    made = []
    monkeypatch.setattr(work, "CudaGraphs", lambda device: made.append(Recorders(device)) or made[-1])
    plain = item(BASE)
    perform(plain)
    first = plain.settings.store().weights(plain.train_key)[0]
    plain.settings.store().remove(f"weights/{plain.train_key}.safetensors")
    replayed = replace(plain, settings=replace(plain.settings, cuda_graphs=True))
    perform(replayed)
    assert made[-1].replays == plain.job.training.steps - WARM_UP
    second = plain.settings.store().weights(plain.train_key)[0]
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert "trained by replaying CUDA graphs" in plain.settings.store().cell(plain.key).provenance["notes"]


def test_a_job_computes_with_the_threads_of_its_recipe(item, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    done = item("classifier")
    perform(done)
    assert asked == [1]


def test_the_test_split_plays_no_part_in_training(item, monkeypatch):
    """Known fault of published code: the test split is looked at in every epoch."""
    building._cached_split.cache_clear()
    plain = tiny.Images.load

    def load(self, folder, split):
        assert split != "test", "the test split was read"
        return plain(self, folder, split)

    done = item(BASE)
    monkeypatch.setattr(tiny.Images, "load", load)
    monkeypatch.setattr(work, "_evaluate", lambda item: None)
    assert perform(done) == ""
    assert done.settings.store().has_weights(done.train_key)


def test_stages_are_trained_with_generators_of_their_names(item, monkeypatch):
    states = []
    monkeypatch.setattr(tiny.LinearClassifier, "fit", lambda self, split, random: states.append(random.initial_seed()))
    assert perform(item("classifier")) == ""
    assert states == [generator("classifier", "tiny-classifier", 0).initial_seed()]

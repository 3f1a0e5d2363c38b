"""What harness tests share: the tiny plugin's registry, a tiny recipe, a tiny codec."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `import tiny_plugin`, here and in worker processes


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def make_recipe():
    """Give the tiny recipe with tables laid over it."""
    from tiny_plugin import RECIPE

    from rdcbench.loading import overlay
    from rdcbench.recipe import Recipe

    def make(over=None, **tables):
        raw = overlay(RECIPE, tables)
        return Recipe.model_validate({**raw, **(over or {})})

    return make


@pytest.fixture
def parts():
    """Registry of the tiny parts alone."""
    import tiny_plugin
    from tiny_runs import registry_of

    return registry_of(tiny_plugin)


@pytest.fixture
def only_tiny(parts, monkeypatch):
    """Make the whole harness see the tiny parts and no installed plugin; workers get the file `TINY`."""
    from rdcbench import registry

    monkeypatch.setattr(registry, "load", lambda files=(): parts)
    return parts


@pytest.fixture
def train_split():
    import tiny_plugin

    return tiny_plugin.Images().load(None, "train")


@pytest.fixture
def make_codec():
    """Give a codec of tiny parts, its weights drawn from a seed."""
    import tiny_plugin as tiny
    import torch

    from rdcbench.codec import Codec

    def make(weights=0, dimensions=3, levels=3, points=8, seed=7, tables=tiny.BigIntegerTables):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(weights)
            quantizer = tiny.GridQuantizer(dimensions, levels, points)
            return Codec(
                tiny.NetEncoder(tiny.SHAPE, dimensions),
                quantizer,
                tables(quantizer.alphabet, points),
                tiny.NetDecoder(tiny.SHAPE, dimensions),
                seed,
            )

    return make


@pytest.fixture
def codec(make_codec, train_split):
    """Give a codec whose tables are fitted and which is frozen, as one that was trained and loaded."""
    from rdcbench.codec import freeze
    from rdcbench.rng import generator

    codec = make_codec()
    codec.fit(train_split, generator("fit"))
    freeze(codec)
    return codec


@pytest.fixture
def plan(make_recipe, only_tiny):
    """Lay out the tiny recipe for two seeds, without judges."""
    from rdcbench.plan import make_plan

    return make_plan(make_recipe(judges=[], metrics=[{"name": "tiny-mse"}]), 2, only_tiny)


@pytest.fixture
def item(plan, tmp_path):
    """Give the work of a job, after all that it needs."""
    from rdcbench.building import Settings, work_of
    from rdcbench.work import perform

    settings = Settings(tmp_path)

    def item(name, ready=True):
        job = plan.job(name)
        for needed in dict.fromkeys(job.inputs.values() if ready else ()):
            if not settings.store().has_weights(plan.train_keys[needed]):
                assert perform(item(needed)) == ""
        return work_of(plan, job, settings)

    return item


@pytest.fixture
def make_task(make_codec, train_split):
    """Make a training of the tiny codec; `terms` are the active ones."""
    import tiny_plugin as tiny
    import torch

    from rdcbench.recipe import Training
    from rdcbench.train import Task

    def make(tradeoff=None, trains=("encoder", "decoder"), tables=tiny.BigIntegerTables, objective=None, **changes):
        objective = objective or tiny.Weighted()
        tradeoff = tradeoff or {}
        terms = {name: objective.terms[name] for name in ("distortion", *tradeoff) if name in objective.terms}
        training = {"steps": 30, "batch": 16, "learning_rate": 0.02, "schedule": "constant"}
        training |= {key: changes.pop(key) for key in list(changes) if key in Training.model_fields}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            critic = tiny.NetCritic(tiny.SHAPE) if "perception" in terms else None
            classifier = tiny.LinearClassifier(tiny.SHAPE, tiny.CLASSES) if "classification" in terms else None
        settings = {
            "codec": make_codec(tables=tables),
            "objective": objective,
            "train": train_split,
            "training": Training(**training),
            "trains": [*trains, *(["critic"] if critic else [])],
            "terms": terms,
            "tradeoffs": [tradeoff],
            "seed": 5,
            "critic": critic,
            "classifier": classifier,
        }
        return Task(**{**settings, **changes})

    return make

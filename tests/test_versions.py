from __future__ import annotations

import re

import pytest
import tiny_plugin as tiny

from rdcbench import versions
from rdcbench.jobs import Plan
from rdcbench.plan import make_plan
from rdcbench.versions import file_digest


@pytest.fixture
def make(make_recipe, parts):
    """Plan the tiny recipe with tables laid over it."""

    def make(seeds=1, registry=parts, **tables):
        return make_plan(make_recipe(**tables), seeds, registry)

    return make


def codecs(plan: Plan) -> dict[str, str]:
    """Keys of the codec jobs by name."""
    return {job.name: plan.keys[job.name] for job in plan.jobs if job.stage == "codec"}


def test_a_version_names_the_code_that_defines_the_part(parts):
    assert re.fullmatch(r"1-[0-9a-f]{12}", versions.version_of("decoder", "tiny-decoder", parts))


def test_a_plan_lists_the_files_whose_code_it_depends_on(make):
    sources = make().sources
    assert sources[str(tiny.FILE)] == file_digest(str(tiny.FILE))
    assert any(path.endswith("rdcbench/train.py") for path in sources)


@pytest.mark.parametrize(("module", "which"), [("rdcbench.train", "train_keys"), ("rdcbench.evaluate", "keys")])
def test_keys_know_the_code_of_the_harness(module, which, make, monkeypatch):
    old = make()
    plain = versions._source_digest
    monkeypatch.setattr(versions, "_source_digest", lambda name: "edited" if name == module else plain(name))
    new = make()
    assert all(getattr(new, which)[name] != getattr(old, which)[name] for name in codecs(old))
    assert (new.train_keys == old.train_keys) == (which == "keys")

from __future__ import annotations

import pytest

from rdcbench import registry
from rdcbench.errors import RecipeError
from rdcbench.jobs import ROLES, Job, Plan, point_name
from rdcbench.plan import make_plan
from rdcbench.recipe import PartSpec, Training


@pytest.fixture
def make(make_recipe, parts):
    """Plan the tiny recipe with tables laid over it."""

    def make(seeds=1, registry=parts, **tables):
        return make_plan(make_recipe(**tables), seeds, registry)

    return make


def test_a_role_that_also_trains_is_not_frozen():
    sender = ("encoder", "quantizer", "entropy_model")
    job = Job(name="x", dataset=PartSpec(name="d"), inputs=dict.fromkeys(sender, "base"), trains=("encoder",))
    assert not job.sender_frozen


@pytest.mark.parametrize("kind", ["encoder", "quantizer", "entropy_model", "decoder", "objective"])
def test_a_codec_needs_its_parts(kind, make_recipe, parts):
    recipe = make_recipe().model_copy(update={kind: None})
    with pytest.raises(RecipeError, match=f"names no {kind.replace('_', ' ')}, which a codec needs"):
        make_plan(recipe, 1, parts)


def test_an_unknown_job_is_answered_with_the_codecs(make):
    with pytest.raises(RecipeError, match=r"no job 'rdc/tiny-end/classification=0.1/seed0'; there is: .*Did you mean"):
        make().job("rdc/tiny-end/classification=0.1/seed0")


def test_point_names():
    assert point_name({"perception": 0.0, "classification": 0.015}) == "classification=0.015,perception=0"
    assert point_name({}) == "distortion=1"


def test_a_protocol_of_one_owner_names_its_rows_by_its_own_name(make):
    spec = {"protocol": "tiny_plugin/tiny-end", "sweep": {"classification": [0.01]}}
    assert "again/tiny-end/classification=0.01/seed0" in make(studies={"again": spec}).keys


def test_a_plan_survives_being_written(make):
    plan = make()
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_job_keeps_its_training():
    job = Job(name="a/b/c/seed3", dataset=PartSpec(name="d"), training=Training(steps=3, batch=1, learning_rate=1.0))
    assert Job.model_validate_json(job.model_dump_json()) == job
    assert job.row == "a/b/c"


def test_kinds_of_a_registry_cover_the_roles():
    assert {*ROLES, "objective", "codec"} <= set(registry.KINDS)

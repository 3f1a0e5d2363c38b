from __future__ import annotations

import pytest

from rdcbench import registry
from rdcbench.errors import PartError, RecipeError
from rdcbench.jobs import SENDER
from rdcbench.plan import make_plan
from rdcbench_std import one_decoder, protocols
from rdcbench_std.objectives import OBJECTIVES

BASE = "rdc/end-to-end/classification=0/seed0"


@pytest.fixture
def make(only_tiny, make_recipe):
    """Plan a study with one decoder for all its points."""
    targets = {"protocol": (*protocols.PROTOCOLS, *one_decoder.PROTOCOLS), "objective": OBJECTIVES}
    for kind, found in targets.items():
        only_tiny.entries.extend(registry._checked(kind, target, "rdcbench_std") for target in found)

    def make(study=None, **options):
        protocol = {"name": "one-decoder", "study": "rdc", "base": {"classification": 0.0}, **options}
        studies = {
            "rdc": {"protocol": "end-to-end", "sweep": {"classification": [0.0, 0.01]}},
            "one": {"protocol": protocol, "sweep": {"classification": [0.0, 0.1]}, **(study or {})},
        }
        tables = {"studies": studies, "objective": {"name": "weighted"}, "only": ["one"]}
        return make_plan(make_recipe(tables), 1, only_tiny)

    return make


def test_all_points_share_one_training_on_a_frozen_sender(make):
    plan = make()
    points = [job for job in plan.jobs if job.name.startswith("one/")]
    assert [job.tradeoff for job in points] == [{"classification": 0.0}, {"classification": 0.1}]
    assert len({plan.train_keys[job.name] for job in points}) == 1
    assert len({plan.keys[job.name] for job in points}) == 2
    for job in points:
        assert job.sender_frozen
        assert dict.fromkeys(SENDER, BASE) == {role: job.inputs[role] for role in SENDER}
        assert job.trains == ("decoder",)
        assert "decoder" not in job.inputs, "from scratch, unless asked otherwise"


def test_it_may_start_from_the_decoder_of_its_base(make):
    job = make(start=["decoder"]).jobs[-1]
    assert job.inputs["decoder"] == BASE


def test_another_sender_than_that_of_the_base_is_refused(make):
    with pytest.raises(RecipeError, match=r"The encoder of the study that starts from 'rdc' is .* give both studies"):
        make(study={"encoder": {"width": 4}})


def test_a_base_of_another_rate_is_refused(make):
    with pytest.raises(RecipeError, match=r"'rdc' has 3 dimensions and 3 levels; the study that starts from it has 2"):
        make(study={"dimensions": 2})


def test_an_unknown_role_is_refused(make):
    with pytest.raises(PartError, match=r"no role that can start from the base 'encoder'"):
        make(start=["encoder"])

from __future__ import annotations

import pytest

from rdcbench import registry, runner
from rdcbench.errors import PartError, RecipeError
from rdcbench.jobs import ROLES, SENDER
from rdcbench.plan import make_plan
from rdcbench_std.objectives import OBJECTIVES
from rdcbench_std.protocols import PROTOCOLS

BASE = {"classification": 0.015}
STUDIES = {
    "rdc": {"protocol": "end-to-end", "sweep": {"classification": [0.0, 0.015]}},
    "rdp": {"protocol": "end-to-end", "sweep": {"perception": [0.0, 0.02]}},
    "uni": {"protocol": {"name": "universal", "study": "rdc", "base": BASE}, "sweep": {"classification": [0.0, 0.005]}},
}
BASE_NAME = "rdc/end-to-end/classification=0.015/seed0"
UNI0, UNI1 = "uni/universal/classification=0/seed0", "uni/universal/classification=0.005/seed0"


@pytest.fixture
def std(only_tiny):
    """The tiny parts with the standard protocols and objective."""
    for kind, targets in (("protocol", PROTOCOLS), ("objective", OBJECTIVES)):
        only_tiny.entries.extend(registry._checked(kind, target, "rdcbench_std") for target in targets)
    return only_tiny


@pytest.fixture
def make(std, make_recipe):
    """Plan these studies with changes laid over them."""

    def make(seeds=1, only=(), **studies):
        recipe = make_recipe({"studies": {**STUDIES, **studies}, "objective": {"name": "weighted"}, "only": list(only)})
        return make_plan(recipe, seeds, std)

    return make


def test_end_to_end_trains_everything_for_each_point(make):
    plan = make(only=["rdp"])
    first, second = (job for job in plan.jobs if job.stage == "codec")
    assert [first.tradeoff, second.tradeoff] == [{"perception": 0.0}, {"perception": 0.02}]
    assert second.trains == ROLES
    assert first.trains == ROLES[:4], "no critic without a weight for it"
    assert set(second.inputs) == {"classifier"}


def test_universal_freezes_the_sender_of_its_base(make):
    plan = make(only=["uni"])
    names = [job.name for job in plan.jobs if job.stage == "codec"]
    assert names == [BASE_NAME, UNI0, UNI1]
    for job in map(plan.job, names[1:]):
        assert job.sender_frozen
        assert {role: job.inputs[role] for role in SENDER} == dict.fromkeys(SENDER, BASE_NAME)
        assert job.inputs["decoder"] == BASE_NAME, "a warm start"
        assert job.trains == ("decoder",)


def test_the_base_is_the_very_job_of_its_study(make):
    alone, both = make(only=["uni"]), make()
    assert alone.keys[BASE_NAME] == both.keys[BASE_NAME]
    assert alone.keys.items() <= both.keys.items()


def test_each_seed_has_a_base_of_its_own(make):
    plan = make(seeds=2, only=["uni"])
    other = plan.job(UNI0.replace("seed0", "seed1"))
    assert other.inputs["encoder"] == BASE_NAME.replace("seed0", "seed1")


@pytest.mark.parametrize(("start", "expected"), [([], set()), (["decoder"], {"decoder"}), (["critic"], {"critic"})])
def test_what_starts_from_the_base_can_be_chosen(make, start, expected):
    base = {"name": "universal", "study": "rdp", "base": {"perception": 0.02}, "start": start}
    plan = make(uni={"protocol": base, "sweep": {"perception": [0.01]}})
    job = plan.job("uni/universal/perception=0.01/seed0")
    assert {role for role in ("decoder", "critic") if role in job.inputs} == expected
    assert job.trains == ("decoder", "critic")


def test_a_critic_starts_from_scratch_where_the_base_has_none(make):
    protocol = {"name": "universal", "study": "rdc", "base": BASE}
    plan = make(uni={"protocol": protocol, "sweep": {"perception": [0.01]}})
    assert "critic" not in plan.job("uni/universal/perception=0.01/seed0").inputs


def test_end_to_end_may_start_warm(make):
    protocol = {"name": "end-to-end", "study": "rdc", "base": BASE}
    plan = make(warm={"protocol": protocol, "sweep": {"classification": [0.1]}})
    job = plan.job("warm/end-to-end/classification=0.1/seed0")
    assert {role: job.inputs.get(role) for role in ROLES[:4]} == {
        "encoder": BASE_NAME, "decoder": BASE_NAME, "quantizer": None, "entropy_model": None
    }  # fmt: skip
    assert not job.sender_frozen
    assert set(job.trains) == set(ROLES[:4])


BAD = {
    "an unknown study": ({"study": "rdcc"}, RecipeError, r"no study 'rdcc'; there is: .*Did you mean 'rdc'\?"),
    "an unknown point": (
        {"base": {"classification": 0.01}},
        RecipeError,
        r"no point of the study 'rdc' named 'classification=0.01'; there is: classification=0, classification=0.015",
    ),
    "a point without a name": ({"base": {}}, RecipeError, r"no point of the study 'rdc' named 'distortion=1'"),
    "an unknown role": (
        {"start": ["decodr"]},
        PartError,
        r"no role that can start .*'decodr'.*Did you mean 'decoder'\?",
    ),
    "a base that is no table": ({"base": 3}, PartError, r"'universal' cannot be built with .*'base': 3"),
    "itself": ({"study": "uni", "base": {"classification": 0.0}}, RecipeError, r"goes in a circle: "),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_base_that_cannot_be_is_refused(make, fault):
    change, error, sentence = BAD[fault]
    protocol = {"name": "universal", "study": "rdc", "base": BASE, **change}
    with pytest.raises(error, match=sentence):
        make(uni={**STUDIES["uni"], "protocol": protocol})


@pytest.mark.parametrize("option", ["study", "base"])
def test_universal_needs_study_and_base(make, option):
    protocol = {key: value for key, value in STUDIES["uni"]["protocol"].items() if key != option}
    with pytest.raises(PartError, match=f"The protocol 'universal' needs the option '{option}'"):
        make(uni={**STUDIES["uni"], "protocol": protocol})


@pytest.mark.parametrize("given", [{"study": "rdc"}, {"base": BASE}])
def test_a_warm_start_needs_both(make, given):
    warm = {"protocol": {"name": "end-to-end", **given}, "sweep": {"classification": [0.1]}}
    with pytest.raises(PartError, match="'study' and 'base' go together"):
        make(warm=warm)


@pytest.mark.parametrize("change", [{"levels": 4}, {"dimensions": 2}])
def test_a_base_of_another_rate_is_refused(make, change):
    with pytest.raises(
        RecipeError, match=r"has 3 dimensions and 3 levels; .*One encoder has one rate, so make them equal"
    ):
        make(uni={**STUDIES["uni"], **change})


def test_universal_rows_share_stream_sender_and_quality_of_their_bytes(std, make_recipe, tmp_path):
    over = {"studies": STUDIES, "objective": {"name": "weighted"}, "judges": [], "metrics": [{"name": "tiny-mse"}]}
    recipe = make_recipe({**over, "only": ["rdc", "uni"]})
    result = runner.run(recipe, runner.Options(out=tmp_path / "run"))
    assert result.failures == {}
    keys = result.store.plan().keys
    cells = [result.store.cell(keys[name]) for name in (BASE_NAME, UNI0, UNI1)]
    streams = [result.store.path(f"streams/{cell.key}.rdc").read_bytes() for cell in cells]
    assert streams[0] == streams[1] == streams[2]
    assert len({cell.fingerprints["sender"] for cell in cells}) == 1
    assert len({cell.values["mse"].value for cell in cells}) == 3

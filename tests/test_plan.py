from __future__ import annotations

import pytest
import tiny_plugin as tiny

from rdcbench.errors import PartError, RecipeError
from rdcbench.jobs import Plan, codec_job
from rdcbench.plan import active_reads, active_terms, make_plan
from rdcbench.recipe import PartSpec


@pytest.fixture
def make(make_recipe, parts):
    """Plan the tiny recipe with tables laid over it."""

    def make(seeds=1, registry=parts, **tables):
        return make_plan(make_recipe(**tables), seeds, registry)

    return make


def codecs(plan: Plan) -> dict[str, str]:
    """Keys of the codec jobs by name."""
    return {job.name: plan.keys[job.name] for job in plan.jobs if job.stage == "codec"}


RDC0, RDC1 = "rdc/tiny-end/classification=0/seed0", "rdc/tiny-end/classification=0.01/seed0"
RDP0, RDP1 = "rdp/tiny-end/perception=0/seed0", "rdp/tiny-end/perception=0.01/seed0"
UNI0, UNI1 = "universal/tiny-universal/classification=0/seed0", "universal/tiny-universal/classification=0.02/seed0"


def test_the_jobs_of_a_plan_and_their_names(make):
    plan = make()
    assert [job.name for job in plan.jobs] == [
        "classifier", "judge:tiny-judge", RDC0, RDC1, RDP0, RDP1, UNI0, UNI1
    ]  # fmt: skip
    assert [job.stage for job in plan.jobs[:3]] == ["classifier", "judge", "codec"]


def test_inputs_come_before_the_jobs_that_need_them(make):
    plan = make(seeds=2, only=["universal", "rdp"])
    seen = set()
    for job in plan.jobs:
        assert {*job.inputs.values(), *job.judges} <= seen
        seen.add(job.name)
    assert {RDC0, RDC0.replace("seed0", "seed1")} <= seen


def test_rows_are_over_seeds(make):
    plan = make(seeds=3)
    rows = {job.row for job in plan.jobs if job.stage == "codec"}
    assert len(rows) == 6
    assert RDC0.removesuffix("/seed0") in rows
    assert sorted({job.seed for job in plan.jobs if job.stage == "codec"}) == [0, 1, 2]


def test_classifier_and_judges_are_shared_by_all_seeds(make):
    plan = make(seeds=3)
    stages = [job for job in plan.jobs if job.stage != "codec"]
    assert [(job.name, job.seed) for job in stages] == [("classifier", 0), ("judge:tiny-judge", 0)]


# ----------------------------------------------------------------------------------------------------------------- keys


def test_one_more_weight_is_one_more_job_and_changes_no_key(make):
    old = make()
    new = make(studies={"rdc": {"sweep": {"classification": [0.0, 0.005, 0.01]}}})
    added = {job.name for job in new.jobs} - {job.name for job in old.jobs}
    assert added == {"rdc/tiny-end/classification=0.005/seed0"}
    assert {name: new.keys[name] for name in old.keys} == old.keys
    assert {name: new.train_keys[name] for name in old.train_keys} == old.train_keys


def test_one_more_seed_and_another_choice_of_studies_change_no_key(make):
    old = make()
    more = make(seeds=2)
    assert more.keys | old.keys == more.keys
    less = make(only=["rdp"])
    assert old.keys | less.keys == old.keys
    assert RDC0 not in less.keys


def test_planning_twice_gives_the_same_plan(make):
    assert make() == make()


NOT_IN_A_KEY = {
    "name of the recipe": {"name": "other"},
    "title": {"title": "Another"},
    "title of a study": {"studies": {"rdc": {"title": "RDC"}}},
    "figures": {"figures": {"a": {"title": "A", "studies": ["rdc"]}}},
    "limit": {"training": {"limit_seconds": 5.0}},
    "limit of a study": {"studies": {"rdc": {"training": {"limit_seconds": 5.0}}}},
    "checkpoints": {"training": {"checkpoint_seconds": 0.0}},
}


@pytest.mark.parametrize("change", NOT_IN_A_KEY)
def test_keys_do_not_know(change, make):
    old, new = make(), make(**NOT_IN_A_KEY[change])
    assert (new.keys, new.train_keys) == (old.keys, old.train_keys)


def test_keys_do_not_know_the_name_of_a_study(make):
    study = {"protocol": "tiny-end", "sweep": {"classification": [0.01]}}
    plan = make(studies={"again": study})
    again = plan.keys["again/tiny-end/classification=0.01/seed0"]
    assert again == plan.keys[RDC1]
    assert [job.name for job in plan.unique() if plan.keys[job.name] == again] == [RDC1]


IN_A_TRAINING_KEY = {
    "steps": {"training": {"steps": 13}},
    "threads": {"training": {"threads": 2}},
    "option of a part": {"decoder": {"width": 9}},
    "rate": {"studies": {name: {"levels": 4} for name in ("rdc", "rdp", "universal")}},
    "option of the data set": {"dataset": {"noise": 20}},
    "data set": {"dataset": {"name": "tiny-other-images"}},
    "classifier": {"classifier": {"epochs": 3}},
}


@pytest.mark.parametrize("change", IN_A_TRAINING_KEY)
def test_training_keys_know(change, make):
    old, new = make(), make(**IN_A_TRAINING_KEY[change])
    assert {name.rpartition("/")[2] for name in codecs(old)} == {"seed0"}
    for name in codecs(old):
        assert new.train_keys[name] != old.train_keys[name], name
        assert new.keys[name] != old.keys[name], name


def test_seeds_have_keys_of_their_own(make):
    plan = make(seeds=2)
    assert plan.keys[RDC0] != plan.keys[RDC0.replace("seed0", "seed1")]


def test_a_changed_metric_or_judge_evaluates_again_and_trains_nothing(make):
    old = make()
    for new in (make(judges=[]), make(metrics=[{"name": "tiny-mse"}])):
        for name in codecs(old):
            assert new.train_keys[name] == old.train_keys[name]
    assert all(make(judges=[]).keys[name] != key for name, key in codecs(old).items())


@pytest.mark.parametrize(("kind", "which"), [("decoder", "train_keys"), ("metric", "keys"), ("judge", "keys")])
def test_keys_know_the_versions_of_parts(kind, which, make, parts, monkeypatch):
    old = make()
    target = {"decoder": tiny.NetDecoder, "metric": tiny.SquaredError, "judge": tiny.MeanImageJudge}[kind]
    monkeypatch.setattr(target, "version", "2")
    new = make()
    assert all(getattr(new, which)[name] != getattr(old, which)[name] for name in codecs(old))
    assert (new.train_keys[RDC0] == old.train_keys[RDC0]) == (kind != "decoder")


def test_a_changed_base_changes_the_jobs_that_start_from_it_and_no_other(make):
    old, new = make(), make(studies={"rdc": {"training": {"steps": 99}}})
    changed = {name for name in codecs(old) if new.keys[name] != old.keys[name]}
    assert changed == {RDC0, RDC1, UNI0, UNI1}


# ----------------------------------------------------------------------------------------------- what a job consists of


def test_a_critic_that_no_term_reads_is_dropped_so_that_studies_share_the_point(make):
    plan = make()
    assert plan.keys[RDC0] == plan.keys[RDP0]
    assert plan.keys[RDC1] != plan.keys[RDP1]
    assert "critic" not in plan.job(RDC0).parts
    assert "critic" not in plan.job(RDC0).trains
    assert "critic" in plan.job(RDP1).parts
    assert "critic" in plan.job(RDP1).trains
    assert len(plan.unique()) == len(plan.jobs) - 1


def test_without_a_critic_its_training_is_not_in_the_key(make):
    old, new = make(), make(training={"critic_learning_rate": 0.5})
    changed = {name for name in codecs(old) if new.keys[name] != old.keys[name]}
    assert changed == {RDP1}


def test_a_metric_of_the_own_critic_is_asked_of_jobs_with_a_critic_only(make):
    plan = make()
    assert [spec.name for spec in plan.job(RDP0).metrics] == ["tiny-mse"]
    assert [spec.name for spec in plan.job(RDP1).metrics] == ["tiny-mse", "tiny-gap"]


def test_an_annealed_term_is_active_though_it_ends_at_zero(make):
    plan = make(training={"anneal": {"perception": [0.5, 0.1]}})
    assert "critic" in plan.job(RDC0).parts


def test_universal_jobs_freeze_the_sender_of_their_base(make):
    job = make().job(UNI1)
    assert job.sender_frozen
    assert job.trains == ("decoder",)
    assert {role: job.inputs[role] for role in ("encoder", "quantizer", "entropy_model")} == dict.fromkeys(
        ("encoder", "quantizer", "entropy_model"), RDC0
    )
    assert not make().job(RDC0).sender_frozen


def test_whole_codecs_take_the_place_of_the_parts(make):
    plan = make(studies={"zip": {"protocol": "tiny-end", "points": [{}], "codec": {"name": "tiny-zip"}}})
    job = plan.job("zip/tiny-end/distortion=1/seed0")
    assert set(job.parts) == {"codec"}
    assert job.trains == ()


def test_a_weight_of_its_default_value_says_nothing_but_distortion_0_does(make):
    points = [
        {"classification": 0.01},
        {"classification": 0.01, "distortion": 1.0},
        {"classification": 0.01, "rate": 0.0},
    ]
    points += [{"classification": 0.01, "distortion": 0.0}]
    plan = make(studies={"w": {"protocol": "tiny-end", "points": points}})
    keys = [key for name, key in codecs(plan).items() if name.startswith("w/")]
    assert keys[0] == keys[1] == keys[2] == plan.keys[RDC1]
    assert keys[3] != keys[0]


def test_a_study_with_another_data_set_has_its_own_classifier_judge_and_digest(make):
    over = {"protocol": "tiny-end", "sweep": {"classification": [0.01]}, "dataset": {"name": "tiny-other-images"}}
    plan = make(studies={"other": over})
    job = plan.job("other/tiny-end/classification=0.01/seed0")
    assert job.inputs["classifier"] != plan.job(RDC1).inputs["classifier"]
    assert job.judges != plan.job(RDC1).judges
    assert plan.job(job.inputs["classifier"]).dataset == PartSpec(name="tiny-other-images")
    assert plan.keys[job.name] != plan.keys[RDC1]
    assert job.data_digest != plan.job(RDC1).data_digest == plan.data_digest


def test_a_study_with_other_classifier_options_gets_that_classifier(make):
    over = {"protocol": "tiny-end", "sweep": {"classification": [0.01]}, "classifier": {"epochs": 3}}
    plan = make(studies={"other": over})
    job = plan.job("other/tiny-end/classification=0.01/seed0")
    assert plan.job(job.inputs["classifier"]).parts["classifier"].options == {"epochs": 3}
    assert plan.job(plan.job(RDC1).inputs["classifier"]).parts["classifier"].options == {}


def test_a_critic_to_start_from_that_the_base_does_not_have_is_left_out(make, parts, monkeypatch):
    whole = tiny.Universal.plan

    def with_critic(self, recipe, study, name, seed):
        base, *rest = whole(self, recipe, study, name, seed)
        start = {"decoder": base.name, "critic": base.name}
        return [base, *(job.model_copy(update={"inputs": {**job.inputs, **start}}) for job in rest)]

    monkeypatch.setattr(tiny.Universal, "plan", with_critic)
    study = {"protocol": {"name": "tiny-universal", "study": "rdc"}, "sweep": {"perception": [0.01]}}
    job = make(studies={"mixed": study}).job("mixed/tiny-universal/perception=0.01/seed0")
    assert "critic" in job.parts
    assert "critic" not in job.inputs
    assert job.inputs["decoder"] == RDC0


# ---------------------------------------------------------------------------------------------------- several tradeoffs


def conditioned(recipe, study, study_name, seed):
    points = list(study.tradeoffs())
    return [codec_job(recipe, study, study_name, seed, point, tradeoffs=points) for point in points]


def test_one_training_over_several_tradeoffs_serves_all_their_rows(make, monkeypatch):
    monkeypatch.setattr(tiny.EndToEnd, "plan", lambda self, *arguments: conditioned(*arguments))
    plan = make(only=["rdc"])
    assert plan.train_keys[RDC0] == plan.train_keys[RDC1]
    assert plan.keys[RDC0] != plan.keys[RDC1]


def test_a_term_is_active_if_any_of_the_tradeoffs_gives_it_a_weight(make_recipe, parts):
    recipe = make_recipe()
    points = [{"perception": 0.0}, {"perception": -0.5}, {}]
    job = codec_job(recipe, recipe.studies["rdp"], "rdp", 0, points[0], tradeoffs=points)
    assert set(active_terms(job, parts)) == {"distortion", "perception"}
    assert active_reads(job, parts) == {"critic"}
    alone = codec_job(recipe, recipe.studies["rdp"], "rdp", 0, points[0])
    assert set(active_terms(alone, parts)) == {"distortion"}


def test_a_dial_of_the_decoder_is_no_unknown_term_and_its_zero_counts(make, monkeypatch):
    points = [{}, {"sharpness": 0.0}, {"sharpness": 1.0}]
    study = {"dial": {"protocol": "tiny-end", "points": points}}
    with pytest.raises(RecipeError, match="named 'sharpness'"):
        make(studies=study)
    monkeypatch.setattr(tiny.NetDecoder, "dials", ("sharpness",))
    plan = make(studies=study)
    keys = [key for name, key in codecs(plan).items() if name.startswith("dial/")]
    assert len(set(keys)) == 3


# ---------------------------------------------------------------------------------------------------------- bad recipes


def test_a_weight_of_an_unknown_term_is_answered_with_the_terms(make):
    with pytest.raises(
        RecipeError, match=r"no term of the objective 'tiny-objective'.*named 'percepton'.*Did you mean"
    ):
        make(studies={"rdp": {"sweep": {"percepton": [0.1]}}})


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"encoder": {"name": "tiny-encode"}}, r"no encoder 'tiny-encode'; .*Did you mean 'tiny-encoder'\?"),
        ({"metrics": [{"name": "mse"}]}, r"no metric 'mse'"),
        ({"judges": [{"name": "nobody"}]}, r"no judge 'nobody'"),
        ({"studies": {"rdc": {"protocol": "both-ends"}}}, r"no protocol 'both-ends'"),
        ({"dataset": {"name": "tiny-image"}}, r"no data ?set 'tiny-image'"),
        ({"studies": {"universal": {"protocol": {"name": "tiny-universal", "stdy": "rdc"}}}}, r"named 'stdy'.*'study'"),
    ],
)
def test_an_unknown_part_or_option_is_refused_before_anything_runs(make, tables, sentence):
    with pytest.raises(PartError, match=sentence):
        make(**tables)


def test_a_plan_that_goes_in_a_circle_is_refused(make):
    with pytest.raises(RecipeError, match=r"in a circle: (loop/circle/rate=.)/seed0 -> .* -> \1/seed0"):
        make(studies={"loop": {"protocol": "circle", "points": [{}]}})


def test_a_job_that_starts_from_nowhere_is_refused(make, monkeypatch):
    def lost(self, recipe, study, study_name, seed):
        return [codec_job(recipe, study, study_name, seed, {}, inputs={"decoder": "rdc/gone"})]

    monkeypatch.setattr(tiny.EndToEnd, "plan", lost)
    with pytest.raises(RecipeError, match=r"no job 'rdc/gone'.*'rdc/tiny-end/distortion=1/seed0' starts from it"):
        make()


def test_two_different_jobs_of_one_name_are_refused(make):
    points = [{"classification": 0.0150001}, {"classification": 0.01500012}]
    with pytest.raises(
        RecipeError, match=r"Two different jobs are named 'close/tiny-end/classification=0.0150001/seed0'"
    ):
        make(studies={"close": {"protocol": "tiny-end", "points": points}})


# --------------------------------------------------------------------------------------------------------- small things


def test_the_digests_of_data_can_be_given(make_recipe, parts, monkeypatch):
    monkeypatch.setattr(tiny.Images, "digest", lambda self: pytest.fail("the data set was asked"))
    recipe = make_recipe(only=["rdc"])
    plan = make_plan(recipe, 1, parts, {recipe.dataset.model_dump_json(): "abc"})
    assert plan.data_digest == "abc"


def test_jobs_of_another_study_that_a_job_starts_from_are_planned_with_it(make, monkeypatch):
    def by_name(self, recipe, study, study_name, seed):
        return [
            codec_job(
                recipe,
                study,
                study_name,
                seed,
                {"rate": 1.0},
                inputs={"decoder": f"rdp/tiny-end/perception=0.01/seed{seed}"},
            )
        ]

    monkeypatch.setattr(tiny.Chain, "plan", by_name)
    plan = make(seeds=2, studies={"next": {"protocol": "chain", "points": [{}]}}, only=["next"])
    names = [job.name for job in plan.jobs if job.stage == "codec"]
    assert names == [RDP1, "next/chain/rate=1/seed0", RDP1.replace("seed0", "seed1"), "next/chain/rate=1/seed1"]

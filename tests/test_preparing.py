from __future__ import annotations

import pytest
import tiny_plugin as tiny

from rdcbench.errors import PartError, RecipeError
from rdcbench.machine import core_count
from rdcbench.options import Options
from rdcbench.preparing import bring_data, prepare, without


@pytest.fixture
def options(only_tiny, tmp_path):
    """Make options of a run whose folder is not there yet."""
    return lambda **changed: Options(out=tmp_path / "run", **changed)


def test_all_jobs_are_laid_out_and_nothing_is_written(options, make_recipe, tmp_path):
    plan = prepare(make_recipe(), options())
    assert {"classifier", "judge:tiny-judge"} < {job.name for job in plan.jobs}
    assert list(tmp_path.iterdir()) == []


def test_more_threads_than_cores_are_refused(options, make_recipe):
    with pytest.raises(RecipeError, match=rf"training.threads = 999 is more than this machine's {core_count()} cores"):
        prepare(make_recipe(training={"threads": 999}), options())


@pytest.mark.parametrize(("option", "value"), [("executor", "cloud"), ("trackers", ("wandb",))])
def test_unknown_executors_and_trackers_are_refused(options, make_recipe, option, value):
    with pytest.raises(PartError, match=r"There is no (executor 'cloud'|tracker 'wandb'); there is: "):
        prepare(make_recipe(), options(**{option: value}))


def test_a_part_of_a_study_that_is_not_asked_for_is_looked_at_too(options, make_recipe):
    recipe = make_recipe(only=["rdc"], studies={"rdp": {"decoder": {"name": "gone"}}})
    with pytest.raises(PartError, match="no decoder 'gone'"):
        prepare(recipe, options())
    prepare(recipe, options(), lost=["rdp"])


@pytest.mark.parametrize("twice", ["metrics", "judges"])
def test_two_measures_of_one_field_are_refused_before_anything_is_trained(options, make_recipe, twice):
    name = {"metrics": "tiny-mse", "judges": "tiny-judge"}[twice]
    with pytest.raises(
        RecipeError, match=rf"{twice[:-1]}:{name} and {twice[:-1]}:{name} bring one field, '.*'; ask for"
    ):
        prepare(make_recipe({twice: [{"name": name}, {"name": name}]}), options())


def test_studies_that_are_left_out_are_inactive(make_recipe):
    recipe = make_recipe()
    assert without(recipe, []) is recipe
    assert list(without(recipe, ["rdc"]).active_studies) == [name for name in recipe.active_studies if name != "rdc"]


def test_data_are_fetched_once_and_as_told(options, make_recipe, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(tiny.Images, "fetch", lambda self, folder, offline: asked.append((folder, offline)) or "here")
    bring_data(make_recipe(), options(data_dir=tmp_path / "data", offline=True))
    assert asked == [(tmp_path / "data", True)]

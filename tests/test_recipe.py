from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_plugin import RECIPE

from rdcbench.loading import load_recipe
from rdcbench.recipe import PartSpec, Recipe, Study, Training, canonical, digest_of

# ------------------------------------------------------------------------------------------------------------ bad input


# ----------------------------------------------------------------------------------------------------------- good input


def test_a_study_lays_its_parts_over_those_of_the_recipe(make_recipe):
    recipe = make_recipe(
        encoder={"width": 5},
        studies={"rdc": {"encoder": {"depth": 2}}, "rdp": {"encoder": {"name": "other", "depth": 1}}},
    )
    studies = recipe.studies
    assert recipe.part("encoder", studies["rdc"]) == PartSpec(name="tiny-encoder", width=5, depth=2)
    assert recipe.part("encoder", studies["rdp"]) == PartSpec(name="other", depth=1)
    assert recipe.part("encoder", studies["universal"]).options == {"width": 5}
    assert recipe.part("codec", studies["rdc"]) is None


def test_a_study_can_bring_a_part_that_the_recipe_has_not(make_recipe):
    recipe = make_recipe(studies={"rdc": {"codec": {"name": "jpeg"}}})
    assert recipe.part("codec", recipe.studies["rdc"]) == PartSpec(name="jpeg")


def test_a_study_lays_its_training_over_that_of_the_recipe(make_recipe):
    recipe = make_recipe(studies={"rdc": {"training": {"batch": 2}}})
    training = recipe.training_for(recipe.studies["rdc"])
    assert (training.steps, training.batch) == (12, 2)
    assert recipe.training_for(recipe.studies["rdp"]) == recipe.training


def test_only_names_the_studies_that_run_in_the_recipes_order(make_recipe):
    assert list(make_recipe().active_studies) == ["rdc", "rdp", "universal"]
    assert list(make_recipe(only=["universal", "rdc"]).active_studies) == ["rdc", "universal"]


def test_tradeoffs_are_points_then_the_product_of_the_sweep_each_once():
    study = Study(protocol="p", points=[{"c": 1.0, "p": 0.0}, {"c": 5.0}], sweep={"c": [0.0, 1.0], "p": [0.0, 2.0]})
    assert list(study.tradeoffs()) == [
        {"c": 1.0, "p": 0.0}, {"c": 5.0}, {"c": 0.0, "p": 0.0}, {"c": 0.0, "p": 2.0}, {"c": 1.0, "p": 2.0},
    ]  # fmt: skip


def test_a_protocol_may_be_a_word():
    study = Study.model_validate({"protocol": "end-to-end", "sweep": {"c": [1]}})
    assert study.protocol == PartSpec(name="end-to-end")


def test_recipes_cannot_be_changed(make_recipe):
    with pytest.raises(ValueError, match="frozen"):
        make_recipe().seeds = 3


# ----------------------------------------------------------------------------------------------------------- round trip

numbers = st.floats(0, 1e6, allow_nan=False) | st.integers(0, 10**9)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
options = st.dictionaries(
    words.filter(lambda word: word != "name"),
    numbers | words | st.booleans() | st.lists(numbers, max_size=3),
    max_size=3,
)
specs = st.builds(lambda name, more: {**more, "name": name}, words, options)
points = st.lists(st.dictionaries(words, st.floats(-10, 10), max_size=2), max_size=2)
studies = st.builds(
    lambda sweep, points, encoder, d: {
        "protocol": "p", "sweep": sweep, "points": points, "encoder": encoder, "dimensions": d
    },
    st.dictionaries(words, st.lists(st.floats(0, 1), min_size=1, max_size=3), min_size=1, max_size=2),
    points,
    options,
    st.integers(1, 9),
)  # fmt: skip


@given(
    encoder=specs,
    metrics=st.lists(specs, max_size=2),
    found=st.dictionaries(words.filter(lambda w: "/" not in w), studies, min_size=1, max_size=2),
    steps=st.integers(1, 10**6),
    anneal=st.dictionaries(words, st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=2),
    title=words,
)
@settings(max_examples=60, deadline=None)
def test_a_resolved_recipe_reads_back_as_it_was(tmp_path_factory, encoder, metrics, found, steps, anneal, title):
    raw = {**RECIPE, "encoder": encoder, "metrics": metrics, "studies": found, "title": title}
    raw["training"] = {**RECIPE["training"], "steps": steps, "anneal": anneal}
    recipe = Recipe.model_validate(raw)
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    again = load_recipe(path)
    assert again == recipe
    assert again.content_hash() == recipe.content_hash()


def test_the_hash_follows_the_content(make_recipe):
    recipe = make_recipe()
    assert make_recipe().content_hash() == recipe.content_hash()
    changed = [make_recipe(seeds=2), make_recipe(encoder={"width": 9}), make_recipe(training={"steps": 13})]
    assert len({recipe.content_hash(), *(other.content_hash() for other in changed)}) == 4


def test_a_date_among_the_options_can_be_hashed_and_written(make_recipe):
    recipe = make_recipe(encoder={"since": date(2026, 1, 1)})
    assert recipe.content_hash() != make_recipe().content_hash()
    assert "2026-01-01" in recipe.to_toml()


def test_canonical_text_does_not_depend_on_order():
    assert canonical({"b": 1, "a": [1.0, "x"]}) == '{"a":[1.0,"x"],"b":1}'
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1}) != digest_of({"a": 1, "b": 2})
    assert re.fullmatch("[0-9a-f]{20}", digest_of([]))


def test_training_has_the_papers_moments_and_one_thread():
    training = Training(steps=1, batch=1, learning_rate=1.0)
    assert (training.betas, training.critic_betas, training.threads) == ((0.5, 0.9), (0.5, 0.9), 1)

from __future__ import annotations

import re
from datetime import date

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_plugin import RECIPE

from rdcbench.errors import RecipeError
from rdcbench.loading import load_recipe, overlay, parse_setting, read_toml
from rdcbench.recipe import PartSpec, Recipe, Study, Training, canonical, digest_of

TEXT = tomli_w.dumps(RECIPE)


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes = TEXT, **tables):
        path = tmp_path / "recipe.toml"
        raw = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(raw if not tables else tomli_w.dumps(overlay(RECIPE, tables)).encode())
        return path

    return write


def refusal(path, *arguments) -> str:
    """The sentence with which a recipe is refused."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, *arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "pydantic" not in sentence.lower()
    return sentence


# ------------------------------------------------------------------------------------------------------------ bad input

BAD = {
    "a key that does not exist": ({"dateset": {"name": "x"}}, r"no key 'dateset'.*Did you mean 'dataset'\?"),
    "a key of the training": ({"training": {"stps": 3}}, r"'training.stps'.*there is: .*steps.*Did you mean 'steps'\?"),
    "a key of a study": ({"studies": {"rdc": {"swep": {}}}}, r"'studies.rdc.swep'.*Did you mean 'sweep'\?"),
    "a key of a study's training": (
        {"studies": {"rdc": {"training": {"batsh": 3}}}},
        r"'studies.rdc.training.batsh'.*Did you mean 'batch'\?",
    ),
    "a key of a figure": (
        {"figures": {"one": {"title": "t", "studies": ["rdc"], "kid": "front"}}},
        r"'figures.one.kid'.*Did you mean 'kind'\?",
    ),
    "no steps": ({"training": {"steps": 0}}, r"training.steps = 0: .*greater than 0"),
    "negative steps": ({"training": {"steps": -5}}, r"training.steps = -5: .*greater than 0"),
    "steps as a word": ({"training": {"steps": "many"}}, r"training.steps = 'many': .*integer"),
    "half a step": ({"training": {"steps": 0.5}}, r"training.steps = 0.5: .*integer"),
    "a rate that is not a number": ({"training": {"learning_rate": float("nan")}}, r"training.learning_rate = nan: "),
    "an endless rate": ({"training": {"learning_rate": float("inf")}}, r"training.learning_rate = inf: .*finite"),
    "a schedule that is unknown": (
        {"training": {"schedule": "cosine"}},
        r"training.schedule = 'cosine': .*'one-cycle', 'step' or 'constant'",
    ),
    "a study's steps": (
        {"studies": {"rdc": {"training": {"steps": -1}}}},
        r"studies.rdc.training.steps = -1: .*greater than 0",
    ),
    "no seeds": ({"seeds": 0}, r"seeds = 0: .*greater than 0"),
    "one level": ({"studies": {"rdc": {"levels": 1}}}, r"studies.rdc.levels = 1: .*greater than 1"),
    "no dimensions": ({"studies": {"rdc": {"dimensions": 0}}}, r"studies.rdc.dimensions = 0: .*greater than 0"),
    "an empty list in a sweep": (
        {"studies": {"rdc": {"sweep": {"classification": []}}}},
        r"studies.rdc.*each entry of 'sweep' needs at least one value",
    ),
    "a weight that is a word": (
        {"studies": {"rdc": {"sweep": {"classification": ["big"]}}}},
        r"studies.rdc.sweep.classification.0 = 'big': .*number",
    ),
    "a weight that is not a number": (
        {"studies": {"rdc": {"sweep": {"classification": [float("nan")]}}}},
        r"studies.rdc.sweep.classification.0 = nan: .*finite",
    ),
    "an option that is not a number": ({"encoder": {"width": float("inf")}}, r"encoder.*width.*finite"),
    "a part without a name": ({"decoder": {"name": ""}}, r"decoder.name = ''"),
    "a part that is no table": ({"decoder": "mlp"}, r"decoder = 'mlp': .*table"),
    "a figure of an unknown study": (
        {"figures": {"one": {"title": "t", "studies": ["rdcc"]}}},
        r"no study 'rdcc'; there is: rdc, rdp, universal. Did you mean 'rdc'\?",
    ),
    "only an unknown study": ({"only": ["rcd"]}, r"no study 'rcd'; there is: rdc, rdp, universal. Did you mean"),
    "a name with a blank": ({"name": "my bench"}, r"name = 'my bench'"),
    "another schema version": ({"schema_version": 2}, r"schema_version = 2"),
    "a study with a slash": (
        {"studies": {"a/b": {"protocol": "tiny-end", "sweep": {"x": [1.0]}}}},
        r"study name 'a/b' must not contain '/'",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_value_gets_one_clear_sentence(fault, write):
    tables, expected = BAD[fault]
    path = write(**tables)
    sentence = refusal(path)
    assert sentence.startswith(f"{path}: ")
    assert re.search(expected, sentence), sentence


def test_a_key_that_is_missing_is_named(write):
    raw = {key: value for key, value in RECIPE.items() if key != "dataset"}
    assert "the key 'dataset' is missing" in refusal(write(tomli_w.dumps(raw)))


def test_a_study_without_points_is_refused(write):
    text = TEXT.replace("[studies.rdp.sweep]", "[studies.rdp.encoder]").replace("perception = [", 'name = "e"\nx = [')
    assert "a study needs 'points' or a 'sweep'" in refusal(write(text))


def test_a_recipe_without_studies_is_refused(write):
    assert "studies" in refusal(write(tomli_w.dumps({**RECIPE, "studies": {}})))


def test_further_faults_are_counted(write):
    path = write(training={"steps": 0, "batch": 0}, seeds=0)
    assert refusal(path).endswith("(2 more like this.)")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"steps = = 3", "is not TOML"), (b"\xff\xfe\x00", "cannot be read"), (b"a = 1\na = 2", "is not TOML")],
)
def test_a_file_that_is_not_toml_is_refused(write, content, sentence):
    path = write(content)
    assert refusal(path).startswith(f"{path} {sentence}")


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(RecipeError, match="cannot be read"):
            read_toml(path)


def test_an_unknown_preset_is_answered_with_those_that_exist(write):
    path = write(presets={"quick": {"seeds": 1}, "full": {"seeds": 3}})
    assert refusal(path, "quik") == "There is no preset 'quik'; there is: default, full, quick. Did you mean 'quick'?"


@pytest.mark.parametrize("presets", [3, {"quick": 3}])
def test_presets_that_are_no_tables_are_refused(write, presets):
    raw = {**RECIPE, "presets": presets}
    assert "'presets' must be a table of tables" in refusal(write(tomli_w.dumps(raw)), "quick")


@pytest.mark.parametrize("text", ["training.steps", "=3", "training..steps=3", ".=1", ""])
def test_a_setting_of_another_form_is_refused(text):
    with pytest.raises(RecipeError, match=r"is not of the form table.key=VALUE, such as training.steps=500"):
        parse_setting(text)


def test_a_setting_of_a_key_that_does_not_exist_is_refused(write):
    assert "Did you mean 'steps'?" in refusal(write(), "", [parse_setting("training.step=5")])
    assert "training.steps = 'x'" in refusal(write(), "", [parse_setting("training.steps=x")])
    assert refusal(write(), "", [parse_setting("training.steps.more=1")])
    assert refusal(write(), "", [parse_setting("metrics.0.name=x")])


# ----------------------------------------------------------------------------------------------------------- good input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("training.steps=500", (["training", "steps"], 500)),
        ("training.learning_rate = 1e-3", (["training", "learning_rate"], 0.001)),
        ("decoder.widths=[32, 64]", (["decoder", "widths"], [32, 64])),
        ("quantizer.gradient=soft-to-hard", (["quantizer", "gradient"], "soft-to-hard")),
        ('quantizer.gradient="soft-to-hard"', (["quantizer", "gradient"], "soft-to-hard")),
        ("decoder.last=true", (["decoder", "last"], True)),
        ("title=a=b", (["title"], "a=b")),
        ("studies.rdc.sweep={ x = [1.0] }", (["studies", "rdc", "sweep"], {"x": [1.0]})),
    ],
)
def test_a_setting_is_a_toml_value_or_a_bare_word(text, expected):
    assert parse_setting(text) == expected


def test_settings_lie_over_the_preset_and_the_preset_over_the_recipe(write):
    path = write(presets={"quick": {"training": {"steps": 5, "batch": 4}}, "default": {"training": {"batch": 9}}})
    steps = [(recipe.training.steps, recipe.training.batch) for recipe in (
        load_recipe(path), load_recipe(path, "default"), load_recipe(path, "quick"),
        load_recipe(path, "quick", [parse_setting("training.batch=2")]),
    )]  # fmt: skip
    assert steps == [(12, 9), (12, 9), (5, 4), (5, 2)]


def test_of_two_settings_the_later_one_holds(write):
    two = [parse_setting("training.steps=3"), parse_setting("training.steps=4")]
    assert load_recipe(write(), "", two).training.steps == 4


OVERLAYS = [
    ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
    ({"a": [1, 2, 3]}, {"a": [9]}, {"a": [9]}),
    ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
    ({"a": 5}, {"a": {"x": 1}}, {"a": {"x": 1}}),
    ({"p": {"name": "mlp", "w": 1}}, {"p": {"w": 2}}, {"p": {"name": "mlp", "w": 2}}),
    ({"p": {"name": "mlp", "w": 1}}, {"p": {"name": "mlp", "v": 2}}, {"p": {"name": "mlp", "w": 1, "v": 2}}),
    ({"p": {"name": "mlp", "w": 1}}, {"p": {"name": "conv", "v": 2}}, {"p": {"name": "conv", "v": 2}}),
]


@pytest.mark.parametrize(("base", "over", "expected"), OVERLAYS)
def test_overlay(base, over, expected):
    before = canonical([base, over])
    assert overlay(base, over) == expected
    assert canonical([base, over]) == before


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

"""Reading recipes: one clear sentence for each fault, and what lies over what."""

from __future__ import annotations

import re
import tomllib

import pytest
import tomli_w
from tiny_plugin import RECIPE

from rdcbench.errors import RecipeError
from rdcbench.loading import checked, expected_text, load_recipe, overlay, parse_setting, read_toml
from rdcbench.recipe import canonical

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
    "a figure that would be a file elsewhere": (
        {"figures": {"../../one": {"title": "t", "studies": ["rdc"]}}},
        r"figure name '../../one' must be of letters, digits, '.', '_' and '-'",
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


# --------------------------------------------------------------------------------------------------------- include


@pytest.fixture
def including(write):
    """Give the path of a recipe that includes the tiny one, both with presets and expectations."""
    base = write(presets={"quick": {"training": {"steps": 5, "batch": 4}}})
    base.with_name("expected.toml").write_text('source = "theirs"\nremark = "base"\n[points]\n')
    folder = base.parent / "more"
    folder.mkdir()

    def including(text=""):
        path = folder / "recipe.toml"
        path.write_text(f'include = "../recipe.toml"\nname = "more"\n{text}')
        return path

    return including


def test_a_recipe_lies_over_the_one_that_it_includes_presets_too(including):
    path = including(
        '[studies.mine]\nprotocol = "tiny-end"\nsweep = { classification = [1.0] }\n[presets.quick.training]\nbatch = 7\n'
    )
    recipe, quick = load_recipe(path), load_recipe(path, "quick")
    assert recipe.name == "more"
    assert [*recipe.studies] == [*RECIPE["studies"], "mine"]
    assert (quick.training.steps, quick.training.batch) == (5, 7)
    assert load_recipe(path.parent.parent / "recipe.toml").studies.keys() == RECIPE["studies"].keys()


def test_expectations_are_included_as_the_recipe_is(including):
    path = including()
    assert tomllib.loads(expected_text(path)) == {"source": "theirs", "remark": "base", "points": {}}
    path.with_name("expected.toml").write_text('remark = "more"\n')
    assert tomllib.loads(expected_text(path)) == {"source": "theirs", "remark": "more", "points": {}}


def test_a_recipe_without_expectations_has_none(write):
    assert expected_text(write()) == ""


def test_recipes_that_include_each_other_are_refused(including):
    path = including()
    other = path.parent.parent / "recipe.toml"
    other.write_text('include = "more/recipe.toml"\n')
    assert "include goes in a circle: " in refusal(path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("3", "include = 3: it must be the name"), ('"nothing"', "There is no benchmark 'nothing'"),
     ('"no.toml"', "There is no recipe file")],
)  # fmt: skip
def test_a_recipe_to_include_must_exist(write, name, sentence):
    assert sentence in refusal(write(f"include = {name}\n{TEXT}"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = " + "[" * 5000, "is not TOML"), ("a = " + "9" * 5000, "is not TOML"),
        ("a." * 100 + "b = 1", "more than 20 deep"), ("a." * 100_000 + "b = 1", "more than 500 dots"), ("a = " + "[" * 30 + "]" * 30, "more than 20 deep"),
    ],
)  # fmt: skip
def test_what_nobody_can_walk_through_is_refused(tmp_path, text, sentence):
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=sentence):
        read_toml(path)


def test_a_setting_that_is_no_value_is_a_word():
    assert parse_setting("a.b=" + "[" * 5000)[1] == "[" * 5000


def test_a_product_of_short_lists_is_not_laid_out(tmp_path):
    path = tmp_path / "r.toml"
    sweep = {f"term{number}": [float(value) for value in range(10)] for number in range(12)}
    path.write_text(tomli_w.dumps({**RECIPE, "studies": {"s": {"protocol": "tiny-end", "sweep": sweep}}}))
    with pytest.raises(RecipeError, match=r"at most 100000 points, not 1000000000000"):
        load_recipe(path)


def test_a_resolved_recipe_names_no_other_file(tmp_path):
    """That of a bundle comes from anybody."""
    with pytest.raises(RecipeError, match="include"):
        checked(tmp_path / "r.toml", {**RECIPE, "include": "/etc/other.toml"})

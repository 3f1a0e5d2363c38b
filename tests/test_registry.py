from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import tiny_plugin as tiny

import rdcbench
from rdcbench import registry
from rdcbench.errors import PartError
from rdcbench.hookspecs import hookimpl

GOOD = """
import rdcbench

class Nothing(rdcbench.Metric):
    "A metric of nothing."
    name = "nothing"
    fields = {}
    def __init__(self, power: int = 2, *, scale: float = 1.0):
        self.power, self.scale = power, scale
    def update(self, decoded):
        return {}

@rdcbench.hookimpl
def rdcbench_metrics():
    return [Nothing]
"""

BROKEN = {
    "raises on import": ("raise RuntimeError('my GPU is gone')", "RuntimeError: my GPU is gone"),
    "leaves on import": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "imports what is not there": ("import no_such_module_at_all", "no_such_module_at_all"),
    "is not Python": ("def (", "SyntaxError"),
    "raises in a hook": (GOOD.replace("return [Nothing]", "return [1 / 0]"), "ZeroDivisionError"),
    "misspells a hook": (
        GOOD.replace("def rdcbench_metrics", "def rdcbench_metric"),
        "Did you mean 'rdcbench_metrics'?",
    ),
    "marks what is no hook": (GOOD.replace("def rdcbench_metrics", "def my_metrics"), "unknown hook 'my_metrics'"),
    "returns an instance": (GOOD.replace("[Nothing]", "[Nothing()]"), "must return subclasses of rdcbench.Metric"),
    "returns a class of another kind": (GOOD.replace("rdcbench_metrics", "rdcbench_decoders"), "rdcbench.Decoder"),
    "returns a number": (GOOD.replace("return [Nothing]", "return 3"), "int"),
    "returns one class instead of several": (GOOD.replace("return [Nothing]", "return Nothing"), "not iterable"),
    "has an abstract part": (GOOD.replace("def update", "def upgrade"), "Nothing is abstract: it lacks update."),
    "has a part without a name": (
        GOOD.replace('name = "nothing"', ""),
        "Nothing needs a class attribute `name`, a word without '/'",
    ),
    "has a part whose name is a number": (
        GOOD.replace('"nothing"', "7"),
        "Nothing needs a class attribute `name`, a word without '/'",
    ),
    "has a part whose name has a slash": (GOOD.replace('"nothing"', '"no/thing"'), "not 'no/thing'"),
    "has a hook that asks for something": (GOOD.replace("rdcbench_metrics()", "rdcbench_metrics(recipe)"), "recipe"),
    "has a good hook and a bad one": (
        GOOD + "\n@rdcbench.hookimpl\ndef rdcbench_judges():\n    raise OSError('later')\n",
        "OSError: later",
    ),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Write modules and give entry points to them, as pip would leave them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = []

    def make(**sources: str) -> list[EntryPoint]:
        for name, source in sources.items():
            names.append(name)
            (tmp_path / f"{name}.py").write_text(source)
        return [EntryPoint(name, name, "rdcbench") for name in sources]

    yield make
    for name in names:
        sys.modules.pop(name, None)


def test_parts_are_found_by_name_with_their_owner(parts):
    entry = parts.get("encoder", "tiny-encoder")
    assert entry.target is tiny.NetEncoder
    assert (entry.kind, entry.owner, entry.summary) == (
        "encoder",
        "tiny_plugin",
        "16 -> 8 -> d with batch norm and tanh.",
    )
    assert parts.get("encoder", "tiny_plugin/tiny-encoder") is entry
    assert parts.names("critic") == ["tiny-critic"]
    assert parts.owners == ["tiny_plugin"]


def test_an_unknown_part_is_answered_with_those_that_exist(parts):
    with pytest.raises(
        PartError, match=r"There is no entropy model 'tiny-table'; there is: .*Did you mean 'tiny-tables'\?"
    ):
        parts.get("entropy_model", "tiny-table")


def test_an_unknown_kind_is_answered_with_those_that_exist(parts):
    for call in (parts.names, lambda kind: parts.get(kind, "x")):
        with pytest.raises(PartError, match=r"no kind of part 'encoders'.*Did you mean 'encoder'\?"):
            call("encoders")


def test_a_part_is_built_from_its_options_and_what_is_given(parts):
    given = {"image_shape": (1, 4, 4), "dimensions": 2, "classes": {"digit": 3}}
    encoder = parts.build("encoder", "tiny-encoder", {"width": 5}, given)
    assert encoder.layers[1].out_features == 5
    assert encoder.layers[4].out_features == 2


def test_an_unknown_option_is_answered_with_those_that_a_recipe_can_set(parts):
    with pytest.raises(PartError) as caught:
        parts.build("encoder", "tiny-encoder", {"witdh": 5}, {"image_shape": (1, 4, 4), "dimensions": 2})
    assert str(caught.value) == (
        "There is no option of the encoder 'tiny-encoder' named 'witdh'; there is: width. Did you mean 'width'?"
    )


def test_what_is_given_cannot_be_set_by_a_recipe(parts):
    with pytest.raises(PartError, match="named 'dimensions'; there is: width"):
        parts.build("encoder", "tiny-encoder", {"dimensions": 9}, {"image_shape": (1, 4, 4), "dimensions": 2})


def test_an_option_that_is_needed_is_asked_for(parts):
    with pytest.raises(PartError, match="The protocol 'tiny-universal' needs the option 'study'"):
        parts.build("protocol", "tiny-universal", {})


@pytest.mark.parametrize("fault", [ValueError, TypeError, RuntimeError])
def test_a_constructor_that_refuses_is_named_with_what_it_was_given(parts, monkeypatch, fault):
    def refuse(self, width=1):
        raise fault("width must be even")

    monkeypatch.setattr(tiny.NetEncoder, "__init__", refuse)
    with pytest.raises(
        PartError, match=r"encoder 'tiny-encoder' cannot be built with {'width': 3}: width must be even"
    ):
        parts.build("encoder", "tiny-encoder", {"width": 3})


def test_a_part_without_a_constructor_has_no_options(parts):
    assert parts.get("objective", "tiny-objective").options() == {}
    assert isinstance(parts.build("objective", "tiny-objective", {}), tiny.Weighted)
    with pytest.raises(PartError, match="named 'label'; there is: none"):
        parts.build("objective", "tiny-objective", {"label": "digit"})


def test_keyword_only_options_count_and_variable_ones_do_not():
    class Odd(tiny.SquaredError):
        def __init__(self, *things, power=2, **more):
            self.power = power

    found = registry.Registry(entries=[registry.Entry("metric", "odd", "me", Odd)])
    assert list(found.get("metric", "odd").options()) == ["power"]
    assert found.build("metric", "odd", {"power": 3}).power == 3


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_harms_nobody_else(fault, install):
    source, error = BROKEN[fault]
    found = registry._load_all(install(a_first=GOOD, bad=source, z_last=GOOD.replace("nothing", "more")), [])
    assert found.names("metric") == ["more", "nothing"]
    assert found.owners == ["a_first", "z_last"]
    assert list(found.broken) == ["bad"]
    assert error in found.broken["bad"]


def test_whoever_asks_for_a_part_of_a_broken_plugin_hears_why_it_is_missing(install):
    found = registry._load_all(install(bad="raise RuntimeError('my GPU is gone')"), [])
    with pytest.raises(PartError, match=r"no metric 'nothing'.*'bad' was left out: RuntimeError: my GPU is gone"):
        found.get("metric", "nothing")


def test_an_entry_point_to_nothing_is_left_out(install):
    good = install(good=GOOD)
    found = registry._load_all([*good, EntryPoint("ghost", "no_such_plugin_module", "rdcbench")], [])
    assert found.names("metric") == ["nothing"]
    assert "no_such_plugin_module" in found.broken["ghost"]


def test_of_two_owners_of_a_name_neither_wins(install):
    found = registry._load_all(install(one=GOOD, two=GOOD), [])
    assert found.names("metric") == ["one/nothing", "two/nothing"]
    with pytest.raises(PartError, match="Two packages bring the metric 'nothing'; write one/nothing or two/nothing"):
        found.get("metric", "nothing")
    assert found.get("metric", "two/nothing").owner == "two"
    assert found.build("metric", "one/nothing", {"scale": 3.0}).scale == 3.0


def test_a_part_that_comes_with_rdcbench_keeps_a_name_that_a_stranger_brings_again(install, monkeypatch):
    monkeypatch.setattr(registry, "is_shipped", lambda point: point.name == "two")
    found = registry._load_all(install(one=GOOD, two=GOOD), [])
    assert found.names("metric") == ["nothing", "one/nothing"]
    assert found.get("metric", "nothing").owner == "two"
    assert found.get("metric", "one/nothing").owner == "one"


def test_the_owners_that_come_with_rdcbench_are_known():
    assert {"rdcbench_std", "rdcbench_mnist"} <= set(registry.load().shipped)


def test_what_a_plugin_prints_while_it_is_loaded_does_not_reach_the_terminal(install, capsys):
    found = registry._load_all(install(loud=GOOD + "\nprint('buy my book')\n"), [])
    assert found.names("metric") == ["nothing"]
    assert "".join(capsys.readouterr()) == ""


def test_the_same_name_for_two_kinds_is_no_quarrel(install):
    both = GOOD + (
        "\nclass Also(rdcbench.Tracker):\n    name = 'nothing'\n    def event(self, kind, job, values): ...\n"
        "\n@rdcbench.hookimpl\ndef rdcbench_trackers():\n    return [Also]\n"
    )
    found = registry._load_all(install(one=both), [])
    assert found.get("metric", "nothing").kind == "metric"
    assert found.get("tracker", "nothing").kind == "tracker"


def test_a_plugin_that_says_nothing_brings_nothing(install):
    found = registry._load_all(install(silent=GOOD.replace("return [Nothing]", "return None")), [])
    assert found.names("metric") == []
    assert found.broken == {}


def test_recipes_are_folders(install):
    found = registry._load_all(
        install(mine=f"import rdcbench\n@rdcbench.hookimpl\ndef rdcbench_recipes():\n    return ['{Path.cwd()}']\n"), []
    )
    (entry,) = [entry for entry in found.entries if entry.kind == "recipe"]
    assert entry.target == Path.cwd()


def test_a_single_file_is_a_plugin(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    found = registry._load_all([], [path])
    assert found.get("metric", "nothing").owner == "mine"
    assert found.get("metric", "mine/nothing").target.__module__ in sys.modules


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("gone.py", None, "there is no such file"),
        ("notes.txt", "hello", "not a Python file; its name must end in .py"),
        ("sick.py", "1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("odd.py", GOOD.replace("[Nothing]", "[3]"), "must return subclasses of rdcbench.Metric"),
    ],
)
def test_a_single_file_that_was_asked_for_and_is_no_plugin_is_an_error(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(PartError, match=sentence) as caught:
        registry._load_all([], [path])
    assert str(path) in str(caught.value)


def test_a_single_file_that_fails_leaves_no_half_module_behind(tmp_path):
    path = tmp_path / "sick.py"
    path.write_text("1 / 0")
    with pytest.raises(PartError):
        registry._load_all([], [path])
    assert "rdcbench_file_sick" not in sys.modules


def test_plugins_are_loaded_once(monkeypatch):
    calls = []
    monkeypatch.setattr(registry, "entry_points", lambda group: calls.append(group) or [])
    registry.load.cache_clear()
    try:
        assert registry.load() is registry.load()
        assert calls == ["rdcbench"]
    finally:
        registry.load.cache_clear()


def test_installed_plugins_are_loaded_by_their_entry_points():
    registry.load.cache_clear()
    found = registry.load()
    assert {"rdcbench_std", "rdcbench_mnist", "rdcbench_benchmarks"} <= {*found.owners, *found.broken}
    assert found.broken == {}


def test_build_is_offered_at_the_front_door(monkeypatch, parts):
    monkeypatch.setattr(registry, "load", lambda files=(): parts)
    critic = rdcbench.build("critic", "tiny-critic", {"image_shape": (1, 4, 4), "unused": 3})
    assert isinstance(critic, tiny.NetCritic)
    assert rdcbench.build("encoder", "tiny-encoder", {"image_shape": (1, 4, 4), "dimensions": 2}, width=3)


def test_a_method_may_implement_a_hook():
    class Plugin:
        @hookimpl
        def rdcbench_metrics(self):
            return [tiny.SquaredError]

    assert [entry.name for entry in registry._entries_of(Plugin(), "me")] == ["tiny-mse"]

from __future__ import annotations

import inspect
from typing import get_args, get_type_hints

import pluggy
import pytest

from rdcbench import hookspecs, interfaces, registry

HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("rdcbench_")}
KINDS = [
    "dataset",
    "encoder",
    "quantizer",
    "entropy_model",
    "decoder",
    "critic",
    "classifier",
    "objective",
    "metric",
    "judge",
    "codec",
    "protocol",
    "recipe",
    "executor",
    "tracker",
]


def test_there_is_one_hook_for_each_kind_of_part():
    assert sorted(HOOKS) == sorted(f"rdcbench_{kind}s" for kind in KINDS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_takes_nothing_and_says_in_one_sentence_what_it_brings(name):
    assert not inspect.signature(HOOKS[name]).parameters
    documentation = inspect.getdoc(HOOKS[name])
    assert documentation.endswith(".")
    assert "\n" not in documentation


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_returns_classes_of_its_own_kind_and_recipes_folders(kind):
    names = {**vars(hookspecs), "parts": interfaces}
    hints = get_type_hints(HOOKS[f"rdcbench_{kind}s"], {**names})
    (item,) = get_args(hints["return"])
    if kind == "recipe":
        assert item.__name__ == "Path"
    else:
        assert get_args(item) == (registry._abstract(kind),)


def test_the_registry_calls_every_hook():
    called = []

    class Plugin:
        pass

    for name in HOOKS:
        setattr(Plugin, name, staticmethod(hookspecs.hookimpl(lambda name=name: called.append(name) or ())))
    list(registry._entries_of(Plugin, "spy"))
    assert sorted(called) == sorted(HOOKS)
    assert sorted(registry.KINDS) == sorted(KINDS)
    assert {registry.hook_of(kind) for kind in registry.KINDS} == set(HOOKS)


def test_specs_and_implementations_meet_in_one_project():
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    assert {name for name in HOOKS if getattr(manager.hook, name).spec is not None} == set(HOOKS)

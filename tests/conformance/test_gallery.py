"""Every known-bad part is caught, by the contract that it breaks, and good parts are not."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gallery

from rdcbench import registry
from rdcbench.conformance import check_entry, contracts, stand_ins

GOOD = [entry for entry in registry._entries_of(stand_ins, "conformance") if entry.kind != "entropy_model"]


@pytest.fixture(scope="session")
def parts():
    return registry.load()


@pytest.fixture(scope="session")
def bad_recipes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    gallery.bad_recipes(folder)
    return folder


def caught(kind, part, parts):
    entry = registry.Entry(kind, str(getattr(part, "name", part)), "gallery", part)
    with_it = registry.Registry([*parts.entries, entry], {}, [*parts.owners, "gallery"])
    return [finding for finding in check_entry(entry, with_it) if not finding.holds]


@pytest.mark.parametrize(("kind", "part", "broken"), gallery.BAD, ids=lambda value: getattr(value, "__name__", None))
def test_a_known_bad_part_is_caught_by_its_contract(kind, part, broken, parts):
    found = caught(kind, part, parts)
    assert broken <= {finding.contract.name for finding in found}
    for finding in found:
        assert finding.contract.says in str(finding)
        assert finding.contract.mend in str(finding)
        assert finding.happened.endswith(".")


@pytest.mark.parametrize(("name", "broken"), gallery.RECIPES)
def test_a_bad_folder_of_recipes_is_caught(name, broken, bad_recipes, parts):
    assert broken in {finding.contract.name for finding in caught("recipe", bad_recipes / name, parts)}


def test_there_are_two_of_every_kind():
    count = Counter(kind for kind, _, _ in gallery.BAD if kind != "recipe")
    assert {*count, "recipe"} == set(registry.KINDS)
    assert min(count.values()) >= 2


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry.kind)
def test_the_parts_without_a_fault_keep_all_contracts(entry, parts):
    assert caught(entry.kind, entry.target, parts) == []


def test_contracts_have_names_of_their_own_and_say_what_to_do():
    for kind in registry.KINDS:
        names = [contract.name for contract in contracts(kind)]
        assert len(names) == len(set(names))
        for contract in contracts(kind):
            assert contract.says.endswith(".")
            assert contract.mend.endswith(("...", ".", "]"))

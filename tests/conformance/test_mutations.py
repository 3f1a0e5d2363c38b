"""Every built-in part keeps its contract, and every mutation of it is caught."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import mutations
import recipe_mutations

from rdcbench import registry
from rdcbench.conformance import check_entry
from rdcbench.loading import read_recipe

PARTS = registry.load()
BUILT_IN = [entry for entry in PARTS.entries if entry.owner in PARTS.shipped]
MUTABLE = [entry for entry in BUILT_IN if entry.kind in mutations.METHODS]
RECIPES = [path for entry in BUILT_IN if entry.kind == "recipe" for path in sorted(entry.target.glob("*/recipe.toml"))]


def named(value):
    if isinstance(value, Path):
        return value.parent.name
    return f"{value.kind}-{value.name}" if isinstance(value, registry.Entry) else getattr(value, "__name__", None)


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A folder of images of three classes."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for label in ("cat", "dog", "owl"):
        (folder / label).mkdir()
        for number in range(30):
            Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def options(images):
    def options(entry):
        return {
            "image-folder": {"path": str(images), "size": 8},
            "universal": {"study": "rdc", "base": {"classification": 0.01}},
            "one-decoder": {"study": "rdc", "base": {"classification": 0.01}},
            "fresh-critic": {"steps": 20},
            "photographs": {"size": 96, "step": 96},
            "compressai": {"N": 4, "M": 4},
        }.get(entry.name, {})

    return options


@pytest.mark.parametrize("entry", BUILT_IN, ids=named)
def test_a_built_in_part_keeps_its_contract(entry, options):
    findings = check_entry(entry, PARTS, options(entry))
    assert [str(finding) for finding in findings if not finding.holds] == []
    assert len(findings) > 1


@pytest.mark.parametrize("mutate", mutations.MUTATIONS)
@pytest.mark.parametrize("entry", MUTABLE, ids=named)
def test_a_mutation_is_caught(entry, mutate, options):
    made = mutate(entry.target, entry.kind)
    if made is None:
        pytest.skip("there is no such fault of this kind")
    part, broken = made
    if "classes" in broken and not entry.target(**options(entry)).classes:
        pytest.skip("this data set has no labels")
    changed = registry.Entry(entry.kind, part.name, "mutation", part)
    with_it = registry.Registry([*PARTS.entries, changed], {}, [*PARTS.owners, "mutation"])
    findings = check_entry(changed, with_it, options(entry))
    if any("not here" in finding.skipped for finding in findings):
        pytest.skip("its files are not here")
    caught = {finding.contract.name for finding in findings if not finding.holds}
    assert caught
    assert broken <= caught


@pytest.mark.parametrize("entry", MUTABLE, ids=named)
def test_a_class_that_is_only_derived_is_not(entry, options):
    part = mutations.mutant(entry.target, entry.kind, "alike", lambda result, _: result)
    changed = registry.Entry(entry.kind, part.name, "mutation", part)
    with_it = registry.Registry([*PARTS.entries, changed], {}, [*PARTS.owners, "mutation"])
    assert [str(finding) for finding in check_entry(changed, with_it, options(entry)) if not finding.holds] == []


def findings_of(raw, folder):
    """What the contracts say to a folder that holds this one recipe, without its presets."""
    (folder / "changed").mkdir()
    (folder / "changed" / "recipe.toml").write_text(tomli_w.dumps({**raw, "presets": {}}))
    changed = registry.Entry("recipe", str(folder), "mutation", folder)
    return [finding for finding in check_entry(changed, PARTS) if not finding.holds]


@pytest.mark.parametrize("mutate", recipe_mutations.MUTATIONS)
@pytest.mark.parametrize("path", RECIPES, ids=named)
def test_a_mutation_of_a_recipe_is_caught(path, mutate, tmp_path):
    raw = read_recipe(path)
    if not mutate(raw):
        pytest.skip("this recipe has no place for it")
    assert [finding.contract.name for finding in findings_of(raw, tmp_path)] == ["plan"]


@pytest.mark.parametrize("path", RECIPES, ids=named)
def test_a_recipe_that_is_only_copied_is_not(path, tmp_path):
    assert findings_of(read_recipe(path), tmp_path) == []


def test_every_kind_has_mutations():
    assert {*mutations.METHODS, "recipe"} == set(registry.KINDS)

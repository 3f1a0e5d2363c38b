from __future__ import annotations

import importlib
import re
import sys

import pytest
import tiny_plugin as tiny

from rdcbench import registry, versions
from rdcbench.jobs import Plan
from rdcbench.plan import make_plan
from rdcbench.versions import file_digest


@pytest.fixture
def make(make_recipe, parts):
    """Plan the tiny recipe with tables laid over it."""

    def make(seeds=1, registry=parts, **tables):
        return make_plan(make_recipe(**tables), seeds, registry)

    return make


def codecs(plan: Plan) -> dict[str, str]:
    """Keys of the codec jobs by name."""
    return {job.name: plan.keys[job.name] for job in plan.jobs if job.stage == "codec"}


def test_a_version_names_the_code_that_defines_the_part(parts):
    assert re.fullmatch(r"1-[0-9a-f]{12}", versions.version_of("decoder", "tiny-decoder", parts))


def test_a_plan_lists_the_files_whose_code_it_depends_on(make):
    sources = make().sources
    assert sources[str(tiny.FILE)] == file_digest(str(tiny.FILE))
    assert any(path.endswith("rdcbench/train.py") for path in sources)


@pytest.mark.parametrize(("module", "which"), [("rdcbench.train", "train_keys"), ("rdcbench.evaluate", "keys")])
def test_keys_know_the_code_of_the_harness(module, which, make, monkeypatch):
    old = make()
    plain = versions._source_digest
    monkeypatch.setattr(versions, "_source_digest", lambda name: "edited" if name == module else plain(name))
    new = make()
    assert all(getattr(new, which)[name] != getattr(old, which)[name] for name in codecs(old))
    assert (new.train_keys == old.train_keys) == (which == "keys")


RELATIVE = {
    "__init__.py": "import rdcbench\nfrom .parts import Nothing\n\n"
    "@rdcbench.hookimpl\ndef rdcbench_metrics():\n    return [Nothing]\n",
    "parts.py": "import rdcbench\nfrom . import scale\n\nclass Nothing(rdcbench.Metric):\n"
    "    'A metric of nothing.'\n    name = 'nothing'\n    fields = {}\n"
    "    def update(self, decoded):\n        return {}\n",
    "scale.py": "SCALE = 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that imports its own modules relatively, and the version of its metric."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, **changes):
        (tmp_path / name).mkdir()
        for file, text in {**RELATIVE, **changes}.items():
            (tmp_path / name / file).write_text(text)
        found = registry.Registry()
        registry._add(found, importlib.import_module(name), name)
        return versions.version_of("metric", "nothing", found)

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0].startswith("relative_")]:
        del sys.modules[name]


def test_relative_imports_of_a_package_are_followed(package):
    plain = package("relative_one")
    assert package("relative_two") == plain
    assert package("relative_three", **{"scale.py": "SCALE = 2\n"}) != plain


class Borrower(tiny.SquaredError, versions.Borrowing):
    """Computes with the code of a module that its option names."""

    name = "borrower"

    def __init__(self, whose: str = "") -> None:
        self.whose = whose

    @classmethod
    def borrowed(cls, options):
        return [options["whose"]] if options.get("whose") else []


def test_borrowed_code_is_in_the_version_and_among_the_sources(make, parts):
    parts.entries.append(registry.Entry("metric", "borrower", "tiny_plugin", Borrower))
    plain, lent = ({"name": "borrower"}, {"name": "borrower", "whose": "known_bad_plugin"})
    importlib.import_module("known_bad_plugin")
    first, second = (make(metrics=[table]) for table in (plain, lent))
    job = next(iter(codecs(first)))
    assert first.job(job).metric_versions["borrower"] != second.job(job).metric_versions["borrower"]
    assert [any(path.endswith("known_bad_plugin.py") for path in plan.sources) for plan in (first, second)] == [
        False,
        True,
    ]

"""Nothing from a run, a bundle or a stream is ever unpickled or executed: in the source, and when it is tried."""

from __future__ import annotations

import ast
import io
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import finished_run

import rdcbench
from rdcbench import files
from rdcbench.bundle.receiving import import_bundle
from rdcbench.errors import RdcbenchError
from rdcbench.live import Watcher
from rdcbench.page import make_page
from rdcbench.report import current_report
from rdcbench.status import states
from rdcbench.store import Store
from rdcbench.verify import verify

ROOT = Path(rdcbench.__file__).parent.parent
SOURCES = sorted(path for folder in ("rdcbench", "plugins", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
UNPICKLE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "yaml"}
KNOWN = {"rdcbench/conformance/shared.py": ["pickle"]}
"""It unpickles what it has pickled itself in the same line: a part's class, as it goes to a worker."""
EXECUTE = {"eval", "exec", "compile", "read_pickle", "jit.load", "fromregex"}


def faults(source: str) -> list[str]:
    """What in a source could run code out of a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLE]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if str(node.module).split(".")[0] in UNPICKLE else []
        elif isinstance(node, ast.Call):
            found += _fault_of_call(node)
    return found


def _fault_of_call(call: ast.Call) -> list[str]:
    name = ast.unparse(call.func)
    named = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if name == "torch.load" and named.get("weights_only") != "True":
        return [f"{name} without weights_only=True"]
    if named.get("allow_pickle", "False") != "False":
        return [f"{name} with allow_pickle"]
    return [name] if name in EXECUTE or name.split(".", 1)[-1] in EXECUTE - {"eval", "compile"} else []


def test_no_source_unpickles_or_executes_what_it_reads():
    assert len(SOURCES) > 100
    found = {str(path.relative_to(ROOT)): faults(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: faults for path, faults in found.items() if faults} == KNOWN


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import joblib", "torch.load(path)",
        "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)", "np.load(p, allow_pickle=x)",
        "pandas.read_pickle(path)", "eval(text)", "exec(text)", "torch.jit.load(path)", "from yaml import load",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(source):
    assert faults(source)


@pytest.mark.parametrize(
    "source", ["torch.load(p, weights_only=True)", "np.load(p, allow_pickle=False)", "model.eval()", "re.compile(x)"]
)
def test_and_nothing_else(source):
    assert faults(source) == []


# ---------------------------------------------------------------------------------------------------------- tried out


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.write_text, (self.mark, "it ran")


def bombs(mark: Path) -> dict[str, bytes]:
    """The same object as pickle, as torch saves it, as an array of objects, and as a member of an archive."""
    plain, saved, array, archive = pickle.dumps(Bomb(mark)), io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save({"w": Bomb(mark)}, saved)
    np.save(array, np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    np.savez(archive, mse=np.array([Bomb(mark)], dtype=object))
    return {"pickle": plain, "torch": saved.getvalue(), "npy": array.getvalue(), "npz": archive.getvalue()}


KINDS = ("pickle", "torch", "npy", "npz")


def test_the_bombs_go_off_where_somebody_unpickles(tmp_path):
    made = bombs(mark := tmp_path / "mark")
    readers = {
        "pickle": pickle.load, "torch": lambda file: torch.load(file, weights_only=False),
        "npy": lambda file: np.load(file, allow_pickle=True), "npz": lambda file: np.load(file, allow_pickle=True)["mse"],
    }  # fmt: skip
    for kind in KINDS:
        readers[kind](io.BytesIO(made[kind]))
        assert mark.exists(), kind
        mark.unlink()


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """A finished run of tiny parts; tests copy it."""
    return finished_run(tmp_path_factory.mktemp("pickle") / "run", only=["rdc"])


@pytest.mark.parametrize("kind", KINDS)
def test_no_verb_sets_them_off(tiny_run, tmp_path, only_tiny, kind):
    """In the place of every kind of file of a run, one after the other."""
    data = bombs(mark := tmp_path / "mark")[kind]
    patterns = ("cells/*.json", "cells/*.npz", "weights/*", "streams/*", "*.json", "recipe.toml")
    store = Store(tiny_run)
    for pattern in patterns:
        kept = {path: path.read_bytes() for path in tiny_run.glob(pattern)}
        for path in kept:
            path.write_bytes(data)
        for look in (
            states, lambda store: store.rows(), verify, current_report, lambda store: make_page([store], {}),
            lambda store: Watcher(store.root).look(), lambda store: rdcbench.load(f"{store.root}/{store.plan().jobs[-1].name}"),
        ):  # fmt: skip
            with suppress(RdcbenchError):
                look(Store(tiny_run))
        for path, whole in kept.items():
            path.write_bytes(whole)
        assert not mark.exists(), pattern
    assert len(store.rows()) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_no_input_sets_them_off(tmp_path, kind):
    data = bombs(mark := tmp_path / "mark")[kind]
    for name in ("images.npy", "images-idx3-ubyte", "images.gz", "image.png", "run.rdcb"):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(RdcbenchError):
            files.read_images(path, (1, 4, 4)) if name != "run.rdcb" else import_bundle(path, tmp_path / "out")
    member = tmp_path / "wrapped.rdcb"
    with zipfile.ZipFile(member, "w") as archive:
        archive.writestr("bundle.json", data)
    with pytest.raises(RdcbenchError):
        import_bundle(member, tmp_path / "out")
    assert not mark.exists()

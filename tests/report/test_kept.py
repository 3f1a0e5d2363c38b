from __future__ import annotations

import pytest

from rdcbench.report import current_report, kept
from rdcbench.store import Store

from .fake import make_cell
from .test_write import store_of


@pytest.fixture
def drawings(monkeypatch):
    """How often a report was drawn."""
    drawn = []
    build = kept.build_report
    monkeypatch.setattr(kept, "build_report", lambda store: drawn.append(store) or build(store))
    return drawn


def test_a_report_is_drawn_once(tmp_path, drawings):
    store = store_of(tmp_path)
    first = current_report(store)
    assert current_report(Store(store.root)) == first
    assert len(drawings) == 1


def edited(name, old=b"0.05", new=b"0.06"):
    return lambda store: store.write(name, store.path(name).read_bytes().replace(old, new))


def another_number(store):
    recipe = store.recipe()
    cell = make_cell(recipe, "rdc", {"classification": 0.0}, {"mse": 0.06, "ce": 0.4})
    store.write_cell(cell.model_copy(update={"key": store.plan().keys[cell.job.name]}), {})


@pytest.mark.parametrize(
    "change",
    [
        edited("expected.toml"), edited("recipe.toml", b'title = "f"', b'title = "g"'), another_number,
        edited("leaderboard.md"), edited("figures/report.json"), edited("figures/report.json", b"fig.png", b"fug.png"),
        lambda store: store.remove("figures/fig.png"), lambda store: store.write("figures/report.json", b"[]"),
        lambda store: store.write("figures/report.json", b"nonsense"),
        lambda store: store.write("figures/report.json", b"[" * 100_000),
    ],
)  # fmt: skip
def test_it_is_drawn_again_when_anything_it_shows_has_changed(tmp_path, drawings, change):
    store = store_of(tmp_path)
    current_report(store)
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    change(store)
    after = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    current_report(Store(store.root))
    assert len(drawings) == 1 + (after != before)


def test_other_code_draws_again(tmp_path, drawings, monkeypatch):
    store = store_of(tmp_path)
    current_report(store)
    monkeypatch.setattr(kept, "version", lambda name: "0.1")
    current_report(store)
    assert len(drawings) == 2

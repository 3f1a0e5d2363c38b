"""A bundle exported in one folder and reproduced in another; what was tampered with is named."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
import tiny_plugin as tiny

from rdcbench.bundle.receiving import import_bundle
from rdcbench.bundle.reproducing import reproduce
from rdcbench.errors import DataError, StoreError
from rdcbench.store import Store


@pytest.fixture
def moved(bundle, tmp_path, only_tiny, monkeypatch):
    """The bundle alone, in another working directory."""
    (tmp_path / "other-lab").mkdir()
    monkeypatch.chdir(tmp_path / "other-lab")
    return shutil.copy(bundle, tmp_path / "other-lab" / "theirs.bundle")


def test_all_of_it_comes_back(moved, tmp_path):
    outcomes = list(reproduce(tmp_path / "other-lab" / "theirs.bundle"))
    assert len(outcomes) >= 5
    for outcome in outcomes:
        assert outcome.agrees, outcome
        assert outcome.symbols is True
        assert {"rate_bound", "rate_model", "rate_coded", "bpp", "header_bytes"} < set(outcome.checked)
        assert {"mse", "mean_distance"} < set(outcome.checked)  # by a metric and by a judge
        assert outcome.largest < 1e-3
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["other-lab", "theirs.bundle"]


@pytest.fixture
def imported(moved, tmp_path):
    import_bundle(tmp_path / "other-lab" / "theirs.bundle", tmp_path / "run")
    return tmp_path / "run"


def claim(run, field, value) -> str:
    """Change what the first row claims; gives its job."""
    key = Store(run).rows()[0].keys[0]
    path = run / f"cells/{key}.json"
    cell = json.loads(json.loads(path.read_bytes())["cell"])
    cell["values"][field]["value"] = value(cell["values"][field]["value"])
    text = json.dumps(cell)
    digest = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
    path.write_text(json.dumps({"digest": digest, "cell": text}))
    return cell["job"]["name"]


def test_a_number_that_was_embellished_is_named(imported):
    field = next(name for name in Store(imported).rows()[0].values if "mse" in name)
    job = claim(imported, field, lambda value: value - 3e-4)
    wrong = [outcome for outcome in reproduce(imported) if not outcome.agrees]
    assert [outcome.job for outcome in wrong] == [job]
    assert [(each.name, each.claimed < each.found) for each in wrong[0].differences] == [(field, True)]


def test_a_number_within_the_tolerance_agrees(imported):
    field = next(name for name in Store(imported).rows()[0].values if "mse" in name)
    claim(imported, field, lambda value: value + 0.9e-4)
    first = next(iter(reproduce(imported)))
    assert first.agrees
    assert 0.8 < first.largest < 1.0


def test_symbols_that_are_not_those_that_were_sent_are_named(imported):
    path = imported / "bundle.json"
    manifest = json.loads(path.read_bytes())
    key = Store(imported).rows()[0].keys[0]
    manifest["symbols"][key] = "0" * 32
    path.write_text(json.dumps(manifest))
    assert [outcome.symbols for outcome in reproduce(imported)].count(False) == 1


def test_a_stream_of_another_row_costs_that_row_only(imported):
    rows = Store(imported).rows()
    by_sender = {Store(imported).cell(row.keys[0]).fingerprints["sender"]: row for row in rows}
    first, other = list(by_sender.values())[:2]
    shutil.copy(imported / f"streams/{other.keys[0]}.rdc", imported / f"streams/{first.keys[0]}.rdc")
    wrong = [outcome for outcome in reproduce(imported) if not outcome.agrees]
    assert [outcome.job for outcome in wrong] == [f"{first.name}/seed0"]
    assert "was written by the sender" in wrong[0].error


def test_only_one_study(imported):
    assert {outcome.job.split("/")[0] for outcome in reproduce(imported, only=["rdc"])} == {"rdc"}
    with pytest.raises(StoreError, match="no finished row of nobody"):
        next(reproduce(imported, only=["nobody"]))


def test_other_images_are_refused(moved, tmp_path, monkeypatch):
    monkeypatch.setattr(tiny.Images, "digest", lambda self: "others")
    with pytest.raises(DataError, match="these are other images"):
        next(reproduce(tmp_path / "other-lab" / "theirs.bundle"))


def test_a_run_that_is_no_bundle_is_refused(tiny_run):
    with pytest.raises(StoreError, match=r"has no bundle\.json"):
        next(reproduce(tiny_run))

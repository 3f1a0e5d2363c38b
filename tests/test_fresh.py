"""Streams decoded by a process that never coded: honest rows pass, and what was kept beside the stream is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import known_bad_plugin as bad
import numpy as np
import pytest

from rdcbench import runner
from rdcbench.fresh import NAME, Told, judged, verify_afresh
from rdcbench.recipe import Recipe
from rdcbench.store import Store
from rdcbench.verify import Finding

FILE = Path(bad.__file__)
KEEPERS = ("keeps-in-itself", "keeps-in-module", "keeps-in-file")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run of one sound row, and of three whose codecs keep what they coded; no guard of the rows notices them."""
    folder = tmp_path_factory.mktemp("run")
    studies = {"sound": {"protocol": "end-to-end", "points": [{}]}}
    studies |= {name: {"protocol": "end-to-end", "points": [{}], "codec": {"name": name}} for name in KEEPERS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(folder))
        options = runner.Options(folder / "run", executor="serial", plugin_files=(FILE,), expected=bad.RATES)
        result = runner.run(Recipe.model_validate({**bad.SOUND, "studies": studies}), options)
    assert result.failures == {}
    assert [row.study for row in result.rows if row.value("mse") < 0.001] == list(KEEPERS)
    return result.store


def found(store: Store, plugin_files: tuple[Path, ...] = (FILE,)) -> Finding:
    return {finding.claim: finding for finding in verify_afresh([store], plugin_files)}[NAME]


def test_what_was_kept_beside_the_stream_is_found(store):
    finding = found(store)
    assert finding.verdict == "FAIL"
    assert finding.numbers.startswith("4 streams, one of each row; 40 images of each looked at; not as in the row: ")
    for name in KEEPERS:
        assert f"{name}/end-to-end/distortion=1 decodes to other images: 40 of 40" in finding.numbers
    assert "sound/" not in finding.numbers


def test_without_its_plugin_a_row_is_not_known_to_be_sound(store):
    finding = found(store, ())
    assert finding.verdict == "UNDECIDED"
    assert "cannot tell: keeps-in-itself/end-to-end/distortion=1: " in finding.numbers


def test_a_row_whose_stream_or_arrays_are_others_is_named(store, tmp_path):
    shutil.copytree(store.root, tmp_path / "run")
    changed = Store(tmp_path / "run")
    row = next(row for row in changed.rows() if row.study == "sound")
    cell, arrays = changed.cell(row.keys[0]), dict(changed.arrays(row.keys[0]))
    arrays["rate_model"] = arrays["rate_model"] + np.linspace(0, 1, len(arrays["rate_model"]))
    changed.write_cell(cell, arrays)
    other = next(row for row in changed.rows() if row.study == "keeps-in-itself")
    (changed.root / f"streams/{other.keys[0]}.rdc").write_bytes(b"RDCS\1 what is this")
    numbers = found(changed).numbers
    assert "sound/end-to-end/distortion=1 has other bits for 399 of 400 images" in numbers
    assert "keeps-in-itself/end-to-end/distortion=1 does not decode: The stream is damaged" in numbers


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ([Told("a", 40)], "PASS"),
        ([Told("a", 40), Told("b", unknown="no torch")], "UNDECIDED"),
        ([Told("a", 40, "decodes to other images: 3 of 40"), Told("b", unknown="no torch")], "FAIL"),
        ([], "UNDECIDED"),
        ("no stream was kept", "UNDECIDED"),
    ],
)
def test_verdicts(told, verdict):
    assert judged(told).verdict == verdict


def test_a_run_without_streams_starts_no_process(tmp_path, monkeypatch):
    from tests.verify.fake import good

    monkeypatch.setattr("subprocess.Popen", None)
    claims = bad.RATES.partition("\n")[2]
    assert found(good().write(tmp_path / "run", claims)).numbers == "no stream was kept"

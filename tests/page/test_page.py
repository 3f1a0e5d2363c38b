"""The page as text: whole, without addresses, and with nothing of a run's names outside its data."""

from __future__ import annotations

import html
import json
import re
import time

import pytest

from rdcbench import page
from rdcbench.errors import RdcbenchError, StoreError
from rdcbench.page import as_script, make_page
from rdcbench.store import Store

from .conftest import EVIL, make_run


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def test_the_page_holds_rows_figures_claims_and_images(tmp_path):
    store = make_run(tmp_path / "run")
    claim = {"claim": "law", "verdict": "PASS", "says": "it holds", "numbers": "1 of 1"}
    found = data_of(make_page([store], {store.root: [claim]}))
    assert len(found["rows"]) == 6
    assert found["runs"][0]["claims"] == [claim]
    assert [figure["name"] for figure in found["figures"]] == ["fig", "rate-distortion"]
    figure = found["figures"][0]
    assert [line["text"] for line in figure["lines"]] == ["27-means codebook, 4.75 bit"]
    assert figure["paper"][0]["points"] == {"ce": [[0.9, 0.047]], "accuracy_judge": []}, "only on the paper's axes"
    row = found["rows"][figure["series"][0]["rows"][1]]
    assert (row["point"], row["values"]["mse"][0]) == ("classification=0.001", 0.047)
    assert all(found["strips"][number].startswith("data:image/png;base64,") for number in row["strips"])
    assert len(found["strips"]) == 7, "six reconstructions, and one input that all share"


def test_names_are_data_whatever_they_contain(evil):
    text = make_page([evil], {})
    assert EVIL not in text
    assert html.escape(EVIL).replace("@", "&#64;") in text, "the title, as text"
    assert text.count("<script") == 3 + text.split('<script type="application/json"')[0].count("<script")
    assert data_of(text)["figures"][0]["title"] == EVIL


def test_numbers_that_json_lacks_are_null():
    assert as_script({"a": float("nan"), "b": [float("inf"), 1.0]}) == '{"a":null,"b":[null,1.0]}'


def test_the_page_of_two_runs_names_both(tmp_path):
    stores = [make_run(tmp_path / name, name) for name in ("one", "two")]
    found = data_of(make_page(stores, {}))
    assert [run["name"] for run in found["runs"]] == ["one", "two"]
    assert {row["run"] for row in found["rows"]} == {"one", "two"}
    assert len(found["figures"]) == 4


def test_a_run_without_rows_is_refused(tmp_path):
    store = make_run(tmp_path / "run")
    for path in store.path("cells").glob("*"):
        path.unlink()
    with pytest.raises(StoreError, match="no finished row yet"):
        make_page([Store(store.root)], {})


def test_without_plotly_it_says_what_to_install(evil, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(page, "files", missing)
    with pytest.raises(RdcbenchError, match="pip install 'plotly"):
        page._plotly()


def test_two_hundred_rows_stay_small(tmp_path):
    store = make_run(tmp_path / "run", studies=20, points=10)
    started = time.process_time()
    text = make_page([store], {})
    assert len(data_of(text)["rows"]) == 200
    assert len(text.encode()) < 12e6
    assert time.process_time() - started < 60, "the benchmark has the true figure; this catches only a blunder"

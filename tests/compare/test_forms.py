from __future__ import annotations

import csv
import io
import json
import math

import pytest
from verify.fake import FakeRun

from rdcbench.compare.forms import as_csv, as_json, markdown
from rdcbench.compare.lines import answers, curve_table, pair_table

from .conftest import sweep


@pytest.fixture
def comparison(compared):
    return compared(FakeRun(sweep() | sweep("other")), FakeRun(sweep(shift=0.001, rate_bound=math.inf)))


def test_answers_say_what_is_real(comparison):
    text = " ".join(answers(comparison))
    assert "4 of 20 paired differences are real: A is better in 4, B in 0; 16 are not told apart." in text
    assert "mse: A better at 4 of 4 points." in text
    assert "rate_bound: NaN, one is infinite." in text
    assert "along ce_judge: no delta, rate bounds of 4.75 bit and inf bit" in text
    assert "Without a partner in the other side: A's other/end-to-end/classification=0" in text
    assert "One training seed" in text


def test_the_front_and_deltas_are_told(compared):
    comparison = compared(FakeRun(sweep()), FakeRun(sweep(shift=0.001)))
    text = " ".join(answers(comparison))
    assert "rdc: mse at equal ce_judge, B minus A is +0.0010" in text
    assert "(real: A better); gap of B above A's envelope" in text
    assert "4 of 4 rows of A" in text
    assert "0 of 4 rows of B (none)" in text


def test_tables_mark_who_is_better(comparison):
    header, first, *_ = pair_table(comparison, ["mse", "rate_bound"])
    assert header == ["point", "rate_bound ↓", "mse ↓"]
    assert first[:2] == ["classification=0", "NaN"]
    assert first[2].startswith("+0.001")
    assert first[2].endswith(" A")
    assert curve_table(comparison)[1][2] == "NaN"


def test_csv_has_a_line_for_each_difference_and_curve(comparison):
    lines = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    pairs = [line for line in lines if line["kind"] == "pair"]
    assert len(pairs) == len(comparison.pairs.differences)
    mse = next(line for line in pairs if line["field"] == "mse")
    assert float(mse["b"]) - float(mse["a"]) == pytest.approx(float(mse["difference"]))
    refused = next(line for line in lines if line["kind"] == "bd_pchip")
    assert refused["difference"] == ""
    assert "rate bounds" in refused["reason"]


def test_json_is_strict_and_whole(comparison):
    found = json.loads(as_json(comparison), parse_constant=pytest.fail)
    assert found["curves"][0]["pchip"]["value"] is None
    assert found["front"]["rows"] == [8, 4]
    assert len(found["only_a"]) == 4
    assert found["answers"] == answers(comparison)


def test_hostile_names_stay_text_in_markdown(compared):
    name = "<img src=x>|`a`"
    text = markdown(compared(FakeRun(sweep(name)), FakeRun(sweep(name, shift=0.001))))
    assert "<img" not in text
    assert "&lt;img src=x&gt;\\|\\`a\\`" in text

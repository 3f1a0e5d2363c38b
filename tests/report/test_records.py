import csv
import io
import json

from rdcbench.report.leaderboard import make_leaderboard
from rdcbench.report.records import as_csv, as_json

from .fake import make_cell, make_recipe, rows_of, simple_rows

ROWS = {"0": {"mse": 0.0501234567, "ce": 0.3}, "0.01": {"mse": 0.04}}


def lines(rows):
    return list(csv.DictReader(io.StringIO(as_csv(make_leaderboard(rows)))))


def test_csv_has_raw_numbers_ends_of_intervals_weights_and_costs():
    best, other = lines(simple_rows(ROWS))
    assert (float(best["mse"]), best["ce"], best["ce_image_lo"]) == (0.04, "", "")
    assert float(other["mse"]) == 0.0501234567
    assert float(other["mse_image_hi"]) > 0.0501234567 > float(other["mse_image_lo"])
    assert other["mse_seed_lo"] == ""
    assert float(best["weight_classification"]) == 0.01
    assert float(best["train_seconds"]) == 12.5
    assert (best["non_dominated"], other["non_dominated"]) == ("False", "True")  # best lacks an axis


def test_csv_over_seeds():
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    (line,) = lines(rows_of([make_cell(recipe, "a", {}, {"mse": mse}, seed) for seed, mse in enumerate((0.04, 0.05))]))
    assert float(line["mse_seed_lo"]) < 0.04
    assert line["seeds"] == "2"


def test_csv_of_odd_names_reads_back():
    name = 'a,"b"\nc;é'
    recipe = make_recipe({name: {"protocol": "p", "points": [{}]}}, {})
    (line,) = lines(rows_of([make_cell(recipe, name, {}, {"mse": 0.05})]))
    assert line["study"] == name


def test_csv_without_rows_has_a_header():
    assert as_csv(make_leaderboard([])).startswith("run,name,study,protocol,point")


def test_json_is_strict_and_has_null_for_what_is_missing():
    whole = json.loads(as_json(make_leaderboard(simple_rows(ROWS))), parse_constant=lambda name: 1 / 0)
    assert whole["sorted_by"] is None
    assert whole["fields"]["ce"] == {"unit": "nat", "direction": "lower"}
    assert [row["mse"] for row in whole["rows"]] == [0.04, 0.0501234567]
    assert whole["rows"][1]["mse_seed_lo"] is None
    assert "ce" not in whole["rows"][0]

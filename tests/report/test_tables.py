import csv
import io
import json

import numpy as np
import pytest

from rdcbench.errors import RecipeError
from rdcbench.report import leaderboard, leaderboard_table
from rdcbench.report.leaderboard import make_leaderboard
from rdcbench.results import Value

from .fake import FIELDS, HALF, make_cell, make_recipe, rows_of, simple_rows


def test_formats():
    rows = simple_rows({"0": {"mse": 0.05}})
    assert leaderboard(rows).startswith("| ")
    assert leaderboard(rows, "latex").count(r"\begin{tabular}") == 2
    assert json.loads(leaderboard(rows, "json"))["by"] == "overall"
    assert next(csv.reader(io.StringIO(leaderboard(rows, "csv"))))[0] == "run"
    with pytest.raises(RecipeError, match="There is no format 'word'; there is: csv, json, latex, md"):
        leaderboard(rows, "word")


def test_terminal_table_is_compact_strings_with_marks():
    header, lines = leaderboard_table(
        make_leaderboard(simple_rows({"0": {"mse": 0.05, "ce": 0.2, "ssim": 0.5}, "0.01": {"mse": 0.06}}), "distortion")
    )
    assert header == ["rank", "", "study", "point", "borda ↑", "mse ↓", "ce ↓"]
    assert lines == [
        ["1", "●", "rdc", "classification=0", "1", "0.0500±0.0004*", "0.200±0.012"],
        ["2", "", "rdc", "classification=0.01", "0", "0.0600±0.0004", ""],
    ]


def test_several_runs_name_the_run():
    first, second = (simple_rows({"0": {"mse": mse}})[0] for mse in (0.05, 0.06))
    header, lines = leaderboard_table(make_leaderboard([first, second.model_copy(update={"run": "other"})]))
    assert header[2] == "run"
    assert [line[2] for line in lines] == ["fake", "other"]
    assert "| run |" in leaderboard([first, second.model_copy(update={"run": "other"})])


def test_several_seeds_show_their_number_and_interval():
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    rows = rows_of(
        [make_cell(recipe, "a", {}, {"mse": mse}, seed) for seed, mse in enumerate((0.0465, 0.0466, 0.0470))]
    )
    text = leaderboard(rows)
    assert "| seeds |" in text
    assert "0.0467 ± 0.0004 ± 0.0007" in text
    assert "over training seeds" in text


def test_real_against_real_is_printed():
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    rows = rows_of([make_cell(recipe, "a", {}, {"perception": 90.0}, references={"perception": 1.4})])
    assert "Real images against real ones: perception 1.4." in leaderboard(rows)


@pytest.mark.parametrize("form", ["md", "csv", "json", "latex"])
def test_5000_rows(form):
    row = simple_rows({"0": dict.fromkeys(FIELDS, 0.5)})[0]
    numbers = np.random.default_rng(0).uniform(0.01, 0.99, (5000, len(FIELDS)))
    rows = []
    for index, line in enumerate(numbers):
        values = {
            name: Value(
                value=number, image_lo=number - HALF.get(name, 0), image_hi=number + HALF.get(name, 0),
                seed_lo=number - 0.01, seed_hi=number + 0.01, seed_values=[number],
            )
            for name, number in zip(FIELDS, line.tolist(), strict=True)
        }  # fmt: skip
        rows.append(row.model_copy(update={"name": f"rdc/end-to-end/{index}", "values": values}))
    text = leaderboard(rows, form)
    assert len(text) > 5000 * 100

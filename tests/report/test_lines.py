from rdcbench.report.columns import Column
from rdcbench.report.leaderboard import make_leaderboard
from rdcbench.report.lines import cell, identity, labels, legend, title

from .fake import make_cell, make_recipe, rows_of, simple_rows


def test_cells_of_a_row():
    (row,) = simple_rows({"0.01": {"mse": 0.05}})
    assert cell(row, "mse") == "0.0500 ± 0.0004"
    assert cell(row, "psnr") == ""
    assert identity(row, ["name", "study", "seeds"]) == ["rdc/end-to-end/classification=0.01", "rdc", "1"]


def test_runs_and_seeds_are_columns_only_where_there_are_several():
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    cells = [make_cell(recipe, "a", {}, {"mse": 0.05 + seed / 100}, seed) for seed in range(2)]
    one, two = rows_of(cells[:1]), rows_of(cells, "other")
    assert labels(make_leaderboard(one)) == ["name", "study", "point"]
    assert labels(make_leaderboard([*one, *two])) == ["run", "name", "study", "point", "seeds"]


def test_titles_have_unit_and_direction():
    assert title(Column("psnr", "dB", "higher")) == "psnr [dB] ↑"
    assert title(Column("sharpness", "", "none")) == "sharpness"


def test_legend_names_the_axes_and_seeds_only_if_there_are_some():
    sentences = " ".join(legend(make_leaderboard(simple_rows({"0": {"mse": 0.05, "ce": 1.0}}))))
    assert "Sorted by mse" in sentences
    assert "all of mse and ce, and better in one" in sentences
    assert "seeds" not in sentences
    assert "Real images" not in sentences

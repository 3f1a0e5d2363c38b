from rdcbench.report.columns import Column
from rdcbench.report.leaderboard import make_leaderboard
from rdcbench.report.lines import (
    cell,
    cost,
    identity,
    interval,
    labels,
    legend,
    method_legend,
    method_table,
    place,
    title,
)
from rdcbench.stats import Interval

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


def test_costs_ranks_and_intervals_are_short():
    assert [cost(number) for number in (float("nan"), 12.34, 246467.0, 1.35e6, 2e9)] == [
        "",
        "12.3",
        "246 k",
        "1.35 M",
        "2 G",
    ]
    assert (place(None), place(3)) == ("", "3")
    assert interval(Interval(0.5, 0.4, 0.6)) == "0.50 ± 0.10"
    assert interval(Interval(float("nan"))) == ""


def test_methods_are_a_table_of_strings_with_a_legend():
    board = make_leaderboard(
        simple_rows({"0": {"mse": 0.05, "rate_coded": 4.0}, "0.01": {"mse": 0.06, "rate_coded": 3.0}})
    )
    header, line = method_table(board)
    assert header == ["rank", "study", "protocol", "points", "hypervolume ↑", "train s"]
    assert line[:4] == ["1", "rdc", "end-to-end", "2"]
    assert line[-1] == "25"
    assert "reference point" in method_legend(board)[0]
    assert method_legend(make_leaderboard([])) == ["Methods have no rank: no row has all axes of a hypervolume."]


def test_titles_have_unit_and_direction():
    assert title(Column("psnr", "dB", "higher")) == "psnr [dB] ↑"
    assert title(Column("sharpness", "", "none")) == "sharpness"


def test_legend_names_the_axes_and_seeds_only_if_there_are_some():
    sentences = " ".join(legend(make_leaderboard(simple_rows({"0": {"mse": 0.05, "ce": 1.0}}))))
    assert "sorted by Borda count" in sentences
    assert "all of mse and ce, and better in one" in sentences
    assert "seeds" not in sentences
    assert "Real images" not in sentences

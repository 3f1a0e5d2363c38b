import pytest

from rdcbench.errors import RecipeError
from rdcbench.report.leaderboard import make_leaderboard

from .fake import make_cell, make_recipe, rows_of, simple_rows

ROWS = {
    "0.001": {"mse": 0.05, "rate_coded": 4.0, "perception": 30.0, "accuracy_judge": 0.90, "accuracy": 0.95},
    "0.002": {"mse": 0.04, "rate_coded": 5.0, "perception": 20.0, "accuracy_judge": 0.80, "accuracy": 0.99},
    "0.003": {"mse": 0.06, "rate_coded": 3.0, "perception": 90.0, "accuracy_judge": 0.70, "accuracy": 0.97},
    "0.004": {"mse": 0.07, "rate_coded": 5.0, "perception": 95.0, "accuracy_judge": 0.60, "accuracy": 0.50},
    "0.005": {"mse": 0.08},
}


def order(by, rows=ROWS):
    return [row.tradeoff["classification"] for row in make_leaderboard(simple_rows(rows), by).rows]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("distortion", [0.002, 0.001, 0.003, 0.004, 0.005]),
        ("rate", [0.003, 0.001, 0.002, 0.004, 0.005]),
        ("perception", [0.002, 0.001, 0.003, 0.004, 0.005]),
        ("classification", [0.001, 0.002, 0.003, 0.004, 0.005]),
    ],
)
def test_best_first_ties_by_distortion_and_missing_last(by, expected):
    assert order(by) == expected


def test_order_does_not_depend_on_the_order_given():
    assert order("perception", dict(reversed(ROWS.items()))) == order("perception")


def test_unknown_order():
    with pytest.raises(RecipeError, match="There is no order"):
        make_leaderboard(simple_rows(ROWS), "beauty")


def test_overall_order_is_by_borda_count_and_near_rows_share_a_rank():
    board = make_leaderboard(simple_rows(ROWS))
    assert board.rows[0].tradeoff["classification"] == 0.001
    assert [count.value for count in board.borda[:4]] == sorted((c.value for c in board.borda[:4]), reverse=True)
    near = {"0.001": {"mse": 0.0500}, "0.002": {"mse": 0.0501}, "0.003": {"mse": 0.06}}
    assert make_leaderboard(simple_rows(near), "distortion").ranks == (1, 1, 3)


def test_a_row_without_a_field_has_no_rank_in_it():
    board = make_leaderboard(simple_rows(ROWS), "perception")
    assert board.ranks[-1] is None
    assert board.ranks[0] == 1


def test_methods_are_ranked_by_hypervolume_within_an_own_or_a_given_corner():
    better, worse = ({"0.001": {"mse": mse, "rate_coded": 4.0}} for mse in (0.04, 0.06))
    rows = [*simple_rows(worse, "worse"), *simple_rows(better, "better")]
    board = make_leaderboard(rows, "distortion")
    assert [(method.study, method.rank) for method in board.methods] == [("better", 1), ("worse", 2)]
    assert make_leaderboard(rows, "distortion", {"mse": 0.1}).box.reference[1] == 0.1
    with pytest.raises(RecipeError, match="ssim"):
        make_leaderboard(rows, "distortion", {"ssim": 0.1})


def test_front_marks_what_no_other_row_beats_and_skips_rows_that_lack_an_axis():
    board = make_leaderboard(simple_rows(ROWS))
    marked = {row.tradeoff["classification"]: front for row, front in zip(board.rows, board.front, strict=True)}
    assert marked == {0.001: True, 0.002: True, 0.003: True, 0.004: False, 0.005: False}
    assert board.axes == ("mse", "rate_coded", "perception", "accuracy_judge")


def test_equal_rows_are_all_on_the_front():
    board = make_leaderboard(simple_rows({"0.001": ROWS["0.001"], "0.002": ROWS["0.001"], "0.004": ROWS["0.004"]}))
    assert board.front == (True, True, False)


def test_best_follows_the_direction_of_the_field():
    board = make_leaderboard(simple_rows(ROWS))
    assert board.best["mse"] == 0.04
    assert board.best["accuracy"] == 0.99
    assert [board.is_best(row, "accuracy") for row in board.rows].count(True) == 1


def test_no_best_where_rows_do_not_differ_or_do_not_compare():
    rows = {
        "0": {"rate_bound": 3.0, "perception_own": 1.0, "x": 1.0},
        "1": {"rate_bound": 3.0, "perception_own": 2.0, "x": 2.0},
    }
    assert make_leaderboard(simple_rows(rows)).best == {}


def test_nothing_measured_at_all():
    board = make_leaderboard([])
    assert board.rows == ()
    assert board.order is None
    recipe = make_recipe({"a": {"protocol": "p", "points": [{}]}}, {})
    board = make_leaderboard(rows_of([make_cell(recipe, "a", {}, {})]))
    assert board.front == (False,)

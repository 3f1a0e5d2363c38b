import math

from rdcbench.recipe import Figure
from rdcbench.report.selection import model_rates, rate_bound, rates_text, select, several_rates, weights_text

from .fake import STUDY, make_cell, make_recipe, rows_of

UNIVERSAL = {"protocol": "universal", "sweep": {"classification": [0.0, 0.005]}, "title": "one encoder"}


def setting(points=(), **more):
    recipe = make_recipe({"rdc": STUDY, "uni": UNIVERSAL, **more}, {})
    return recipe, Figure(title="t", studies=list(recipe.studies), points=list(points))


def cells(recipe, study, weights, **values):
    return [make_cell(recipe, study, {"classification": weight}, {"mse": 0.05, **values}) for weight in weights]


def test_rows_come_in_the_order_of_the_sweep():
    recipe, wanted = setting()
    rows = rows_of(cells(recipe, "rdc", [0.015, 0.0, 0.005]) + cells(recipe, "uni", [0.005, 0.0]))
    first, second = select(recipe, wanted, rows).series
    assert [row.tradeoff["classification"] for row in first.rows] == [0.0, 0.005, 0.015]
    assert (first.title, second.title) == ("rdc", "one encoder")
    assert (first.end_to_end, second.end_to_end) == (True, False)
    assert select(recipe, wanted, rows).missing == ()


def test_what_is_missing_is_named():
    recipe, wanted = setting()
    (note,) = select(recipe, wanted, rows_of(cells(recipe, "rdc", [0.0, 0.015]))).missing
    assert note == "Missing: rdc ($\\lambda_c$\u00a0=\u00a00.005); uni (all points)."


def test_chosen_points_only():
    recipe, wanted = setting(points=["classification=0", "classification=7"])
    found = select(recipe, wanted, rows_of(cells(recipe, "rdc", [0.0, 0.015])))
    assert [row.point for row in found.series[0].rows] == ["classification=0"]
    assert found.missing == ("Missing: uni (all points); classification=7 (in none of the studies).",)


def test_a_protocol_with_points_of_its_own_is_not_called_incomplete():
    recipe, wanted = setting()
    rows = rows_of(cells(recipe, "rdc", [0.3, 0.4]) + cells(recipe, "uni", [0.0, 0.005]))
    assert select(recipe, wanted, rows).missing == ()


def test_studies_of_one_title_make_one_curve_unless_their_rate_or_weights_differ():
    same, four = {**STUDY, "title": "rdc", "sweep": {"classification": [0.03]}}, {**STUDY, "title": "rdc"}
    recipe, wanted = setting(more=same, four={**four, "dimensions": 4, "levels": 4})
    rows = rows_of(cells(recipe, "rdc", [0.0, 0.015]) + cells(recipe, "more", [0.03]) + cells(recipe, "four", [0.0]))
    first, second = select(recipe, wanted, rows).series
    assert first.studies == ("rdc", "more")
    assert [row.tradeoff["classification"] for row in first.rows] == [0.0, 0.015, 0.03]
    assert second.studies == ("four",)


def test_along_an_axis_of_rates_studies_of_one_title_make_one_curve_in_the_order_of_their_rate():
    small, large = ({**STUDY, "title": "rdc", "dimensions": n, "sweep": {"classification": [0.0]}} for n in (2, 5))
    recipe, _ = setting(large=large, small=small)
    wanted = Figure(title="t", studies=["large", "small", "uni"], x=["rate_coded"])
    rows = rows_of(
        cells(recipe, "large", [0.0], rate_coded=7.9)
        + cells(recipe, "small", [0.0], rate_coded=3.1)
        + cells(recipe, "uni", [0.0, 0.005], rate_coded=4.6)
    )
    curve, other = select(recipe, wanted, rows).series
    assert (curve.studies, [row.study for row in curve.rows]) == (("large", "small"), ["small", "large"])
    assert not several_rates([curve, other]), "colours tell curves apart, not rates"
    assert rates_text([curve, other]) == ""


def test_rates():
    recipe, wanted = setting(four={**STUDY, "dimensions": 4, "levels": 4})
    rows = rows_of(cells(recipe, "rdc", [0.0, 0.005], rate_model=4.4) + cells(recipe, "uni", [0.0], rate_model=4.5))
    series = select(recipe, wanted, rows).series
    assert not several_rates(series)
    assert rates_text(series) == "Rate bound 4.75 bit/image; model rates rdc\u00a04.40, uni\u00a04.50."
    more = select(recipe, wanted, [*rows, *rows_of(cells(recipe, "four", [0.0], rate_bound=8.0))]).series
    assert several_rates(more)
    assert rates_text(more) == ""
    assert model_rates(more[2].rows) == ""


def test_a_whole_codec_without_a_bound_has_none_and_differs_from_no_rate():
    recipe, wanted = setting()
    bound = rows_of(cells(recipe, "rdc", [0.0], rate_bound=4.75, rate_model=4.4))
    free = rows_of(cells(recipe, "uni", [0.0], rate_bound=math.inf, rate_model=4.6))
    assert rate_bound(free[0]) == math.inf
    series = select(recipe, wanted, bound + free).series
    assert not several_rates(series)
    assert rates_text(series) == "Rate bound 4.75 bit/image, none of uni; model rates rdc\u00a04.40, uni\u00a04.60."
    assert rates_text(select(recipe, wanted, free).series) == "No rate bound; model rates uni\u00a04.60."


def test_weights_in_symbols():
    assert (
        weights_text({"classification": 0.015, "perception": 0.0})
        == "$\\lambda_c$\u00a0=\u00a00.015, $\\lambda_p$\u00a0=\u00a00"
    )
    assert weights_text({"my$term": 1.0}) == "my\\$term\u00a0=\u00a01"
    assert weights_text({}) == "no weight"

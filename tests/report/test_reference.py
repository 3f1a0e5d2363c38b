import math
from pathlib import Path

import pytest

import rdcbench.oracles as oracles
from rdcbench.errors import RecipeError
from rdcbench.report.reference import PAPER_AXES, PaperSeries, paper_points, read_expected

SHIPPED = Path(__file__).parents[2] / "benchmarks" / "mnist-universal" / "expected.toml"


def written(tmp_path, text):
    path = tmp_path / "expected.toml"
    path.write_text(text, encoding="utf-8")
    return path


def curves(figure, x):
    return [paper_points(series, x, "mse") for series in read_expected(SHIPPED).points[figure].series]


def test_figure_4a_as_printed():
    assert curves("fig4a", "ce") == [
        [(0.97, 0.04685), (0.76, 0.04697), (0.566, 0.04739), (0.417, 0.04770), (0.34, 0.04831), (0.277, 0.04904),
         (0.271, 0.04987)]
    ]  # fmt: skip


def test_figure_4b_as_printed():
    three, middle, six = curves("fig4b", "ce")
    assert three == [(1.36, 0.0530), (1.145, 0.0534), (0.795, 0.0538), (0.72, 0.0541), (0.63, 0.0546), (0.62, 0.0547)]
    assert six == [(0.87, 0.0430), (0.60, 0.0434), (0.355, 0.0437), (0.26, 0.0439), (0.215, 0.0440), (0.255, 0.0442)]
    assert [middle] == curves("fig4a", "ce")
    assert [series.bits for series in read_expected(SHIPPED).points["fig4b"].series] == [3.0, 4.75, 6.0]


def test_figure_5_as_printed():
    end_to_end, universal = curves("fig5", "perception_own")
    assert end_to_end == [
        (5.92, 0.0464), (5.10, 0.0477), (3.77, 0.0538), (3.15, 0.0569), (2.23, 0.0651), (1.54, 0.0693), (1.22, 0.0740)
    ]  # fmt: skip
    assert universal == [
        (5.84, 0.0475), (4.85, 0.0490), (3.67, 0.0551), (2.98, 0.0588), (1.95, 0.0661), (1.57, 0.0703), (1.11, 0.0755)
    ]  # fmt: skip


def test_figure_6_has_the_gap_of_the_paper():
    from rdcbench.stats import TradeoffRows, universality_gap

    (ce, mse), (universal_ce, universal_mse) = (zip(*curve, strict=True) for curve in curves("fig6", "ce"))
    gap = universality_gap(
        TradeoffRows(universal_ce, universal_mse), TradeoffRows(ce, mse), at=[1.43, 0.77, 0.39, 0.265], rule="rows"
    ).gap
    assert gap == pytest.approx([0.0051, 0.0036, 0.0025, -0.0002], abs=6e-5)


def test_all_points_are_marked_as_read_off_and_name_studies_of_the_recipe():
    from rdcbench.loading import read_toml

    recipe = read_toml(SHIPPED.with_name("recipe.toml"))
    expected = read_expected(SHIPPED)
    assert expected.remark == "paper (other critic and classifier)"
    assert set(expected.points) == {"fig4a", "fig4b", "fig5", "fig6"}
    for figure in expected.points.values():
        assert figure.read_off
        assert {series.study for series in figure.series} <= set(recipe["studies"])


def test_claims_have_tolerances_reasons_and_known_studies():
    from rdcbench.loading import read_toml

    recipe = read_toml(SHIPPED.with_name("recipe.toml"))
    studies = {*recipe["studies"], *recipe["presets"]["convergence"]["studies"], "codebook-dial"}
    claims = read_expected(SHIPPED).claims
    extra = {name: claim.model_extra for name, claim in claims.items()}
    assert extra["universal-rdp-is-close"]["at_most"] == 0.0015
    assert extra["distortion-without-constraint"]["at_most"] == {"mse": 0.047}
    assert extra["accuracy-at-strong-constraint"]["at_least"] == {"accuracy": 0.94}
    assert extra["accuracy-at-strong-constraint"]["at_most"] == {"mse": 0.053}
    assert extra["distortion-falls-with-rate"]["studies"] == ["rdc-2x3", "rdc", "rdc-4x4"]
    assert extra["bits-are-real"]["relative"] == 0.02
    keys = ("study", "studies", "universal", "end_to_end", "base_study", "twice")
    named = [found[key] for found in extra.values() for key in keys if key in found]
    assert {name for names in named for name in ([names] if isinstance(names, str) else names)} <= studies
    assert all(len(claim.says) > 20 and len(claim.reason) > 20 for claim in claims.values())


def test_leak_claim_is_the_oracle():
    leak = read_expected(SHIPPED).claims["no-leak"].model_extra
    assert leak["rate"] == pytest.approx(math.log2(27))
    assert leak["at_least_by_bound"] == oracles.LEAK_ALARM_BOUND
    assert leak["at_least_by_model"] == oracles.LEAK_ALARM_MODEL


def test_points_only_on_the_papers_own_axes():
    series = PaperSeries(points=[{"mse": 0.05, "ce": 1.0, "accuracy": 0.9, "perception": 3.0}, {"mse": 0.06}])
    assert {"mse", "ce", "perception_own"} == PAPER_AXES
    assert paper_points(series, "ce", "mse") == [(1.0, 0.05)]
    for field in ("accuracy", "perception", "ce_judge", "rate_model"):
        assert paper_points(series, field, "mse") == []


def test_no_file_is_no_expectation(tmp_path):
    assert read_expected(tmp_path / "expected.toml") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("points = 3", "points = 3"),
        ("[points.a]\nseries = []", "points.a.series"),
        ("[claims.a]\nkind = 'bound'\nsays = ''\nreason = 3", "claims.a.reason = 3"),
        ("colour = 1", "colour"),
        ("= 1", "is not TOML"),
        ("schema_version = 2", "schema_version = 2"),
    ],
)
def test_a_bad_file_is_one_sentence_with_the_key(tmp_path, text, says):
    with pytest.raises(RecipeError) as error:
        read_expected(written(tmp_path, text))
    assert says in str(error.value)
    assert "expected.toml" in str(error.value)

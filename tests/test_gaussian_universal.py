"""The benchmark about which theory knows everything: its claims, and a small copy of it run for real."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rdcbench import oracles, runner, train
from rdcbench.benchmarks import find_recipe
from rdcbench.loading import load_recipe
from rdcbench.recipe import Recipe
from rdcbench.results import Row
from rdcbench.verify import verify
from rdcbench.verify.kinds import make_claim
from rdcbench_gaussian.source import SIGMA

FOLDER = find_recipe("gaussian-universal").parent
EXPECTED = FOLDER / "expected.toml"
CLAIMS = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))["claims"]
STUDIES = ("channel-quarter", "channel-quarter-universal", "dithered-coarse", "dithered-coarse-universal")
COMPONENTS = 64


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """Some studies, with a quarter of the components: an eighth of the time, and twice the noise."""
    raw = load_recipe(FOLDER / "recipe.toml").model_dump(exclude_none=True)
    raw["dataset"] = {"name": "gaussian", "components": COMPONENTS, "images": 4000}
    raw["studies"] = {name: {**raw["studies"][name], "dimensions": COMPONENTS} for name in STUDIES}
    return Recipe.model_validate({**raw, "figures": {}})


@pytest.fixture(scope="module")
def result(recipe, tmp_path_factory) -> runner.Result:
    text = EXPECTED.read_text(encoding="utf-8").replace("unit = 256.0", f"unit = {COMPONENTS}.0")
    options = runner.Options(tmp_path_factory.mktemp("gaussian") / "run", executor="serial", expected=text)
    return runner.run(recipe, options)


def of(result: runner.Result, name: str) -> list[Row]:
    return [row for row in result.rows if row.study.startswith(name)]


def test_the_claims_are_laws_of_studies_that_exist():
    studies = load_recipe(FOLDER / "recipe.toml").studies
    for name, table in CLAIMS.items():
        claim = make_claim(name, table, EXPECTED)
        if claim.kind == "law":
            sides = (*claim.gap.universal, *claim.gap.end_to_end) if claim.gap else claim.studies
            assert set(sides) <= set(studies)
            assert claim.unit in (256.0, pytest.approx(SIGMA**2))
            assert max(claim.relative, claim.absolute) <= 0.01
    assert {table["kind"] for table in CLAIMS.values()} == {"law", "rates", "frozen"}


def test_every_study_is_held_to_a_law():
    named = str([table.get("studies", table.get("gap")) for table in CLAIMS.values()])
    assert [name for name in load_recipe(FOLDER / "recipe.toml").studies if f"'{name}'" not in named] == []


def test_every_row_is_an_ordinary_row(result):
    assert result.failures == {}
    assert len(result.rows) == 12
    for row in result.rows:
        assert {"rate_bound", "rate_model", "rate_coded", "mse", "w2_squared"} <= set(row.values)
        assert row.parts["decoder"] == "gaussian-linear"


def test_the_channel_is_on_the_closed_form(result):
    for row in of(result, "channel"):
        budget = row.tradeoff["budget"]
        assert row.value("mse") / SIGMA**2 == pytest.approx(oracles.gaussian_distortion(0.25, budget), rel=0.02)
        assert row.value("w2_squared") / SIGMA**2 == pytest.approx(
            oracles.gaussian_perception(0.25, budget), rel=0.03, abs=5e-4
        )


def test_the_dithered_codec_costs_its_conditional_entropy(result):
    for row in of(result, "dithered"):
        assert row.value("rate_coded") / COMPONENTS == pytest.approx(oracles.gaussian_dithered_rate(12**0.5), rel=0.01)
        if row.tradeoff["budget"] == 1:
            expected = oracles.post_scaled_distortion(1.0, 12**0.5)
            assert row.value("mse") / SIGMA**2 == pytest.approx(expected, rel=0.02)


def test_operating_points_end_to_end_have_streams_of_their_own_and_universal_ones_share_one(result):
    streams = {row.name: (result.store.root / "streams" / f"{row.keys[0]}.rdc").read_bytes() for row in result.rows}
    for study in ("channel-quarter", "dithered-coarse"):
        own = {data for name, data in streams.items() if name.startswith(f"{study}/")}
        shared = {data for name, data in streams.items() if name.startswith(f"{study}-universal/")}
        assert (len(own), len(shared)) == (3, 1)
        assert shared < own


def test_no_claim_about_what_was_run_fails(result):
    findings = {finding.claim: finding for finding in verify(result.store)}
    about = [name for name in findings if "half" not in name and "one" not in name and "tenth" not in name]
    assert [findings[name] for name in about if findings[name].verdict == "FAIL"] == []
    assert findings["dithered-coarse-rate"].verdict == findings["encoder-is-frozen"].verdict == "PASS"


def test_the_same_command_again_repeats_nothing_and_no_part_is_trained_by_gradient(result, recipe, monkeypatch):
    monkeypatch.setattr(train, "fit", lambda task: pytest.fail("trained"))
    again = runner.run(recipe, runner.Options(Path(result.store.root), executor="serial"))
    assert (again.performed, len(again.rows)) == (0, 12)

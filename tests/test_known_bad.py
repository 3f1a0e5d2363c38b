"""Known-bad codecs, metrics and judges on real digits: each is caught by a check of the harness, and named."""

from __future__ import annotations

from pathlib import Path

import known_bad_plugin as bad
import pytest
import torch

import rdcbench
from rdcbench import guards, runner
from rdcbench.cli.results import leaderboard
from rdcbench.errors import RecipeError, StoreError
from rdcbench.recipe import Recipe
from rdcbench.records import Decoded

FILE = Path(bad.__file__)
UNIVERSAL = {
    **bad.SOUND["studies"],
    "universal": {"protocol": {"name": "universal", "study": "rd", "base": {}}, "points": [{"distortion": 2.0}]},
}
ROW = "rd/end-to-end/distortion=1/seed0"


@pytest.fixture
def run(tmp_path):
    """Run the sound recipe with some of its tables replaced."""

    def run(folder="run", expected="", **tables):
        options = runner.Options(tmp_path / folder, executor="serial", plugin_files=(FILE,), expected=expected)
        return runner.run(Recipe.model_validate({**bad.SOUND, **tables}), options)

    return run


@pytest.fixture
def refused(run):
    """Run it, and give the sentence with which its one row was refused."""

    def refused(name=ROW, **tables):
        result = run(**tables)
        assert name in result.failures, f"not caught: {[dict(row.values) for row in result.rows]}"
        assert name.rsplit("/", 1)[0] not in {row.name for row in result.rows}
        return result.failures[name]

    return refused


def verdict(store, claim: str = "bits-are-real") -> str:
    from rdcbench.verify import verify

    return {finding.claim: finding.verdict for finding in verify(store)}[claim]


def test_the_sound_codec_is_not_refused(run):
    result = run(
        studies=UNIVERSAL,
        classifier={"name": "judges-own"},
        judges=[{"name": "fresh-critic", "steps": 5}, {"name": "sliced-w2"}, {"name": "memorisation"}],
        expected=bad.RATES,
    )
    assert result.failures == {}
    assert verdict(result.store) == "PASS"


# ------------------------------------------------------------------------------------------ an encoder left in train mode


def test_an_encoder_left_in_train_mode(refused):
    said = refused(encoder={"name": "train-mode"})
    assert said.startswith("The codec's part 'encoder' (TrainMode) is in training mode on the test split")


def test_a_frozen_encoder_left_in_train_mode(refused):
    name = "universal/universal/distortion=2/seed0"
    assert "frozen parts changed in training" in refused(name, encoder={"name": "train-mode"}, studies=UNIVERSAL)


def test_an_encoder_that_uses_batch_statistics_without_saying_so(refused):
    said = refused(encoder={"name": "batch-statistics"})
    assert "the result for an image depends on its neighbours, as batch statistics of the test split would" in said


# ------------------------------------------------------------------------------------------- a quantiser with L+1 symbols


def test_a_quantiser_with_one_symbol_more(refused):
    studies = {"rd": {"protocol": "end-to-end", "points": [{}], "levels": 4}}
    assert refused(quantizer={"name": "one-symbol-more"}, studies=studies).startswith(
        "The quantizer 'one-symbol-more' gave the symbol 4 where its alphabet has 4 symbols, counted from 0: more is sent than"
    )


# ------------------------------------------------------------------------------------------------ an unquantised side path


def test_an_unquantised_side_path(refused):
    assert "something passes from sender to receiver beside the stream, such as an unquantised latent" in refused(
        quantizer={"name": "side-path"}
    )


# -------------------------------------------------------------------------------- an entropy model that ignores the dither


def test_an_entropy_model_that_ignores_the_dither(refused):
    assert refused(entropy_model={"name": "blind"}).startswith("The entropy model 'blind' ignores the dither")


def test_an_entropy_above_what_was_sent(refused):
    said = refused(entropy_model={"name": "undithered", "entropy": 4.75})
    assert "bits are not those of the tables that code, as when an entropy ignores the dither" in said


def test_an_entropy_below_what_was_sent(run):
    result = run(entropy_model={"name": "undithered", "entropy": 1.5}, expected=bad.RATES)
    assert verdict(result.store) == "FAIL"


def test_an_entropy_below_what_was_sent_that_calls_the_rest_a_flush(run):
    result = run(entropy_model={"name": "undithered", "entropy": 1.5, "flush": 1000}, expected=bad.RATES)
    assert verdict(result.store) == "FAIL"


def test_bits_in_the_header(run):
    result = run(codec={"name": "in-lengths"}, expected=bad.RATES)
    row = result.rows[0]
    assert row.value("rate_coded") == row.value("rate_model") == row.value("rate_bound") == 8.0
    assert verdict(result.store) == "FAIL"


# ---------------------------------------------------------------------------------- a metric computed before the bitstream


def test_a_metric_computed_before_the_bitstream(refused):
    said = refused(encoder={"name": "eager"}, metrics=[{"name": "before-the-bits"}])
    assert said.startswith("metric:before-the-bits gives mse of the first 8 images otherwise")
    assert "such as what a codec had before the bitstream" in said


def test_a_reconstruction_made_before_the_bitstream(refused):
    assert "or a reconstruction made before the bytes" in refused(codec={"name": "remembered"})


# ------------------------------------------------------------------------------- a decoder that memorises the test split


def test_a_decoder_that_memorises_the_test_split_by_index(refused):
    said = refused(decoder={"name": "by-name", "blend": 0.3})
    assert "the receiver knows the images of the test split by their index" in said


@pytest.mark.parametrize("decoder", ["by-name", "by-content"])
def test_a_decoder_that_returns_test_images(refused, decoder):
    said = refused(decoder={"name": decoder})
    assert said.startswith("400 of 400 decoded images are test images pixel by pixel, at ")
    assert "the receiver keeps the test split" in said


# ------------------------------------------------------------------------------ a critic budget that differs between rows


def test_a_critic_that_goes_on_learning_from_row_to_row(refused):
    said = refused(judges=[{"name": "tireless"}])
    assert said.startswith("judge:tireless changed while it measured")
    assert "another budget for every row" in said


def two_rows() -> tuple[list[Decoded], rdcbench.Split]:
    """One row that is nearly right, and one that is far off."""
    train = rdcbench.build("dataset", "digits8x8").load(Path(), "train")
    batch = train.batch(torch.arange(100))
    worse = (0.9 * batch.x, torch.zeros_like(batch.x))
    return [Decoded(batch.x, x_hat, batch.labels, torch.zeros(100)) for x_hat in worse], train


@pytest.mark.parametrize(("judge", "fair"), [(bad.Patient, False), (bad.FreshCritic, True)])
def test_a_critic_that_learns_until_it_is_content(judge, fair):
    rows, train = two_rows()
    critic = judge((1, 8, 8))
    critic.steps = 10
    critic.fit(train, rdcbench.generator("critic"))
    if fair:
        guards.check_budget(critic, rows, lambda images: rows[0])
    else:
        with pytest.raises(guards.GuardError, match="The judge 'patient' has another budget for every row: "):
            guards.check_budget(critic, rows, lambda images: rows[0])


def test_critics_of_two_runs_with_other_budgets(run):
    budgets = (5, 6)
    runs = [run(f"steps{steps}", judges=[{"name": "fresh-critic", "steps": steps}]).store.root for steps in budgets]
    with pytest.raises(StoreError, match=r"The judge 'fresh-critic' has another budget .*\(steps = 5\).*\(steps = 6\)"):
        leaderboard(runs)


# ----------------------------------------------------------------------------------------- a judge that leaked into training


def test_a_judge_that_leaked_into_training(refused):
    said = refused(classifier={"name": "judges-own"}, judges=[{"name": "leaked"}])
    assert said.startswith(
        "judge:leaked leaked into training: its weights 'own.layers.1.weight' are those of the class"
    )


def test_a_judge_that_asks_for_the_codecs_classifier(run):
    with pytest.raises(RecipeError, match="The judge 'partial' asks for the classifier that codecs are trained with"):
        run(classifier={"name": "judges-own"}, judges=[{"name": "partial"}])

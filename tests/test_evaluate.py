from __future__ import annotations

import math

import numpy as np
import pytest
import tiny_plugin as tiny
import torch

import rdcbench
from rdcbench import evaluate as evaluation
from rdcbench.bitstream import unpack
from rdcbench.codec import parameter_count, state_bytes
from rdcbench.errors import RdcbenchError, StreamError
from rdcbench.evaluate import decode_directly, evaluate
from rdcbench.records import Context, Field
from rdcbench.rng import generator

TEST = tiny.Images().load(None, "test")


@pytest.fixture
def run(codec, tmp_path, train_split):
    """Evaluate the tiny codec."""

    def run(metrics=(), judges=None, write=(tmp_path / "s.rdc").write_bytes, codec=codec):
        path = tmp_path / "s.rdc"
        return evaluate(codec, TEST, lambda: train_split, metrics, judges or {}, path, write, {"rate": 1.0})

    return run


def test_rates_have_three_names(run, codec, tmp_path):
    values = {name: value.value for name, value in run().values.items()}
    stream = unpack((tmp_path / "s.rdc").read_bytes())
    packet = codec.compress(TEST.batch(torch.arange(48)).x, Context(codec.seed, "test", torch.arange(48)))
    assert values["rate_bound"] == pytest.approx(3 * math.log2(3))
    assert values["rate_model"] == pytest.approx(float(packet.bits.mean()))
    assert values["rate_coded"] == 8 * len(packet.payloads[0]) / 48
    assert values["bpp"] == pytest.approx(values["rate_coded"] / 16)
    assert values["header_bytes"] == (tmp_path / "s.rdc").stat().st_size - len(packet.payloads[0])
    assert values["flush_bytes"] == codec.entropy_model.flush_bytes
    assert stream.payloads == packet.payloads


def test_metrics_see_what_was_decoded_from_the_file(run, codec):
    result = run([tiny.SquaredError()])
    batch = TEST.batch(torch.arange(48))
    x_hat = codec(batch.x, Context(codec.seed, "test", batch.index))
    expected = (x_hat - batch.x).square().flatten(1).mean(1).double().detach().numpy()
    assert np.allclose(result.arrays["mse"], expected, atol=1e-6)
    assert result.values["mse"].value == pytest.approx(expected.mean(), rel=1e-5)
    assert result.fields["mse"].model_dump() == {
        "unit": "1", "direction": "lower", "lower": 0.0, "upper": math.inf, "version": "1", "source": "metric:tiny-mse"
    }  # fmt: skip


def test_a_file_that_is_not_what_was_written_stops_the_evaluation(run, tmp_path):
    def damaged(data: bytes) -> None:
        (tmp_path / "s.rdc").write_bytes(data[:-3] + b"\0\0\0")

    with pytest.raises(StreamError):
        run(write=damaged)


def test_a_large_split_is_measured_in_pieces(run, monkeypatch):
    sizes = []

    class Spy(tiny.SquaredError):
        def update(self, decoded):
            sizes.append(len(decoded))
            return super().update(decoded)

    whole = run([Spy()]).values["mse"].value
    monkeypatch.setattr(evaluation, "INFERENCE_BATCH", 20)
    assert run([Spy()]).values["mse"].value == pytest.approx(whole, rel=1e-6)
    assert sizes == [48, 8, 20, 20, 8, 8], "eight once more, in another order"


def test_costs_are_counted(run, codec):
    costs = run().costs
    assert costs["encoder_parameters"] == sum(parameter_count(part) for part in codec.sender())
    assert costs["decoder_parameters"] == sum(parameter_count(part) for part in codec.receiver())
    assert costs["receiver_bytes"] == sum(state_bytes(part) for part in codec.receiver())
    assert costs["macs"] == (16 * 8 + 8 * 3) + (3 * 8 + 8 * 16)
    assert costs["encode_us"] > 0
    assert costs["decode_us"] > 0


def test_samples_are_the_first_images_of_each_class_in_turn(run):
    arrays = run().arrays
    assert arrays["sample_index"].tolist()[:6] == [0, 1, 2, 3, 4, 5]
    assert len(arrays["sample_index"]) == evaluation.SAMPLES
    assert np.array_equal(arrays["sample_x"], TEST.images[arrays["sample_index"]].numpy())
    assert arrays["sample_x_hat"].dtype == np.uint8


# --------------------------------------------------------------------------------------------------------------- judges


def test_judges_measure_the_decoded_test_split(run, codec, train_split):
    judge = tiny.MeanImageJudge(tiny.SHAPE)
    judge.fit(train_split, generator("judge"))
    result = run(judges={"judge:tiny-judge": judge})
    mean = codec(TEST.batch(torch.arange(48)).x, Context(codec.seed, "test", torch.arange(48))).mean(0)
    plain = float((mean - judge.mean).square().mean())
    leave_out = result.arrays["mean_distance_leave_out"]
    corrected = 4 * plain - 3 * float(np.mean(leave_out))
    assert result.values["mean_distance"].value == pytest.approx(max(corrected, 0.0), rel=1e-3, abs=1e-7)
    assert result.values["mean_distance"].reference == 0.0
    value, low, high = result.values["mean_distance"].real_pair
    assert low < value < high, "two halves of the test images, with the interval that rows have"
    assert result.fields["mean_distance"].source == "judge:tiny-judge"


def test_a_judge_that_trains_on_each_row_gets_its_training_split_decoded(codec, train_split):
    decoded = decode_directly(codec, train_split, {}, "cpu", len(train_split))
    batch = train_split.batch(torch.arange(96))
    assert torch.equal(decoded.x, batch.x)
    assert torch.allclose(decoded.x_hat, codec(batch.x, Context(codec.seed, "train", batch.index)), atol=1e-6)
    assert decoded.bits.shape == (96,)


def test_the_training_split_is_not_decoded_unless_a_judge_asks(run, codec, monkeypatch):
    monkeypatch.setattr(evaluation, "decode_directly", lambda *_: pytest.fail("decoded"))
    run(judges={"judge:tiny-judge": tiny.MeanImageJudge(tiny.SHAPE)})


# ------------------------------------------------------------------------------------------------------------ bad parts


class Odd(rdcbench.Metric):
    """A metric that says whatever it is told to."""

    name = "odd"
    fields = {"odd": Field("1", "lower", 0.0, 1.0)}  # noqa: RUF012

    def __init__(self, says):
        self.says = says

    def update(self, decoded):
        return self.says(len(decoded))


BAD = {
    "NaN": (lambda n: {"odd": torch.full((n,), math.nan)}, r"metric:odd measured odd = nan; .* must be finite"),
    "out of bounds": (lambda n: {"odd": torch.full((n,), 1.5)}, r"odd = 1.5, outside its bounds \[0.0, 1.0\]"),
    "undeclared": (
        lambda n: {"odd": torch.zeros(n), "more": torch.zeros(n)},
        r"declares the fields \['odd'\] and measured",
    ),
    "missing": (lambda n: {}, r"metric:odd declares the fields \['odd'\] and measured \[\]"),
    "a mean instead of values": (
        lambda n: {"odd": torch.zeros(())},
        r"metric:odd gave odd of shape \[\] for 48 images",
    ),
    "too many": (lambda n: {"odd": torch.zeros(n, 2)}, r"metric:odd gave odd of shape \[48, 2\] for 48 images"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_metric_that_measures_nonsense_is_refused(run, fault):
    says, sentence = BAD[fault]
    with pytest.raises(RdcbenchError, match=sentence):
        run([Odd(says)])


def test_two_metrics_of_one_field_are_refused(run):
    with pytest.raises(RdcbenchError, match=r"Two metrics bring the field 'mse': metric:tiny-mse and metric:tiny-mse"):
        run([tiny.SquaredError(), tiny.SquaredError()])


def test_a_judge_that_measures_what_it_did_not_declare_is_refused(run, monkeypatch):
    judge = tiny.MeanImageJudge(tiny.SHAPE)
    monkeypatch.setattr(tiny.MeanImageJudge, "fields", {"other": Field("1", "lower")})
    with pytest.raises(RdcbenchError, match=r"j declares the fields \['other'\] and measured \['mean_distance'\]"):
        run(judges={"j": judge})


@pytest.mark.parametrize(
    ("forward", "sentence"),
    [
        (
            lambda received, context: torch.zeros(len(received), 4, 4),
            r"images of shape \(48, 4, 4\); it was given \(48, 1",
        ),
        (lambda received, context: torch.full((len(received), 1, 4, 4), math.nan), r"values that are not finite"),
    ],
)
def test_a_decoder_that_returns_no_images_is_refused(run, codec, monkeypatch, forward, sentence):
    monkeypatch.setattr(codec.decoder, "forward", forward)
    with pytest.raises(RdcbenchError, match=sentence):
        run([tiny.SquaredError()])

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
import tiny_plugin as tiny
import torch
from tiny_runs import prints

from rdcbench import batches, train
from rdcbench.codec import fingerprint
from rdcbench.records import Split
from rdcbench.rng import generator
from rdcbench.train import RECORDS, Task, TrainingError, fit


def changed(task: Task) -> set[str]:
    """Roles whose state a training changes."""
    before = prints(task)
    fit(task)
    return {role for role, digest in prints(task).items() if digest != before[role]}


FULL = {"perception": 0.01, "classification": 0.01}


# ------------------------------------------------------------------------------------------------------------ it trains


def test_the_loss_falls(make_task):
    history = fit(make_task(steps=150))
    first = sum(record["distortion"] for record in history[:5])
    last = sum(record["distortion"] for record in history[-5:])
    assert last < 0.6 * first


def test_each_term_answers_to_its_weight(make_task):
    plain, weighted = (fit(make_task({"classification": w}, steps=120))[-1] for w in (0.0, 0.5))
    assert weighted["classification"] < 0.9 * plain["classification"]


@pytest.mark.parametrize("batches", ["same", "alternate"])
def test_two_trainings_of_one_seed_are_equal_bit_for_bit(make_task, batches):
    first, second, other = (make_task(FULL, critic_batches=batches, seed=seed) for seed in (5, 5, 6))
    histories = [fit(task) for task in (first, second, other)]
    assert prints(first) == prints(second) != prints(other)
    assert histories[0] == histories[1] != histories[2]


def test_training_neither_reads_nor_moves_the_global_generator(make_task):
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = make_task(FULL)
    fit(first)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    second = make_task(FULL)
    fit(second)
    assert prints(first) == prints(second)


def test_the_learning_curve_has_its_records_and_the_last_step(make_task):
    history = fit(make_task(FULL, steps=7))
    assert [record["step"] for record in history] == list(range(7))
    assert set(history[0]) == {"step", "distortion", "perception", "classification"}
    history = fit(make_task(steps=4 * RECORDS + 3))
    assert [record["step"] for record in history] == [*range(0, 4 * RECORDS + 3, 4), 4 * RECORDS + 2]


def test_progress_is_told(make_task):
    told = []
    task = make_task(steps=5, progress=lambda step, terms: told.append((step, terms["distortion"])))
    history = fit(task)
    assert told == [(int(record["step"]), record["distortion"]) for record in history]


def test_a_trained_codec_is_left_in_evaluation_mode(make_task):
    task = make_task(FULL)
    fit(task)
    assert not any(module.training for module in task.codec.modules())


# ------------------------------------------------------------------------------------------------------- who is trained


@pytest.mark.parametrize(
    ("tradeoff", "trains", "expected"),
    [
        ({}, ("encoder", "decoder"), {"encoder", "decoder"}),
        ({}, ("decoder",), {"decoder"}),
        ({}, ("encoder",), {"encoder"}),
        (FULL, ("encoder", "decoder"), {"encoder", "decoder", "critic"}),
        (FULL, ("decoder",), {"decoder", "critic"}),
    ],
)
def test_what_does_not_train_stays_as_it_is_buffers_included(make_task, tradeoff, trains, expected):
    assert changed(make_task(tradeoff, trains)) == expected


def test_a_critic_that_does_not_train_stays_as_it_is(make_task):
    task = make_task({"perception": 0.01}, trains=["decoder"])
    task.trains = ["decoder"]
    assert changed(task) == {"decoder"}


def test_an_entropy_model_trains_by_gradient_only_where_a_term_reads_its_rate(make_task):
    trains = ("encoder", "decoder", "entropy_model")
    rated = make_task({"rate": 0.1}, trains, tiny.RatedTables)
    assert changed(rated) == {*trains}
    assert changed(make_task({}, trains, tiny.RatedTables)) == {"encoder", "decoder"}


def test_frozen_roles_get_no_gradient_and_are_in_evaluation_mode(make_task, monkeypatch):
    task = make_task(FULL, ("decoder",))
    seen = []

    def look(task, batch, *rest):
        seen.append({name: (part.training, any(p.requires_grad for p in part.parameters())) for name, part in (
            ("encoder", task.codec.encoder), ("decoder", task.codec.decoder), ("classifier", task.classifier)
        )})  # fmt: skip
        return forward(task, batch, *rest)

    forward = train._forward
    monkeypatch.setattr(train, "_forward", look)
    fit(task)
    assert all(
        modes == {"encoder": (False, False), "decoder": (True, True), "classifier": (False, False)} for modes in seen
    )
    assert len(seen) == task.training.steps


@pytest.mark.parametrize("critic_steps", [1, 3])
@pytest.mark.parametrize("batches", ["same", "alternate"])
def test_critic_and_codec_step_in_turn_and_leave_each_other_alone(make_task, monkeypatch, batches, critic_steps):
    task = make_task(FULL, critic_batches=batches, critic_steps=critic_steps)
    step, after = train._critic_step, []

    def watched(*given):
        codec, before = fingerprint([task.codec]), fingerprint([task.critic])
        assert not after or after[-1] == before, "a codec step moved the critic"
        step(*given)
        assert fingerprint([task.critic]) != before
        assert fingerprint([task.codec]) == codec, "a critic step moved the codec"
        after.append(fingerprint([task.critic]))

    monkeypatch.setattr(train, "_critic_step", watched)
    fit(task)
    assert len(after) == critic_steps * task.training.steps
    assert fingerprint([task.critic]) == after[-1]


@pytest.mark.parametrize(("batches", "critic_steps", "each"), [("same", 1, 1), ("same", 3, 3), ("alternate", 2, 3)])
def test_a_codec_step_draws_a_batch_for_itself_and_for_each_further_critic_step(
    make_task, monkeypatch, batches, critic_steps, each
):
    task = make_task(FULL, critic_batches=batches, critic_steps=critic_steps, steps=4)
    drawn, source = [], train._batches

    def watched(task):
        for batch in source(task):
            drawn.append(batch)
            yield batch

    monkeypatch.setattr(train, "_batches", watched)
    fit(task)
    assert len(drawn) == each * task.training.steps


def test_the_codecs_loss_computes_no_gradient_of_the_critics_weights(make_task, monkeypatch):
    task = make_task({"perception": 1.0}, steps=4)
    step, left = train._critic_step, []

    def watched(*given):
        if left:
            assert all(torch.equal(p.grad, old) for p, old in zip(task.critic.parameters(), left[-1], strict=True))
        step(*given)
        left.append([parameter.grad.clone() for parameter in task.critic.parameters()])

    monkeypatch.setattr(train, "_critic_step", watched)
    fit(task)
    assert len(left) == 4


@pytest.mark.parametrize("batches", ["same", "alternate"])
def test_the_critics_gradient_is_that_of_its_own_loss(make_task, monkeypatch, batches):
    """The codec's loss runs through the critic, but must leave nothing in the critic's gradients."""
    task = make_task({"perception": 1.0}, critic_batches=batches, steps=4)
    step, found = train._critic_step, []

    def watched(task, optimizers, real, fake, rng):
        copy, critic = torch.Generator(), task.critic
        copy.set_state(rng.get_state())
        expected = torch.autograd.grad(critic.loss(real, fake, copy), list(critic.parameters()), allow_unused=True)
        note = lambda: found.append([p.grad.clone() for p in critic.parameters()])  # noqa: E731
        monkeypatch.setattr(optimizers["critic"], "step", note)
        step(task, optimizers, real, fake, rng)
        for got, right in zip(found[-1], expected, strict=True):
            assert torch.allclose(got, torch.zeros_like(got) if right is None else right, atol=1e-6)

    monkeypatch.setattr(train, "_critic_step", watched)
    fit(task)
    assert len(found) == 4


def test_a_cached_frozen_encoder_gives_what_recomputing_gives(make_task, monkeypatch):
    cached, computed = make_task({}, ("decoder",)), make_task({}, ("decoder",))
    fit(cached)
    forward = train._forward
    monkeypatch.setattr(train, "_forward", lambda task, fed: forward(task, replace(fed, latent=None)))
    fit(computed)
    assert prints(cached) == prints(computed)


def test_the_objective_sees_only_what_its_active_terms_read(make_task):
    seen = []

    class Spy(tiny.Weighted):
        def term(self, name, outcome):
            seen.append((outcome.critic, outcome.classifier, outcome.bits))
            return super().term(name, outcome)

    task = make_task({"classification": 0.1}, objective=Spy(), steps=1, critic=tiny.NetCritic(tiny.SHAPE))
    fit(task)
    assert seen == [(None, task.classifier, None)] * 2


# -------------------------------------------------------------------------------------------- batches, draws, tradeoffs


@pytest.fixture
def watch(monkeypatch):
    """Record (draw, indices, tradeoff, gradient?) of each pass through the codec."""
    seen = []
    forward = train._forward

    def watched(task, fed):
        index, context = tuple(fed.batch.index.tolist()), fed.context
        seen.append((context.draw, index, dict(context.tradeoff), torch.is_grad_enabled()))
        return forward(task, fed)

    monkeypatch.setattr(train, "_forward", watched)
    return seen


def test_an_epoch_sees_each_image_once_and_has_an_order_and_a_dither_of_its_own(make_task, watch):
    fit(make_task(steps=18))
    epochs = [watch[start : start + 6] for start in (0, 6, 12)]
    for number, epoch in enumerate(epochs, 1):
        assert {draw for draw, *_ in epoch} == {number}
        assert sorted(index for _, batch, *_ in epoch for index in batch) == list(range(96))
    assert len({tuple(batch for _, batch, *_ in epoch) for epoch in epochs}) == 3


def test_a_short_last_batch_is_left_out(make_task, watch):
    fit(make_task(steps=4, batch=40))
    assert [(draw, len(batch)) for draw, batch, *_ in watch] == [(1, 40), (1, 40), (2, 40), (2, 40)]


def test_a_split_smaller_than_a_batch_is_one_batch(make_task, watch, train_split):
    few = Split("train", train_split.images[:5], {name: label[:5] for name, label in train_split.labels.items()})
    fit(make_task(steps=2, train=few))
    assert [(draw, sorted(batch)) for draw, batch, *_ in watch] == [(1, [0, 1, 2, 3, 4]), (2, [0, 1, 2, 3, 4])]


def test_ends_are_counted_in_codec_steps_when_batches_alternate(make_task, watch):
    fit(make_task({"perception": 0.1}, critic_batches="alternate", steps=6))
    assert [gradient for *_, gradient in watch] == [False, True] * 6
    assert [draw for draw, *_ in watch] == [1] * 6 + [2] * 6
    assert sorted(index for _, batch, *_ in watch[:6] for index in batch) == list(range(96))


def test_by_default_critic_and_codec_see_the_same_batch(make_task, watch, monkeypatch):
    real, step = [], train._critic_step
    monkeypatch.setattr(train, "_critic_step", lambda t, o, x, *rest: real.append(x) or step(t, o, x, *rest))
    task = make_task({"perception": 0.1}, steps=3)
    fit(task)
    assert len(watch) == 3
    for x, (_, batch, *_rest) in zip(real, watch, strict=True):
        assert torch.equal(x, task.train.batch(torch.tensor(batch)).x)


def test_one_of_several_tradeoffs_is_drawn_each_step_and_told_to_the_decoder(make_task, watch):
    points = [{"classification": 0.0}, {"classification": 0.1}, {"classification": 0.2}]
    fit(make_task(points[1], tradeoffs=points, steps=120, batch=4))
    told = [tradeoff["classification"] for *_, tradeoff, _ in watch]
    assert all(25 <= count <= 55 for count in Counter(told).values())
    assert set(told) == {0.0, 0.1, 0.2}
    first = list(told)
    watch.clear()
    fit(make_task(points[1], tradeoffs=points, steps=120, batch=4))
    assert [tradeoff["classification"] for *_, tradeoff, _ in watch] == first


def test_weights(make_task):
    task = make_task({"perception": 0.2}, anneal={"perception": (1.0, 0.5), "rate": (4.0, 1.0)})
    weights = [train._weight(task, {"perception": 0.2}, "perception", share) for share in (0.0, 0.25, 0.5, 1.0)]
    assert weights == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert train._weight(task, {}, "rate", 0.75) == pytest.approx(1.0)
    assert train._weight(task, {}, "distortion", 0.0) == 1.0
    assert train._weight(task, {"distortion": 0.0}, "distortion", 0.0) == 0.0
    assert train._weight(task, {}, "classification", 0.0) == 0.0


def test_annealed_weights_are_those_of_the_loss(make_task, monkeypatch):
    task = make_task({"perception": 0.0}, anneal={"perception": (2.0, 0.5)}, steps=4)
    losses, record = [], train._record

    def watched(task, step, values, loss, started):
        losses.append((loss.item(), values["distortion"].item(), values["perception"].item()))
        record(task, step, values, loss, started)

    monkeypatch.setattr(train, "_record", watched)
    fit(task)
    for (loss, distortion, perception), weight in zip(losses, (2.0, 1.0, 0.0, 0.0), strict=True):
        assert loss == pytest.approx(distortion + weight * perception, rel=1e-5, abs=1e-6)


def test_rates_follow_their_schedules(make_task, monkeypatch):
    rates = {"codec": [], "critic": []}
    plain = train.set_rate
    task = make_task(
        {"perception": 0.1}, schedule="step", drop_at=0.5, drop_to=0.1, critic_learning_rate=0.003, steps=4
    )
    critics = sum(parameter.numel() for parameter in task.critic.parameters())

    def watched(optimizer, rate):
        size = optimizer.param_groups[0]["params"][0].numel()
        rates["critic" if size == critics else "codec"].append(rate)
        plain(optimizer, rate)

    monkeypatch.setattr(train, "set_rate", watched)
    fit(task)
    assert rates["codec"] == pytest.approx([0.02, 0.02, 0.002, 0.002])
    assert rates["critic"] == pytest.approx([0.003] * 4)


# ------------------------------------------------------------------------------------------------------------- it fails


def test_a_loss_that_is_not_a_number_ends_the_training_with_a_sentence(make_task):
    with pytest.raises(TrainingError, match=r"The loss is nan at step 0: distortion = nan. Try a lower learning rate."):
        fit(make_task(objective=tiny.NanObjective()))


def test_a_training_that_diverges_is_noticed(make_task):
    with pytest.raises(TrainingError, match=r"The loss is (nan|inf|-inf) at step"):
        fit(make_task({"perception": -1e30}, learning_rate=1e30, critic_learning_rate=1e30, steps=200))


def test_a_training_that_takes_too_long_is_ended(make_task, monkeypatch):
    clock = iter(range(0, 10**6, 40))
    monkeypatch.setattr(train.time, "monotonic", lambda: float(next(clock)))
    with pytest.raises(TrainingError, match=r"took 120 s, more than limit_seconds = 100."):
        fit(make_task(limit_seconds=100.0))


def test_a_limit_that_is_kept_changes_nothing(make_task):
    first, second = make_task(), make_task(limit_seconds=1000.0)
    fit(first)
    fit(second)
    assert prints(first) == prints(second)


def test_the_moving_average_of_the_weights_is_what_is_kept(make_task, monkeypatch):
    plain, averaged = make_task(steps=6), make_task(steps=6, average=0.5)
    weights, record = [], train._record

    def watched(task, *rest):
        weights.append(task.codec.decoder.layers[0].weight.detach().clone())
        record(task, *rest)

    monkeypatch.setattr(train, "_record", watched)
    fit(plain)
    fit(averaged)
    mean = weights[0]
    for step, weight in enumerate(weights[1:6], 2):
        share = max(0.5, 1 / step)
        mean = (1 - share) * mean + share * weight
    assert torch.allclose(averaged.codec.decoder.layers[0].weight, mean, atol=1e-6)
    assert not torch.allclose(averaged.codec.decoder.layers[0].weight, plain.codec.decoder.layers[0].weight, atol=1e-6)


def test_penalty_and_order_have_generators_of_their_own(make_task, monkeypatch):
    asked = []
    for module in (train, batches):
        monkeypatch.setattr(module, "generator", lambda *names: asked.append(names) or generator(*names))
    fit(make_task(FULL, steps=1))
    assert sorted(asked) == [("order", 5), ("penalty", 5), ("tradeoff", 5)]


def test_history_holds_plain_numbers(make_task):
    for record in fit(make_task(FULL, steps=2)):
        assert all(type(value) is float and math.isfinite(value) for value in record.values())

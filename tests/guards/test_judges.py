"""What guards on metrics and judges let pass; what they catch is in test_known_bad.py."""

from __future__ import annotations

import pytest
import tiny_plugin as tiny
import torch
from torch import nn

from rdcbench import guards
from rdcbench.errors import GuardError
from rdcbench.records import Decoded


def test_a_metric_may_be_noisy_in_the_last_digits():
    class Rounded(tiny.SquaredError):
        def update(self, decoded):
            values = super().update(decoded)["mse"]
            return {"mse": values * (1 + 1e-5 * torch.arange(len(values)))}

    images = tiny.Images().load(None, "test")
    x = images.batch(torch.arange(len(images))).x
    row = Decoded(x, 0.5 * x, images.labels, torch.zeros(len(x), dtype=torch.float64))
    guards.check_metric(Rounded(), row, {"mse": tiny.SquaredError().update(row)["mse"].double()})


@pytest.mark.parametrize(
    "change",
    [
        lambda judge: judge.mean.add_(1.0),
        lambda judge: setattr(judge, "mean", judge.mean + 0),
        lambda judge: judge.register_buffer("more", torch.zeros(1)),
        lambda judge: setattr(judge, "rows_seen", 1),
    ],
)
def test_whatever_a_judge_changes_of_itself_is_noticed(change):
    judge = tiny.MeanImageJudge(tiny.SHAPE)
    with pytest.raises(GuardError, match="judge:x changed while it measured"), guards.unchanged("judge:x", judge):
        change(judge)


def test_a_judge_may_remember_what_it_computed_from_the_test_images():
    judge = tiny.MeanImageJudge(tiny.SHAPE)
    judge.cache = {}
    with guards.unchanged("judge:x", judge):
        judge.cache["real"] = judge.mean + 1


def test_weights_that_are_equal_by_chance_are_no_leak():
    judge, network = nn.Module(), nn.Module()
    judge.blank, network.blank = nn.Parameter(torch.zeros(100)), nn.Parameter(torch.zeros(100))
    judge.short, network.short = (nn.Parameter(torch.arange(4.0)) for _ in range(2))
    guards.check_apart({"judge:x": judge}, {"classifier": network, "critic": None})
    network.learned = nn.Parameter(torch.arange(100.0))
    judge.register_buffer("copied", torch.arange(100.0))
    with pytest.raises(GuardError, match="its weights 'copied' are those of the classifier"):
        guards.check_apart({"judge:x": judge}, {"classifier": network, "critic": None})

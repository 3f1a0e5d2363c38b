"""What is remembered changes no number."""

from __future__ import annotations

import torch
from torch import nn

from rdcbench_std.judges.recent import Recent


def test_the_last_result_is_given_again_for_equal_bytes_only():
    recent, calls = Recent(nn.Linear(1, 1)), []

    def compute(x):
        return recent(x, lambda: calls.append(1) or float(x.sum()))

    x = torch.arange(4.0)
    assert [compute(x), compute(x.clone()), compute(x + 1), compute(x)] == [6.0, 6.0, 10.0, 6.0]
    assert len(calls) == 3
    x += 1  # in place: the same tensor, other bytes
    assert compute(x) == 10.0
    assert compute(x[::2].contiguous()) == compute(x[::2]) == 4.0


def test_another_state_of_the_owner_makes_it_forget():
    owner = nn.Linear(1, 1)
    recent, x = Recent(owner), torch.ones(1, 1)
    before = recent(x, lambda: float(owner(x).detach()))
    owner.load_state_dict({"weight": torch.tensor([[before + 1]]), "bias": torch.zeros(1)})
    assert recent(x, lambda: float(owner(x).detach())) == float(owner(x).detach())
    recent.forget()
    assert recent(x, lambda: 7.0) == 7.0

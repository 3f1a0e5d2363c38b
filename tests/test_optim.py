from __future__ import annotations

import pytest
import torch
from torch import nn

from rdcbench.optim import flat_adam, rate_factor, set_rate
from rdcbench.recipe import Training

TRAINING = Training(steps=1, batch=1, learning_rate=1.0, warmup=0.25, drop_at=0.5, drop_to=0.2)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))


def losses():
    random = torch.Generator().manual_seed(1)
    while True:
        x = torch.randn(6, 5, generator=random)
        yield lambda net, x=x: (net(x) - x[:, :2]).square().mean()


def test_one_flat_adam_moves_weights_as_a_plain_one_does():
    flat, plain = network(), network()
    one = flat_adam(flat.parameters(), 0.01, (0.5, 0.9))
    many = torch.optim.Adam(plain.parameters(), 0.01, (0.5, 0.9), fused=False, foreach=False)
    for _, loss in zip(range(20), losses(), strict=False):
        one.zero_grad(set_to_none=False)
        many.zero_grad()
        loss(flat).backward()
        loss(plain).backward()
        one.step()
        many.step()
    for got, expected in zip(flat.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(got, expected, atol=1e-5)
    assert not torch.allclose(flat[0].weight, network()[0].weight, atol=1e-3)


def test_weights_and_gradients_are_views_of_one_tensor():
    net = network()
    values = [parameter.detach().clone() for parameter in net.parameters()]
    (flat,) = flat_adam(net.parameters(), 0.01, (0.5, 0.9)).param_groups[0]["params"]
    assert flat.numel() == sum(value.numel() for value in values)
    for parameter, value in zip(net.parameters(), values, strict=True):
        assert torch.equal(parameter, value)
    next(losses())(net).backward()
    assert torch.equal(flat.grad, torch.cat([p.grad.reshape(-1) for p in net.parameters()]))
    assert flat.grad.any()
    flat.data.zero_()
    assert not any(parameter.any() for parameter in net.parameters())


def test_frozen_weights_are_left_out():
    net = network()
    net[0].requires_grad_(False)
    before = net[0].weight.clone()
    optimizer = flat_adam(net.parameters(), 0.1, (0.5, 0.9))
    assert optimizer.param_groups[0]["params"][0].numel() == sum(p.numel() for p in net[1:].parameters())
    next(losses())(net).backward()
    optimizer.step()
    assert torch.equal(net[0].weight, before)


def test_a_flat_network_is_saved_and_loaded_like_any_other():
    net, other = network(), network()
    flat_adam(net.parameters(), 0.1, (0.5, 0.9))
    flat_adam(other.parameters(), 0.1, (0.5, 0.9))
    net[0].weight.data.fill_(3.0)
    other.load_state_dict(net.state_dict())
    assert other[0].weight.detach().unique().tolist() == [3.0]


def test_the_rate_can_be_set():
    optimizer = flat_adam(network().parameters(), 0.1, (0.5, 0.9))
    set_rate(optimizer, 0.03)
    assert [group["lr"] for group in optimizer.param_groups] == [0.03]


def test_schedules():
    assert {rate_factor("constant", share / 10, TRAINING) for share in range(11)} == {1.0}
    assert [rate_factor("step", share, TRAINING) for share in (0.0, 0.49, 0.5, 1.0)] == [1.0, 1.0, 0.2, 0.2]
    one_cycle = [rate_factor("one-cycle", share, TRAINING) for share in (0.0, 0.125, 0.25, 0.625, 1.0)]
    assert one_cycle == pytest.approx([1 / 25, (1 + 1 / 25) / 2, 1.0, (1 + 1e-4) / 2, 1e-4])


def test_one_cycle_is_torchs_own():
    steps = 4000
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=steps,
        pct_start=0.25,
        div_factor=25,
        final_div_factor=400,
        cycle_momentum=False,
    )
    for step in range(steps):
        assert rate_factor("one-cycle", step / steps, TRAINING) == pytest.approx(torchs.get_last_lr()[0], abs=2e-3)
        optimizer.step()
        torchs.step() if step < steps - 1 else None


@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_one_cycle_without_a_rise_or_without_a_fall(warmup):
    training = TRAINING.model_copy(update={"warmup": warmup})
    factors = [rate_factor("one-cycle", share / 100, training) for share in range(100)]
    assert factors == sorted(factors, reverse=warmup == 0.0)
    assert all(0 < factor <= 1 for factor in factors)

"""Tests of the energy objective."""

from pathlib import Path
from typing import Any

import torch

from rdcbench import generator, registry

FILE = Path(__file__).with_name("rdcbench_energy.py")
OBJECTIVE: Any = registry.load((FILE,)).build("objective", "energy", {})


def distance(x: torch.Tensor, x_hat: torch.Tensor) -> float:
    """The perception term."""
    from rdcbench import Outcome

    return float(OBJECTIVE.term("perception", Outcome(x, x_hat, {}, x)))


def test_it_keeps_the_contract(rdcbench_conformance: Any) -> None:
    """Every property that `rdcbench check energy` tries."""
    rdcbench_conformance("objective", "energy", plugin=FILE)


def test_it_is_the_sum_over_pairs() -> None:
    """Against a plain loop."""
    x, y = torch.rand(2, 5, 1, 3, 3, generator=generator("energy"))
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    mean = [sum(float((a[i] - b[j]).norm()) for i, j in pairs) / len(pairs) for a, b in ((x, y), (x, x), (y, y))]
    assert abs(distance(x, y) - (2 * mean[0] - mean[1] - mean[2]) / 3) < 1e-5


def test_it_has_no_bias_and_grows_with_a_shift() -> None:
    """Batches of one law give 0 on average; a law apart from it gives more, the farther the more."""
    drawn = torch.randn(400, 2, 8, 1, 2, 2, generator=generator("energy", "bias"))
    none, near, far = (sum(distance(x, y + shift) for x, y in drawn) / len(drawn) for shift in (0.0, 0.5, 1.0))
    assert abs(none) < 0.02
    assert 0.05 < near < far

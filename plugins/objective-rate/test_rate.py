"""Tests of the rate-aware objective."""

from pathlib import Path
from typing import Any

import pytest
import torch

from rdcbench import Outcome, PartError, registry

FILE = Path(__file__).with_name("rdcbench_rate.py")
PARTS = registry.load((FILE,))


def test_it_keeps_the_contract(rdcbench_conformance: Any) -> None:
    """Every property that `rdcbench check rate_aware` tries."""
    rdcbench_conformance("objective", "rate_aware", plugin=FILE)


@pytest.mark.parametrize(("target", "expected"), [(0.0, 4.0), (4.0, 1.0), (9.0, 0.0)])
def test_only_bits_beyond_the_target_are_priced(target: float, expected: float) -> None:
    """Images of 2 and 6 bits: over a target of 4 the second one counts with 2."""
    x = torch.rand(2, 1, 4, 4)
    outcome = Outcome(x, x, {}, torch.zeros(2, 3), bits=torch.tensor([2.0, 6.0]))
    objective = PARTS.build("objective", "rate_aware", {"target": target})
    assert float(objective.term("rate", outcome)) == expected


def test_a_target_that_cannot_be_is_refused() -> None:
    """As one sentence."""
    with pytest.raises(PartError, match=r"target = -1.0 is not possible; it must be at least 0 bits"):
        PARTS.build("objective", "rate_aware", {"target": -1.0})

"""Tests of the contrastive objective."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rdcbench import PartError, generator, registry

FILE = Path(__file__).with_name("rdcbench_infonce.py")
PARTS = registry.load((FILE,))
MODULE: Any = sys.modules[PARTS.get("objective", "infonce").target.__module__]


def test_it_keeps_the_contract(rdcbench_conformance: Any) -> None:
    """Every property that `rdcbench check infonce` tries."""
    rdcbench_conformance("objective", "infonce", plugin=FILE)


def test_it_is_a_bound_on_the_information() -> None:
    """log n where nothing is known, near 0 where every image is found again; never below 0."""
    real = torch.randn(16, 8, generator=generator("infonce"))
    blind = float(MODULE.info_nce(real, torch.ones(16, 8), 0.1))
    found = float(MODULE.info_nce(real, 3 * real, 0.01))
    assert blind > math.log(16) - 1e-4
    assert 0 <= found < 0.01
    assert abs(float(MODULE.info_nce(torch.ones(16, 8), real, 0.1)) - math.log(16)) < 1e-5


def test_a_temperature_that_cannot_be_is_refused() -> None:
    """As one sentence."""
    with pytest.raises(PartError, match=r"temperature = 0.0 is not possible; it must be above 0"):
        PARTS.build("objective", "infonce", {"temperature": 0.0})

"""Two stored runs beside each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from verify.fake import FakeRun  # tests/ is on the path: tests/conftest.py

from rdcbench.compare import Comparison, compare


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Comparison]:
    """Compare two runs, or one study of each."""

    def find(a: FakeRun, b: FakeRun, studies: tuple[str, str] = ("", "")) -> Comparison:
        roots = [run.write(tmp_path / name).root for name, run in (("a", a), ("b", b))]
        return compare(roots[0] / studies[0], roots[1] / studies[1])

    return find


def sweep(
    study: str = "rdc", protocol: str = "end-to-end", shift: float = 0.0, **values: float
) -> dict[str, dict[str, float]]:
    """Rows of one study at one rate: distortion rises by `shift`, cross-entropy falls along the sweep."""
    return {
        f"{study}/{protocol}/classification={weight:g}": {
            "mse": 0.046 + 0.002 * weight + shift, "ce_judge": 1.0 - 0.2 * weight, "accuracy_judge": 0.6 + 0.08 * weight,
            "perception": 90.0 - weight, "rate_bound": 4.75, "rate_model": 4.5, "rate_coded": 4.6, **values,
        }
        for weight in (0.0, 1.0, 2.0, 3.0)
    }  # fmt: skip

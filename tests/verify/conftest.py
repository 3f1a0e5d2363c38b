"""Small stored runs, and one claim tested on one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rdcbench.verify import Finding, verify

from .fake import FakeRun, table

Rows = dict[str, dict[str, float]]


@pytest.fixture
def tried(tmp_path: Path) -> Callable[..., Finding]:
    """Test one claim (kind and keys) on a run: tried(run, kind=..., ...)."""

    def test(run: FakeRun, *more: FakeRun, **claim: object) -> Finding:
        text = table("one", {"says": "s", "reason": "r", **claim})
        stores = [one.write(tmp_path / f"run{number}", text) for number, one in enumerate((run, *more))]
        return verify(*stores)[1]

    return test

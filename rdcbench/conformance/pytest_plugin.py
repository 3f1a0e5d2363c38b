"""The pytest plugin for authors: the fixture `rdcbench_conformance`; what is heavy is loaded when it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest


class Conform(Protocol):
    """What the fixture gives."""

    def __call__(self, kind: str, name: str, plugin: str | Path | None = None, **options: Any) -> None:
        """Fail the test unless the part keeps every contract of its kind.

        kind, name: as in `rdcbench list`; plugin: a single file that brings it, for a part that is not installed;
        options: those of a recipe.
        """


@pytest.fixture
def rdcbench_conformance() -> Conform:
    """Try a part of rdcbench against the contracts of its kind."""

    def conform(kind: str, name: str, plugin: str | Path | None = None, **options: Any) -> None:
        from rdcbench import registry
        from rdcbench.conformance import check_part

        parts = registry.load((Path(plugin).resolve(),) if plugin else ())
        broken = [str(finding) for finding in check_part(kind, name, parts, options) if not finding.holds]
        if broken:
            pytest.fail("\n\n".join(broken), pytrace=False)

    return conform

"""A finished run against the claims of its expected.toml: PASS, FAIL, or UNDECIDED where an interval straddles.

Works from files alone. A claim about rows that the run does not have is UNDECIDED and says which are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rdcbench.errors import StoreError
from rdcbench.report.reference import read_expected
from rdcbench.results import Row
from rdcbench.store import Store
from rdcbench.verify.gaps import gap, ordered
from rdcbench.verify.laws import frozen, leak, rates
from rdcbench.verify.limits import bound
from rdcbench.verify.verdicts import Finding, Missing, Verdict

__all__ = ["Finding", "Verdict", "verify"]


def verify(store: Store) -> list[Finding]:
    """Test each claim on the run's rows; StoreError if the run brings no claims or no rows."""
    expected = read_expected(store.root / "expected.toml")
    if expected is None:
        raise StoreError(f"{store.root} has no expected.toml: its benchmark makes no claims.")
    rows = store.rows()
    if not rows:
        raise StoreError(f"{store.root} has no finished row yet; see `rdcbench status {store.root}`.")
    findings = []
    for name, claim in expected.claims.items():
        try:
            verdict, numbers = CHECKS[claim.kind](store, rows, claim.model_extra or {})
        except Missing as missing:
            verdict, numbers = "UNDECIDED", str(missing)
        findings.append(Finding(name, verdict, claim.says, numbers))
    return findings


CHECKS: dict[str, Callable[[Store, Sequence[Row], dict[str, Any]], tuple[Verdict, str]]] = {
    "bound": bound,
    "gap": gap,
    "ordered": ordered,
    "leak": leak,
    "rates": rates,
    "frozen": frozen,
}

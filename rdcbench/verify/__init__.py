"""Finished runs against the claims of their benchmark: PASS, FAIL, or UNDECIDED where an interval straddles.

Works from files alone. A claim about rows that the runs do not have is UNDECIDED and says which, and how to get them.
"""

from __future__ import annotations

from rdcbench.errors import StoreError
from rdcbench.report.reference import read_expected
from rdcbench.store import Store
from rdcbench.verify.claim import Claim
from rdcbench.verify.evidence import Evidence, Scope
from rdcbench.verify.kinds import make_claim
from rdcbench.verify.verdicts import Finding, Undecided, Verdict
from rdcbench.verify.whole import whole

__all__ = ["Finding", "Verdict", "verify"]


def verify(store: Store, *more: Store) -> list[Finding]:
    """Test whether a run is whole, then each claim of its expected.toml on its rows.

    more: further runs, from which studies are taken that no run before them has.

    Raises
    ------
    StoreError: the run brings no claims, or a run has no finished row.
    RecipeError: a claim is not what its kind asks for.
    """
    path = store.root / "expected.toml"
    expected = read_expected(path)
    if expected is None:
        raise StoreError(f"{store.root} has no expected.toml: its benchmark makes no claims.")
    claims = {name: make_claim(name, claim.model_dump(), path) for name, claim in expected.claims.items()}
    evidence = Evidence([store, *more])
    return [whole(evidence), *(_test(name, claim, Scope(evidence)) for name, claim in claims.items())]


def _test(name: str, claim: Claim, scope: Scope) -> Finding:
    """Test one claim; rows that it had to do without are named, and undo a verdict that they might change."""
    try:
        verdict, numbers = claim.check(scope)
    except Undecided as why:
        return Finding(name, "UNDECIDED", claim.says, str(why))
    if scope.lost:
        verdict = claim.verdict_without(verdict)
        numbers = "; ".join([numbers, *(f"without: {sentence}" for sentence in scope.lost[:3])])
        numbers += f" and {len(scope.lost) - 3} more" if len(scope.lost) > 3 else ""
    return Finding(name, verdict, claim.says, numbers)

"""The kinds of claim, and how a table of expected.toml becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from rdcbench.errors import RecipeError, unknown
from rdcbench.verify.claim import Claim
from rdcbench.verify.closed_forms import ClosedForm
from rdcbench.verify.convergence import Converged
from rdcbench.verify.dominance import Below, Dominates
from rdcbench.verify.fronts import Front
from rdcbench.verify.gaps import Gap, Stays
from rdcbench.verify.judges import Dial, Difference, Real, Unbiased
from rdcbench.verify.laws import Codewords, Frozen, Leak, Rates
from rdcbench.verify.limits import Bound
from rdcbench.verify.orders import Ordered
from rdcbench.verify.prices import Amortised, Penalty
from rdcbench.verify.ratios import GapShare, Ratio

KINDS: Mapping[str, type[Claim]] = MappingProxyType(
    {
        "bound": Bound,
        "below": Below,
        "dominates": Dominates,
        "ratio": Ratio,
        "gap": Gap,
        "gap-share": GapShare,
        "stays": Stays,
        "penalty": Penalty,
        "amortised": Amortised,
        "ordered": Ordered,
        "front": Front,
        "leak": Leak,
        "codewords": Codewords,
        "rates": Rates,
        "frozen": Frozen,
        "real": Real,
        "unbiased": Unbiased,
        "dial": Dial,
        "difference": Difference,
        "converged": Converged,
        "law": ClosedForm,
    }
)


def make_claim(name: str, table: Mapping[str, Any], path: Path) -> Claim:
    """Make a claim of a table; RecipeError of one sentence on what is wrong with it."""
    kind = str(table.get("kind", ""))
    if kind not in KINDS:
        raise RecipeError(f"{path}: claims.{name}: {unknown('kind of claim', kind, KINDS)}")
    try:
        return KINDS[kind].model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in ("claims", name, *first["loc"]))
        wrong = first["msg"]
        raise RecipeError(f"{path}: {key}: {wrong[0].lower()}{wrong[1:]}.") from error

"""Limits on the fields of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rdcbench.results import Row
from rdcbench.store import Store
from rdcbench.verify.evidence import at, of_studies
from rdcbench.verify.verdicts import Verdict, best, compare, worst


def bound(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:  # noqa: ARG001
    """Limits on the fields of one row, or of one row at least of a study."""
    at_most, at_least = claim.get("at_most", {}), claim.get("at_least", {})
    fields = [*at_most, *(field for field in at_least if field not in at_most)]
    chosen = of_studies(rows, claim["study"], *fields)
    if claim["point"] != "any":
        chosen = [at(chosen, claim["study"], claim["point"])]
    verdicts: list[Verdict] = []
    texts = []
    for row in chosen:
        values = [(field, row.values[field]) for field in fields]
        verdicts.append(
            worst(compare(v.image_lo, v.image_hi, at_most.get(field), at_least.get(field)) for field, v in values)
        )
        listing = ", ".join(f"{field} {v.value:.5g} [{v.image_lo:.5g}, {v.image_hi:.5g}]" for field, v in values)
        texts.append(f"{row.point}: {listing}")
    verdict = best(verdicts)
    return verdict, texts[verdicts.index(verdict)]

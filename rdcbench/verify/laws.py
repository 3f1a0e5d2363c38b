"""What holds for every row of any run: no leak, bits that are real, senders that stay frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rdcbench.results import Row
from rdcbench.store import Store
from rdcbench.verify.evidence import of_studies
from rdcbench.verify.verdicts import Missing, Verdict, compare, worst


def leak(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:  # noqa: ARG001
    """No row of a rate has a distortion that the rate cannot pay for."""
    found: list[tuple[float, Verdict, str]] = []
    for row in of_studies(rows, [row.study for row in rows], "mse", "rate_model", "rate_bound"):
        limits = [
            limit
            for field, limit in (
                ("rate_bound", claim["at_least_by_bound"]),
                ("rate_model", claim["at_least_by_model"]),
            )
            if row.value(field) <= claim["rate"] + 1e-9
        ]
        if limits:
            mse = row.values["mse"]
            verdict = compare(mse.image_lo, mse.image_hi, None, max(limits))
            found.append((mse.value - max(limits), verdict, f"nearest: {row.name} {mse.value:.5f} > {max(limits)}"))
    if not found:
        raise Missing(f"no row of at most {claim['rate']:.4f} bits")
    return worst(verdict for _, verdict, _ in found), min(found)[2]


def rates(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:
    """Coded bits against the model's, model's against the bound; numbers of files, so nothing is undecided."""
    worst_coded = worst_bound = -np.inf
    below = False
    for row in of_studies(rows, [row.study for row in rows], "rate_model", "rate_coded", "rate_bound"):
        images = len(store.arrays(row.keys[0])["rate_model"])
        flush = 8 * row.value("flush_bytes") / images
        model, coded = row.value("rate_model"), row.value("rate_coded")
        worst_coded = max(worst_coded, (coded - flush) / model - 1)
        worst_bound = max(worst_bound, model - row.value("rate_bound"))
        below |= coded < model * (1 - 1e-3)
    good = worst_coded <= claim["relative"] and worst_bound <= claim["absolute"] and not below
    text = f"coded over model after the flush: {100 * worst_coded:.2f} % at most; model over bound: {worst_bound:+.4f}"
    return "PASS" if good else "FAIL", text


def frozen(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:  # noqa: ARG001
    """Fingerprints of what is frozen, before and after training."""
    cells = [
        cell for row in rows for key in row.keys if (cell := store.cell(key)) is not None and cell.job.sender_frozen
    ]
    if not cells:
        raise Missing("no row has a frozen sender")
    changed = [
        cell.job.name for cell in cells if cell.fingerprints["frozen_before"] != cell.fingerprints["frozen_after"]
    ]
    return ("FAIL", f"changed: {', '.join(changed)}") if changed else ("PASS", f"{len(cells)} frozen senders unchanged")

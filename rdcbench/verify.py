"""A finished run against the claims of its expected.toml: PASS, FAIL, or UNDECIDED where an interval straddles.

Works from files alone. A claim about rows that the run does not have is UNDECIDED and says which are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rdcbench import stats
from rdcbench.errors import StoreError
from rdcbench.report.reference import read_expected
from rdcbench.results import Row
from rdcbench.store import Store

Verdict = Literal["PASS", "FAIL", "UNDECIDED"]
DRAWS = 1000


@dataclass(frozen=True)
class Finding:
    """One claim with its verdict and the numbers behind it."""

    claim: str
    verdict: Verdict
    says: str
    numbers: str


class _Missing(Exception):  # noqa: N818 - the end of one check, not an error
    """The run has not the rows that a claim is about."""


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
            verdict, numbers = _CHECKS[claim.kind](store, rows, claim.model_extra or {})
        except _Missing as missing:
            verdict, numbers = "UNDECIDED", str(missing)
        findings.append(Finding(name, verdict, claim.says, numbers))
    return findings


def _of_studies(rows: Sequence[Row], studies: str | Sequence[str], *fields: str) -> list[Row]:
    names = [studies] if isinstance(studies, str) else list(studies)
    found = [row for row in rows if row.study in names and all(field in row.values for field in fields)]
    if not found:
        raise _Missing(f"no row of {', '.join(names)} with {', '.join(fields) or 'values'}")
    return found


def _at(rows: Sequence[Row], study: str, point: str) -> Row:
    found = [row for row in rows if row.study == study and row.point == point]
    if not found:
        raise _Missing(f"no row {study} {point}")
    return found[0]


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    seen = set(verdicts)
    return "FAIL" if "FAIL" in seen else "UNDECIDED" if "UNDECIDED" in seen else "PASS"


def _best(verdicts: Iterable[Verdict]) -> Verdict:
    seen = set(verdicts)
    return "PASS" if "PASS" in seen else "UNDECIDED" if "UNDECIDED" in seen else "FAIL"


def _compare(low: float, high: float, at_most: float | None, at_least: float | None) -> Verdict:
    """Whether an interval lies on the right side of its limits; NaN ends decide nothing."""
    if not np.isfinite([low, high]).all():
        return "UNDECIDED"
    verdicts: list[Verdict] = []
    if at_most is not None:
        verdicts.append("PASS" if high <= at_most else "FAIL" if low > at_most else "UNDECIDED")
    if at_least is not None:
        verdicts.append("PASS" if low >= at_least else "FAIL" if high < at_least else "UNDECIDED")
    return _worst(verdicts)


def _bound(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:  # noqa: ARG001
    """Limits on the fields of one row, or of one row at least of a study."""
    at_most, at_least = claim.get("at_most", {}), claim.get("at_least", {})
    fields = [*at_most, *(field for field in at_least if field not in at_most)]
    chosen = _of_studies(rows, claim["study"], *fields)
    if claim["point"] != "any":
        chosen = [_at(chosen, claim["study"], claim["point"])]
    verdicts: list[Verdict] = []
    texts = []
    for row in chosen:
        values = [(field, row.values[field]) for field in fields]
        verdicts.append(
            _worst(_compare(v.image_lo, v.image_hi, at_most.get(field), at_least.get(field)) for field, v in values)
        )
        listing = ", ".join(f"{field} {v.value:.5g} [{v.image_lo:.5g}, {v.image_hi:.5g}]" for field, v in values)
        texts.append(f"{row.point}: {listing}")
    best = _best(verdicts)
    return best, texts[verdicts.index(best)]


def _gap(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:
    """The universality gap in distortion at equal constraint, over the common range or at its loosest level."""
    along = claim["along"]
    universal, end_to_end = (
        _tradeoff(store, _of_studies(rows, claim[side], along, "mse"), along) for side in ("universal", "end_to_end")
    )
    gap = stats.universality_gap(universal, end_to_end)
    chosen = gap.loosest if claim["range"] == "loosest" else gap.maximum
    verdict = _compare(chosen.lo, chosen.hi, claim.get("at_most"), claim.get("at_least"))
    curve = ", ".join(
        f"G({level:.4g}) = {value:.5f}" for level, value in zip(gap.levels, gap.gap, strict=True) if np.isfinite(value)
    )
    name = "loosest" if claim["range"] == "loosest" else "largest"
    reason = f"; {chosen.reason or gap.reason}" if chosen.reason or gap.reason else ""
    return verdict, f"{name} {chosen.value:.5f} [{chosen.lo:.5f}, {chosen.hi:.5f}]; {curve}{reason}"


def _tradeoff(store: Store, rows: Sequence[Row], along: str) -> stats.TradeoffRows:
    """Constraint and distortion of rows, with shared draws: of images for means, of blocks for distances."""
    arrays = [store.arrays(row.keys[0]) for row in rows]
    distortion = np.stack([array["mse"].astype(np.float64) for array in arrays])
    if along in arrays[0]:
        constraint = np.stack([array[along].astype(np.float64) for array in arrays])
        counts = stats.count_matrix(distortion.shape[1], DRAWS, seed=0)
        return stats.TradeoffRows(
            constraint.mean(1),
            distortion.mean(1),
            stats.bootstrap_means(constraint, counts),
            stats.bootstrap_means(distortion, counts),
        )
    left_constraint = np.stack([array[f"{along}_leave_out"] for array in arrays], axis=1)
    corrected, draws = stats.jackknife_draws(left_constraint, _plug_in(left_constraint, rows, along), DRAWS, seed=0)
    left = np.stack([_left_out_means(values) for values in distortion], axis=1)
    means, mean_draws = stats.jackknife_draws(left, distortion.mean(1), DRAWS, seed=0)
    return stats.TradeoffRows(corrected, means, draws, mean_draws)


def _plug_in(left: npt.NDArray[np.float64], rows: Sequence[Row], along: str) -> npt.NDArray[np.float64]:
    """The uncorrected values, from the corrected ones that rows carry: v = (c + (B - 1) mean) / B."""
    blocks = len(left)
    corrected = np.array([row.values[along].seed_values[0] for row in rows])
    plug_in: npt.NDArray[np.float64] = (corrected + (blocks - 1) * left.mean(0)) / blocks
    return plug_in


def _left_out_means(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean of all images but those of each block."""
    blocks = stats.block_indices(len(values))
    total = values.sum()
    return np.array([(total - values[block].sum()) / (len(values) - len(block)) for block in blocks])


def _ordered(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:
    """A field falls from study to study: paired differences over the same images."""
    chosen = [_at(rows, study, claim["point"]) for study in claim["studies"]]
    field = claim["field"]
    values = [store.arrays(row.keys[0])[field].astype(np.float64) for row in chosen]
    counts = stats.count_matrix(len(values[0]), DRAWS, seed=0)
    drops = [stats.paired_difference(a, b, counts) for a, b in pairwise(values)]
    verdict = _worst("PASS" if d.lo > 0 else "FAIL" if d.hi <= 0 else "UNDECIDED" for d in drops)
    falls = " > ".join(f"{row.study} {row.value(field):.5f}" for row in chosen)
    return verdict, f"{falls}; drops " + ", ".join(f"{d.value:.5f} [{d.lo:.5f}, {d.hi:.5f}]" for d in drops)


def _leak(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:  # noqa: ARG001
    """No row of a rate has a distortion that the rate cannot pay for."""
    found: list[tuple[float, Verdict, str]] = []
    for row in _of_studies(rows, [row.study for row in rows], "mse", "rate_model", "rate_bound"):
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
            verdict = _compare(mse.image_lo, mse.image_hi, None, max(limits))
            found.append((mse.value - max(limits), verdict, f"nearest: {row.name} {mse.value:.5f} > {max(limits)}"))
    if not found:
        raise _Missing(f"no row of at most {claim['rate']:.4f} bits")
    return _worst(verdict for _, verdict, _ in found), min(found)[2]


def _rates(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:
    """Coded bits against the model's, model's against the bound; numbers of files, so nothing is undecided."""
    worst_coded = worst_bound = -np.inf
    below = False
    for row in _of_studies(rows, [row.study for row in rows], "rate_model", "rate_coded", "rate_bound"):
        images = len(store.arrays(row.keys[0])["rate_model"])
        flush = 8 * row.value("flush_bytes") / images
        model, coded = row.value("rate_model"), row.value("rate_coded")
        worst_coded = max(worst_coded, (coded - flush) / model - 1)
        worst_bound = max(worst_bound, model - row.value("rate_bound"))
        below |= coded < model * (1 - 1e-3)
    good = worst_coded <= claim["relative"] and worst_bound <= claim["absolute"] and not below
    text = f"coded over model after the flush: {100 * worst_coded:.2f} % at most; model over bound: {worst_bound:+.4f}"
    return "PASS" if good else "FAIL", text


def _frozen(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:  # noqa: ARG001
    """Fingerprints of what is frozen, before and after training."""
    cells = [
        cell for row in rows for key in row.keys if (cell := store.cell(key)) is not None and cell.job.sender_frozen
    ]
    if not cells:
        raise _Missing("no row has a frozen sender")
    changed = [
        cell.job.name for cell in cells if cell.fingerprints["frozen_before"] != cell.fingerprints["frozen_after"]
    ]
    return ("FAIL", f"changed: {', '.join(changed)}") if changed else ("PASS", f"{len(cells)} frozen senders unchanged")


_CHECKS: dict[str, Callable[[Store, Sequence[Row], dict[str, Any]], tuple[Verdict, str]]] = {
    "bound": _bound,
    "gap": _gap,
    "ordered": _ordered,
    "leak": _leak,
    "rates": _rates,
    "frozen": _frozen,
}

"""Gaps in distortion at equal constraint, and orders between studies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from rdcbench import stats
from rdcbench.results import Row
from rdcbench.store import Store
from rdcbench.verify.evidence import at, of_studies
from rdcbench.verify.verdicts import Verdict, compare, worst

DRAWS = 1000


def gap(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:
    """The universality gap in distortion at equal constraint, over the common range or at its loosest level."""
    along = claim["along"]
    universal, end_to_end = (
        tradeoff(store, of_studies(rows, claim[side], along, "mse"), along) for side in ("universal", "end_to_end")
    )
    gap = stats.universality_gap(universal, end_to_end)
    chosen = gap.loosest if claim["range"] == "loosest" else gap.maximum
    verdict = compare(chosen.lo, chosen.hi, claim.get("at_most"), claim.get("at_least"))
    curve = ", ".join(
        f"G({level:.4g}) = {value:.5f}" for level, value in zip(gap.levels, gap.gap, strict=True) if np.isfinite(value)
    )
    name = "loosest" if claim["range"] == "loosest" else "largest"
    reason = f"; {chosen.reason or gap.reason}" if chosen.reason or gap.reason else ""
    return verdict, f"{name} {chosen.value:.5f} [{chosen.lo:.5f}, {chosen.hi:.5f}]; {curve}{reason}"


def tradeoff(store: Store, rows: Sequence[Row], along: str) -> stats.TradeoffRows:
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


def ordered(store: Store, rows: Sequence[Row], claim: dict[str, Any]) -> tuple[Verdict, str]:
    """A field falls from study to study: paired differences over the same images."""
    chosen = [at(rows, study, claim["point"]) for study in claim["studies"]]
    field = claim["field"]
    values = [store.arrays(row.keys[0])[field].astype(np.float64) for row in chosen]
    counts = stats.count_matrix(len(values[0]), DRAWS, seed=0)
    drops = [stats.paired_difference(a, b, counts) for a, b in pairwise(values)]
    verdict = worst("PASS" if d.lo > 0 else "FAIL" if d.hi <= 0 else "UNDECIDED" for d in drops)
    falls = " > ".join(f"{row.study} {row.value(field):.5f}" for row in chosen)
    return verdict, f"{falls}; drops " + ", ".join(f"{d.value:.5f} [{d.lo:.5f}, {d.hi:.5f}]" for d in drops)

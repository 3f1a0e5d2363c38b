"""Statistics of rows: intervals, fronts, Bjontegaard deltas, universality gap, rate penalty; numpy and scipy only."""

from rdcbench.stats.amortisation import Amortisation, Cost, amortisation
from rdcbench.stats.bjontegaard import BjontegaardDelta, bd
from rdcbench.stats.bootstrap import (
    Counts,
    bootstrap_interval,
    bootstrap_intervals,
    bootstrap_means,
    count_matrix,
    paired_difference,
)
from rdcbench.stats.decomposition import Bracket, label_entropy, least_error
from rdcbench.stats.fronts import (
    Direction,
    FrontShape,
    Hypervolume,
    Rule,
    envelope_at,
    front_excess,
    front_shape,
    hypervolume,
    lower_envelope,
    pareto_front,
)
from rdcbench.stats.gap import TradeoffRows, UniversalityGap, universality_gap
from rdcbench.stats.intervals import Interval, draws_interval, joined, over_seeds, refused, seed_interval
from rdcbench.stats.jackknife import block_indices, jackknife, jackknife_draws, jackknife_interval
from rdcbench.stats.multiple import holm, p_value
from rdcbench.stats.penalty import RatePenalty, RateSweep, least_rates, rate_penalty, serving_rate

__all__ = [
    "Amortisation",
    "BjontegaardDelta",
    "Bracket",
    "Cost",
    "Counts",
    "Direction",
    "FrontShape",
    "Hypervolume",
    "Interval",
    "RatePenalty",
    "RateSweep",
    "Rule",
    "TradeoffRows",
    "UniversalityGap",
    "amortisation",
    "bd",
    "block_indices",
    "bootstrap_interval",
    "bootstrap_intervals",
    "bootstrap_means",
    "count_matrix",
    "draws_interval",
    "envelope_at",
    "front_excess",
    "front_shape",
    "holm",
    "hypervolume",
    "jackknife",
    "jackknife_draws",
    "jackknife_interval",
    "joined",
    "label_entropy",
    "least_error",
    "least_rates",
    "lower_envelope",
    "over_seeds",
    "p_value",
    "paired_difference",
    "pareto_front",
    "rate_penalty",
    "refused",
    "seed_interval",
    "serving_rate",
    "universality_gap",
]

"""Fill the measured blocks of benchmarks/objectives/README.md and of the three plugins' pages from a run.

    python docs/make_objectives.py RUN

Every point of a plugin's objective is held against the lower envelope of the built-in ones' points, seed by seed: the
difference at equal distortion (for the rate: at equal model rate), and Student's interval over the seeds.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import make_results
from blocks import filled

from rdcbench.results import Row
from rdcbench.stats import envelope_at, seed_interval
from rdcbench.store import Store

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent


class Comparison(NamedTuple):
    """A plugin's study, the built-in ones, what is held equal, and what is compared (lower is better in all)."""

    plugin: str
    challenger: str
    built_in: tuple[str, ...]
    equal: str
    compared: tuple[str, ...]


COMPARISONS = (
    Comparison(
        "objective-infonce",
        "classification-infonce",
        ("classification-none", "classification-ce"),
        "mse",
        ("ce_judge",),
    ),
    Comparison(
        "objective-energy",
        "perception-energy",
        ("perception-none", "perception-critic"),
        "mse",
        ("perception", "sliced_w2"),
    ),
    Comparison("objective-rate", "rate-aware", ("rate-3x2", "rate-3x3", "rate-3x4"), "rate_model", ("mse",)),
)


def main(arguments: Sequence[str]) -> None:
    """Write the pages."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    rows = Store(Path(arguments[0])).rows()
    _fill(ROOT / "benchmarks/objectives/README.md", rows, COMPARISONS)
    for comparison in COMPARISONS:
        _fill(ROOT / "plugins" / comparison.plugin / "README.md", rows, (comparison,))


def _fill(page: Path, rows: Sequence[Row], comparisons: Sequence[Comparison]) -> None:
    blocks = {
        "rows": lambda: make_results.row_table(rows),
        "comparison": lambda: (line for comparison in comparisons for line in compare(rows, comparison)),
    }
    page.write_text(filled(page.read_text(encoding="utf-8"), blocks), encoding="utf-8")


def compare(rows: Sequence[Row], comparison: Comparison) -> Iterator[str]:
    """One line for each point of the plugin's objective and each measure."""
    built_in = [row for row in rows if row.study in comparison.built_in]
    missing = {comparison.challenger, *comparison.built_in} - {row.study for row in rows}
    if missing:
        yield f"- `{comparison.challenger}`: **not measured** in this run (no row of {', '.join(sorted(missing))})"
        return
    for row in rows:
        if row.study == comparison.challenger:
            for field in comparison.compared:
                told = verdict(differences(row, built_in, comparison.equal, field))
                yield f"- `{row.study}` {row.point}, `{field}` at equal `{comparison.equal}`: {told}"


def differences(row: Row, built_in: Sequence[Row], equal: str, field: str) -> list[float]:
    """The point less the envelope of the others, for each seed that all of them have; NaN where nothing compares."""
    seeds = set(row.seeds).intersection(*(one.seeds for one in built_in))

    def value(one: Row, name: str, seed: int) -> float:
        return one.values[name].seed_values[one.seeds.index(seed)]

    found = []
    for seed in sorted(seeds):
        limits, values = ([value(one, name, seed) for one in built_in] for name in (equal, field))
        (best,) = envelope_at(limits, values, [value(row, equal, seed)])
        found.append(value(row, field, seed) - float(best))
    return found


def verdict(found: Sequence[float]) -> str:
    """The mean difference, its interval, and who won."""
    if not found or not all(map(math.isfinite, found)):
        return "**not comparable**: no built-in point costs as little"
    if len(found) == 1:
        return f"{found[0]:+.4g} (one seed: **undecided**)"
    spread = seed_interval(found)
    won = "**won**" if spread.hi < 0 else "**lost**" if spread.lo > 0 else "**undecided**"
    return f"{spread.value:+.4g} [{spread.lo:+.4g}, {spread.hi:+.4g}], {len(found)} seeds: {won}"


if __name__ == "__main__":
    main(sys.argv[1:])

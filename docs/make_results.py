"""Fill the measured blocks of benchmarks/mnist-universal/README.md, and its folder results/, from finished runs.

    python docs/make_results.py RUN [MORE...]

RUN is a finished run of mnist-universal, MORE those of its preset `convergence`. No number in these blocks is typed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from blocks import filled, keep_tables, table

from rdcbench.fresh import verify_afresh
from rdcbench.results import Row
from rdcbench.store import Store

FOLDER = Path(__file__).parent
BENCHMARK = FOLDER.parent / "benchmarks" / "mnist-universal"
FIGURES = ("fig4a", "fig4b", "fig5", "fig6", "fig7", "rdpc")
TWICE = "-twice"
COLUMNS: Mapping[str, tuple[str, int]] = {
    "model bits": ("rate_model", 3),
    "coded bits": ("rate_coded", 3),
    "D": ("mse", 4),
    "CE": ("ce", 3),
    "accuracy": ("accuracy", 3),
    "judge CE": ("ce_judge", 3),
    "judge accuracy": ("accuracy_judge", 3),
    "F": ("perception", 1),
    "sliced W2": ("sliced_w2", 4),
    "sharpness": ("sharpness", 4),
}


def main(arguments: Sequence[str]) -> None:
    """Write the page and the files."""
    if not arguments:
        sys.exit(__doc__)
    run, *more = map(Path, arguments)
    page = BENCHMARK / "README.md"
    blocks: dict[str, Callable[[], Iterator[str]]] = {
        "time": lambda: time_table(run),
        "claims": lambda: claim_list(run, more),
        "rows": lambda: row_table(Store(run).rows()),
        "convergence": lambda: convergence_table(Store(run).rows(), [row for one in more for row in Store(one).rows()]),
    }
    page.write_text(filled(page.read_text(encoding="utf-8"), blocks, keep=True), "utf-8")
    keep_files(run, more)


def time_table(run: Path) -> Iterator[str]:
    """Jobs, steps and training seconds of seed 0 by study; what studies share counts once."""
    store = Store(run)
    plan = store.plan()
    assert plan is not None
    studies: dict[str, list[float]] = {}
    for job in plan.unique():
        cell = store.cell(plan.keys[job.name]) if job.stage == "codec" and job.seed == 0 else None
        if cell is not None:
            studies.setdefault(job.name.split("/")[0], []).append(cell.costs["train_seconds"])
    lines = [(study, str(len(seconds)), f"{sum(seconds):.0f}") for study, seconds in studies.items()]
    total = [second for seconds in studies.values() for second in seconds]
    yield from table(("study", "jobs", "training seconds"), [*lines, ("all", str(len(total)), f"{sum(total):.0f}")])


def claim_list(run: Path, more: Sequence[Path]) -> Iterator[str]:
    """What `rdcbench verify` finds."""
    for finding in verify_afresh([Store(run), *map(Store, more)]):
        yield f"- **{finding.verdict}** `{finding.claim}`: {finding.says}. {finding.numbers}"


def row_table(rows: Sequence[Row]) -> Iterator[str]:
    """Every row with its intervals: over images, and over seeds where there are several."""
    names = {title: field for title, field in COLUMNS.items() if any(field[0] in row.values for row in rows)}
    lines = [(row.study, row.point, *(shown(row, field, digits) for field, digits in names.values())) for row in rows]
    yield from table(("study", "point", *names), lines)


def shown(row: Row, field: str, digits: int) -> str:
    """Value, half the width of its interval over images, and over seeds: 0.0463 ± 0.0003 ± 0.0010."""
    found = row.values[field]
    halves = ((found.image_hi - found.image_lo) / 2, (found.seed_hi - found.seed_lo) / 2)
    return " ± ".join([f"{found.value:.{digits}f}", *(f"{half:.{digits}f}" for half in halves if half > 0)])


def convergence_table(rows: Sequence[Row], twice: Sequence[Row]) -> Iterator[str]:
    """Points trained with twice the steps beside those of the run, both of their first seed."""
    found = {(row.study, row.point): row for row in rows}
    lines = []
    for row in twice:
        base = found.get((row.study.removesuffix(TWICE), row.point))
        if not row.study.endswith(TWICE) or base is None:
            continue
        cells = [f"{base.study} {row.point}"]
        for field, digits in (("mse", 5), ("perception", 1), ("ce", 3)):
            before, after = (one.values[field].seed_values[0] for one in (base, row))
            cells += [f"{before:.{digits}f}", f"{after:.{digits}f}", f"{100 * (after / before - 1):+.1f} %"]
        lines.append(cells)
    header = ["point", *(word for name in ("D", "F", "CE") for word in (name, "twice the steps", "change"))]
    yield from table(header, lines)


def keep_files(run: Path, more: Sequence[Path]) -> None:
    """Copy tables and figures of the run into results/, and what verify says."""
    results = BENCHMARK / "results"
    keep_tables(run, results, dict.fromkeys(FIGURES, run))
    lines = [f"{f.verdict:9} {f.claim}: {f.says}. {f.numbers}" for f in verify_afresh([Store(run), *map(Store, more)])]
    (results / "verify.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Fill the measured blocks of benchmarks/photographs/README.md from a finished run.

    python docs/make_photographs.py RUN

No number in these blocks is typed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from blocks import filled, table

from rdcbench.results import Row
from rdcbench.store import Store

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "benchmarks" / "photographs" / "README.md"
COLUMNS = (("bits per pixel", "bpp", 3), ("PSNR, dB", "psnr", 2), ("SSIM", "ssim", 3))


def main(arguments: Sequence[str]) -> None:
    """Write the page."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    store = Store(Path(arguments[0])).open()
    blocks = {"rows": lambda: rows(store.rows()), "machine": lambda: machine(store)}
    text = filled(PAGE.read_text(encoding="utf-8"), blocks)
    PAGE.write_text(text, encoding="utf-8")


def rows(found: Sequence[Row]) -> Iterator[str]:
    """Rate and quality of every row, with half the width of the interval over the test crops."""
    lines = []
    for row in sorted(found, key=lambda row: row.value("bpp")):
        seconds = row.costs.get("train_seconds", 0.0)
        cells = [_shown(row, field, digits) for _, field, digits in COLUMNS]
        lines.append((row.study, row.point, *cells, f"{seconds:.0f}" if seconds >= 1 else "none"))
    yield from table(("study", "point", *(title for title, *_ in COLUMNS), "training, s"), lines)


def _shown(row: Row, field: str, digits: int) -> str:
    value = row.values[field]
    half = (value.image_hi - value.image_lo) / 2
    return f"{value.value:.{digits}f}" + (f" ± {half:.{digits}f}" if half > 0 else "")


def machine(store: Store) -> Iterator[str]:
    """Where the run was made."""
    facts = store.provenance()
    versions = ", ".join(f"{name} {facts['versions'][name]}" for name in ("torch", "compressai"))
    commit = f", commit `{facts['commit'][:7]}`" if facts["commit"] else ""
    yield f"{len(store.rows())} rows, seed 0, {facts['processor']}, {versions}{commit}."


if __name__ == "__main__":
    main(sys.argv[1:])

"""Fill the measured blocks of benchmarks/mnist-frontier/README.md from finished runs.

    python docs/make_frontier.py RUN [MORE...]

RUN is a run of mnist-frontier, whose tables go to results/; MORE are runs of fewer seeds, of mnist-universal or of
presets, for studies that RUN has not: of a study that several have, the first run's rows count. A figure comes from the
first run that has three quarters of its studies. A block that the runs have nothing for is left as it is, and no number
in these blocks is typed.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import make_results
import torch
from blocks import filled, keep_tables, table

import rdcbench
from rdcbench import building, stats
from rdcbench.results import Row
from rdcbench.store import Store
from rdcbench.verify import verify

FOLDER = Path(__file__).parent
BENCHMARK = FOLDER.parent / "benchmarks" / "mnist-frontier"
SENDERS = (
    ("rdc", "classification=0", ("rdc", "rdc-zero-labels")),
    (
        "rdc",
        "classification=0.015",
        ("rdc-universal", "rdc-universal-tenth", "rdc-universal-tenfold", "rdc-labels"),
    ),
    ("rdc-3x4", "classification=0.015", ("rdc-universal-3x4",)),
    ("rdc-4x4", "classification=0.015", ("rdc-universal-4x4",)),
    ("rdp-base", "perception=0.015", ("rdp-universal",)),
    ("rdc-joint", "classification=0.015", ("rdc-joint", "rdc-joint-universal")),
    ("codebook", "distortion=1", ("codebook", "codebook-labels")),
    ("codebook-entropy", "distortion=1", ("codebook-entropy",)),
    ("codebook-pure", "distortion=1", ("codebook-pure",)),
)
"""Study and point of a frozen sender, and the studies whose decoders stand behind it."""
FIGURES = tomllib.loads((BENCHMARK / "recipe.toml").read_text(encoding="utf-8"))["figures"]
LABEL = "digit"
FIELDS = {"mse": "D", "ce_judge": "label, nats"}
"""Measures whose least value a sender determines, and their names in a table."""


def main(arguments: Sequence[str]) -> None:
    """Write the page."""
    if not arguments:
        sys.exit(__doc__)
    stores = [Store(Path(run)) for run in arguments]
    rows, runs = first_of_each(stores)
    senders = list(bracketed(rows, runs))
    blocks = {
        "run": lambda: machine(stores),
        "claims": lambda: claims(stores),
        "rows": lambda: make_results.row_table([row for row in rows if row.study in own_studies()]),
        "forbidden": lambda: forbidden(senders),
        "left": lambda: left(senders),
        "rates": lambda: rates(rows),
    }
    page = BENCHMARK / "README.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), blocks, keep=True), encoding="utf-8")
    keep_tables(stores[0].root, BENCHMARK / "results", drawn_by(stores))


def first_of_each(stores: Sequence[Store]) -> tuple[list[Row], dict[str, Path]]:
    """Rows of each study from the first run that has it, and which run that is."""
    rows: list[Row] = []
    runs: dict[str, Path] = {}
    for store in stores:
        found = [row for row in store.rows() if row.study not in runs]
        rows += found
        runs |= {row.study: store.root for row in found}
    return rows, runs


def drawn_by(stores: Sequence[Store]) -> dict[str, Path]:
    """Figure -> the first run that has rows of three quarters of its studies; figures of no run are left out."""
    there = {store.root: {row.study for row in store.rows()} for store in stores}
    found = {}
    for name, figure in FIGURES.items():
        wanted = figure["studies"]
        runs = [run for run, studies in there.items() if len(studies.intersection(wanted)) >= 0.75 * len(wanted)]
        if runs:
            found[name] = runs[0]
    return found


def own_studies() -> set[str]:
    """The studies that this benchmark adds to mnist-universal, and the codebook that they stand beside."""
    recipe = tomllib.loads((BENCHMARK / "recipe.toml").read_text(encoding="utf-8"))
    return {"codebook", "codebook-dial", *recipe["studies"]}


def machine(stores: Sequence[Store]) -> Iterator[str]:
    """Where each run was made, and with which seeds."""
    for store in stores:
        facts, rows = store.provenance(), store.rows()
        seeds = sorted({seed for row in rows for seed in row.seeds})
        commit = f", commit `{facts['commit'][:7]}`" if facts.get("commit") else ""
        told = f"torch {facts['versions']['torch']}{commit}"
        yield f"- {len(rows)} rows, seeds {', '.join(map(str, seeds))}: {facts['processor']}, {told}"


def claims(stores: Sequence[Store]) -> Iterator[str]:
    """What `rdcbench verify` finds on the claims of this benchmark."""
    own = tomllib.loads((BENCHMARK / "expected.toml").read_text(encoding="utf-8"))["claims"]
    for finding in verify(*stores):
        if finding.claim in own:
            yield f"- **{finding.verdict}** `{finding.claim}`: {finding.says}. {finding.numbers}"


@dataclass(frozen=True)
class Sender:
    """A frozen sender, the rows of decoders behind it, and brackets of what it forbids with its first seed."""

    row: Row
    decoders: Sequence[Row]
    forbids: Mapping[str, stats.Bracket]

    def left(self, row: Row, field: str) -> str:
        """What a decoder leaves above the two ends of the bracket."""
        value, bracket = row.values[field].seed_values[0], self.forbids[field]
        return f"{value - bracket.hi:.4f} to {value - bracket.lo:.4f}"


def bracketed(rows: Sequence[Row], runs: Mapping[str, Path]) -> Iterator[Sender]:
    """The senders of which there are rows."""
    for study, point, decoders in SENDERS:
        sender = next((row for row in rows if (row.study, row.point) == (study, point)), None)
        if sender is not None:
            same = [row for row in rows if row.study in decoders and (row.study != study or row.point == point)]
            found = brackets(runs[study], sender, sender.seeds[0])
            yield Sender(sender, same, dict(zip(FIELDS, found, strict=True)))


def forbidden(senders: Sequence[Sender]) -> Iterator[str]:
    """What each sender forbids, and what the best of its decoders leaves above it."""
    lines = []
    for sender in senders:
        for field, title in FIELDS.items():
            bracket = sender.forbids[field]
            best = min(sender.decoders or [sender.row], key=lambda row, field=field: row.values[field].seed_values[0])  # type: ignore[misc]
            ends = f"{bracket.lo:.4f} to {bracket.hi:.4f}"
            name, who = f"{sender.row.study} {sender.row.point}", f"{best.study} {best.point}"
            lines.append((name, title, ends, f"{bracket.width:.4f}", who, sender.left(best, field)))
    if lines:
        yield from table(("sender", "what", "forbidden", "width", "its best decoder", "left by that decoder"), lines)


def left(senders: Sequence[Sender]) -> Iterator[str]:
    """What every universal row has above what its sender forbids."""
    lines = [
        (row.study, row.point, *(cell for field in FIELDS for cell in (_digits(row, field), sender.left(row, field))))
        for sender in senders
        for row in sender.decoders
        if row.protocol == "universal"
    ]
    if lines:
        yield from table(("study", "point", "D", "left of D", "judge CE", "left of the label, nats"), lines)


def _digits(row: Row, field: str) -> str:
    return f"{row.values[field].seed_values[0]:.4f}"


def brackets(run: Path, row: Row, seed: int) -> tuple[stats.Bracket, stats.Bracket]:
    """What a sender forbids of the image, squared error a pixel, and of its label, nats."""
    name = f"{row.name}/seed{seed}"
    codec: Any = rdcbench.load(f"{run}/{name}")
    plan = Store(run).plan()
    assert plan is not None
    work = building.work_of(plan, plan.job(name), building.Settings(run))
    splits = [building.load_split(work, split)[1] for split in ("train", "test")]
    pixels = [split.images.flatten(1).numpy() / 255 for split in splits]
    received = [codec.received(split, torch.arange(len(split))).flatten(1).numpy() for split in splits]
    labels = [split.labels[LABEL].numpy() for split in splits]
    classes = int(labels[0].max()) + 1
    return (
        stats.least_error(received[0], pixels[0], received[1], pixels[1]),
        stats.label_entropy(received[0], labels[0], received[1], labels[1], classes),
    )


def rates(rows: Sequence[Row]) -> Iterator[str]:
    """Learned codecs against the curve of codebooks at equal coded rate, first seed."""
    codebooks = [row for row in rows if row.study.startswith("codewords-")]
    limits, values = ([row.value(name) for row in codebooks] for name in ("rate_coded", "mse"))
    if not codebooks:
        return
    lines = []
    for row in sorted(rows, key=lambda row: row.value("rate_coded")):
        if row.study.startswith(("codewords-", "learned-")):
            rate, mse = row.value("rate_coded"), row.value("mse")
            over = ""
            if row not in codebooks:
                over = f"{mse - float(stats.envelope_at(limits, values, [rate])[0]):+.4f}"
            lines.append((row.study, f"{rate:.2f}", f"{mse:.4f}", over))
    yield from table(("study", "coded bits", "D", "over codebooks at equal coded rate"), lines)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What holds for every row by itself: a distortion that its rate can pay for, bits that are real, frozen senders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import field_validator

from rdcbench.results import Cell, Row
from rdcbench.verify.claim import Law
from rdcbench.verify.evidence import Evidence, Scope, interval_of
from rdcbench.verify.verdicts import Answer, Undecided, Verdict, compare, counted, listed, shown, worst

ROUNDING = 1e-9
"""d log2 L and log2 K of the same codebook differ in their last digits."""
TABLE_PRECISION = 1e-3
"""Share by which a stream may be shorter than its model says: the coder's integer tables round."""
FILE = ("rate_model", "rate_coded", "rate_bound", "flush_bytes", "header_bytes")
"""What a row says of its file."""


class Leak(Law):
    """No row of at most `rate` bits has an mse below what is known of codes of that rate.

    A row whose rate_bound is at most `rate` is held to `at_least_by_bound`; one with a longer alphabet, whose
    rate_model is at most `rate`, to `at_least_by_model`.
    """

    kind: Literal["leak"]
    rate: float
    at_least_by_bound: float
    at_least_by_model: float

    def check(self, scope: Scope) -> Answer:
        """Every row of the rate; the one nearest to its alarm is printed."""
        return _under(scope.every_row("mse", "rate_model", "rate_bound"), self._alarm, f"at most {self.rate:.4f} bits")

    def _alarm(self, row: Row) -> float | None:
        if row.value("rate_bound") <= self.rate + ROUNDING:
            return self.at_least_by_bound
        return self.at_least_by_model if row.value("rate_model") <= self.rate + ROUNDING else None


class Codewords(Law):
    """No row has an mse below what K points of a linear space can reach: the tail of the eigenvalues (PCA bound).

    at_least: K -> the bound, of the very images that are coded; rigorous for fixed-length codes of K codewords, with
    shared randomness too. A row is held to the smallest K of the table that is at least 2^rate_bound: fewer codewords
    can do no more. Source: rdcbench.oracles.pca_tail_bound.
    """

    kind: Literal["codewords"]
    at_least: dict[int, float]

    @field_validator("at_least")
    @classmethod
    def _falls(cls, table: Mapping[int, float]) -> dict[int, float]:
        inorder = dict(sorted(table.items()))
        if not inorder or sorted(inorder.values(), reverse=True) != list(inorder.values()):
            raise ValueError("a table of codewords -> bound is needed, and more codewords have a lower bound")
        return inorder

    def check(self, scope: Scope) -> Answer:
        """Every row that the table covers; the one nearest to its bound is printed."""
        rows = scope.every_row("mse", "rate_bound")
        return _under(rows, self._bound, f"at most {np.log2(max(self.at_least)):.4g} bits")

    def _bound(self, row: Row) -> float | None:
        rate = row.value("rate_bound")
        return next((bound for words, bound in self.at_least.items() if rate <= np.log2(words) + ROUNDING), None)


def _under(rows: Sequence[Row], floor: Callable[[Row], float | None], of_what: str) -> Answer:
    """Hold rows to floors of their mse."""
    held = [(row, least) for row in rows if (least := floor(row)) is not None]
    if not held:
        raise Undecided(f"no row of {of_what}")
    verdicts = [compare(interval_of(row, "mse"), at_least=least) for row, least in held]
    under = [row.name for (row, _), verdict in zip(held, verdicts, strict=True) if verdict != "PASS"]
    row, least = min(held, key=lambda pair: pair[0].value("mse") - pair[1])
    told = f"{counted(len(held), 'row')}; nearest {row.name} {shown(interval_of(row, 'mse'))}, floor {least:g}"
    return worst(verdicts), f"{told}; not above their floor: {listed(under)}" if under else told


LENGTH = 4
"""Bytes in which a container tells the length of a payload."""


class Rates(Law):
    """Coded bits are the model's, up to `relative` and `beside` bytes, never below; the model's are at most the bound.

    absolute: bits by which a model may exceed its bound. beside: bytes that flush and header of the whole file may have
    together, so that nothing travels in a table of lengths or under the name of a flush; a row without a bound is of
    files, one for each image, whose lengths the container has to tell. Numbers of files: an interval decides nothing.
    """

    kind: Literal["rates"]
    relative: float
    absolute: float
    beside: int = 128

    def check(self, scope: Scope) -> Answer:
        """Every cell of every row."""
        over, above, beside, wrong = [], [], [], []
        for row in scope.every_row(*FILE):
            for place, seed in enumerate(row.seeds):
                model, coded, bound, flush, header = (row.values[name].seed_values[place] for name in FILE)
                images = scope.evidence.samples.images(row.keys[place], "rate_model")
                if not images:
                    raise Undecided(f"{row.name} kept no rates by image: the flush is unknown")
                over.append((coded - 8 * flush / images) / model - 1)
                above.append(model - bound)
                beside.append(flush + header)
                shorter = coded < model * (1 - TABLE_PRECISION)
                allowed = self.beside + (LENGTH * images if math.isinf(bound) else 0)
                if over[-1] > self.relative or above[-1] > self.absolute or beside[-1] > allowed or shorter:
                    told = f"{row.name} seed {seed}: coded {coded:.4f}, model {model:.4f}, bound {bound:.4f}"
                    wrong.append(f"{told}, flush and header {beside[-1]:.0f} bytes")
        told = f"coded over model after the flush {100 * min(over):+.2f} to {100 * max(over):+.2f} %; "
        told += f"model over bound {max(above):+.4f} bits at most; "
        told += f"flush and header {max(beside):.0f} bytes of a file at most"
        return ("FAIL", f"{told}; {listed(wrong)}") if wrong else ("PASS", f"{counted(len(over), 'cell')}; {told}")


class Frozen(Law):
    """What is frozen has one fingerprint before and after training, buffers too: that of the job it came from."""

    kind: Literal["frozen"]

    def check(self, scope: Scope) -> Answer:
        """Every cell whose sender came from another job."""
        verdicts: list[Verdict] = []
        wrong = []
        for row in scope.every_row():
            for seed in row.seeds:
                cell = scope.evidence.cell(row, seed)
                if cell.job.sender_frozen:
                    verdict, told = _fingerprints(cell, _origin(scope.evidence, row, cell))
                    verdicts.append(verdict)
                    wrong += [told] if told else []
        if not verdicts:
            raise Undecided("no row has a frozen sender")
        return worst(verdicts), "; ".join(
            [counted(len(verdicts), "frozen sender"), *([listed(wrong)] if wrong else [])]
        )


def _fingerprints(cell: Cell, origin: Cell | None) -> Answer:
    """Whether a sender is what it was, and the verdict's reason; no text where all is well."""
    before, after = (cell.fingerprints.get(f"frozen_{when}", "") for when in ("before", "after"))
    if not before or not after:
        return "UNDECIDED", f"{cell.job.name} has no fingerprints"
    if before != after:
        return "FAIL", f"{cell.job.name} changed while it was frozen"
    theirs = origin.fingerprints.get("sender", "") if origin else ""
    mine = cell.fingerprints.get("sender", "")
    if theirs and mine and theirs != mine:
        return "FAIL", f"{cell.job.name} has another sender than {cell.job.inputs['encoder']}"
    return "PASS", ""


def _origin(evidence: Evidence, row: Row, cell: Cell) -> Cell | None:
    """The cell that a sender came from, None where the run has none of it."""
    run, name = evidence.run_of(row), cell.job.inputs.get("encoder", "")
    return run.store.cell(run.plan.keys[name]) if name in run.plan.keys else None

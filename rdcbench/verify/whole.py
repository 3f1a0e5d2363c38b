"""Whether a run is whole: every planned cell is there once, finished, finite, and measured like the others."""

from __future__ import annotations

from itertools import chain

from rdcbench.verify.evidence import Evidence
from rdcbench.verify.verdicts import Finding, Verdict, counted, listed

NAME = "run-is-whole"
SAYS = "every planned cell is there once, finished, with numbers that are numbers, and measured like the others"
SHOWN = 8


def whole(evidence: Evidence) -> Finding:
    """UNDECIDED while cells are missing; FAIL when one failed, is double or unsound, or rows do not compare."""
    faults = [sentence for run in evidence.runs for sentence in chain(*run.faults.values(), run.unsound.values())]
    fields = sorted({name for row in evidence.rows for name in row.values})
    faults += [f"rows do not compare, {sentence}" for sentence in evidence.differences(evidence.rows, fields)]
    missing = [sentence for run in evidence.runs for sentence in chain(*run.missing.values())]
    verdict: Verdict = "FAIL" if faults else "UNDECIDED" if missing else "PASS"
    return Finding(
        NAME, verdict, SAYS, "; ".join([_size(evidence), *_told(faults), *_told(missing), *_unused(evidence)])
    )


def _size(evidence: Evidence) -> str:
    counts = sorted({len(row.seeds) for row in evidence.rows})
    seeds = " or ".join(counted(count, "seed") for count in counts)
    alone = " (intervals are over images alone: the spread over trainings is unknown)" if 1 in counts else ""
    return f"{counted(len(evidence.rows), 'row')}, {seeds}{alone}"


def _told(sentences: list[str]) -> list[str]:
    return [*sentences[:SHOWN], *([f"and {len(sentences) - SHOWN} more"] if len(sentences) > SHOWN else [])]


def _unused(evidence: Evidence) -> list[str]:
    return [f"not used, since a run before has them: {listed(evidence.unused)}"] if evidence.unused else []

"""Generated blocks of pages: what stands between `<!-- begin generated: NAME -->` and its end is written by a script.

The scripts beside this module import it, and one another, by name: Python puts the folder of a script on its path.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

BLOCK = re.compile(r"(<!-- begin generated: (?P<name>[\w-]+) -->\n).*?(<!-- end generated: (?P=name) -->)", re.DOTALL)


def filled(text: str, blocks: Mapping[str, Callable[[], Iterable[str]]], keep: bool = False) -> str:
    """The text of a page with the lines of its blocks.

    keep: leave a block that nobody fills, or that gets no line, as it is; otherwise the first is a KeyError.
    """

    def body(found: re.Match[str]) -> str:
        if keep and found["name"] not in blocks:
            return found[0]
        lines = list(blocks[found["name"]]())
        if keep and not lines:
            return found[0]
        inner = "\n".join(["", *lines, ""]) if lines else ""
        return f"{found[1]}{inner}\n{found[3]}"

    return BLOCK.sub(body, text)


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of GitHub's Markdown; cells are plain text or Markdown without line breaks."""
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for line in lines:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |".replace("  |", " |")


def keep_tables(run: Path, results: Path, figures: Mapping[str, Path]) -> None:
    """Copy a run's leaderboards, and figures from the run of each, into a folder."""
    results.mkdir(exist_ok=True)
    for name in ("leaderboard.md", "leaderboard.csv"):
        shutil.copyfile(run / name, results / name)
    for figure, drawn in figures.items():
        shutil.copyfile(drawn / "figures" / f"{figure}.png", results / f"{figure}.png")

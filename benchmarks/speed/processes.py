"""Whole processes: how long verbs take, and how much memory the workers of a run need at their peak.

    python benchmarks/speed/processes.py verbs RUN          each verb REPEATS times; RUN is a finished run
    python benchmarks/speed/processes.py memory COMMAND...  such as: rdcbench run smoke --jobs 2 --out /tmp/run

`verbs` works on a copy of RUN and repeats its benchmark there, which finds all done if RUN was made by this very code.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from authoring import RDCBENCH, timed

from rdcbench.store import Store

REPEATS = 5
POLL_SECONDS = 0.1
SMALL = 100 * 2**10
"""Kilobytes below which a process is not worth a line."""


def verbs(run: str) -> None:
    """Median and spread of wall and processor seconds, as rows of a Markdown table."""
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(run, Path(place) / Path(run).name)
        recipe = Store(copy).open().recipe().name
        lines: list[list[str]] = [
            ["--help"], ["schema", "recipe"], ["list", "decoder"], ["status", str(copy)], ["leaderboard", str(copy)],
            ["run", recipe, "--out", str(copy)], ["report", str(copy)],
        ]  # fmt: skip
        print("| verb | wall seconds | largest less smallest | processor seconds |\n| --- | --- | --- | --- |")
        for words in lines:
            repeats = 3 if words[0] == "report" else REPEATS
            wall, work = zip(*(timed([RDCBENCH, *words], Path(place)) for _ in range(repeats)), strict=True)
            middle, busy, spread = statistics.median(wall), statistics.median(work), max(wall) - min(wall)
            print(f"| {words[0]} | {middle:.2f} | {spread:.2f} | {busy:.2f} |", flush=True)


def memory(command: Sequence[str]) -> None:
    """Run a command and print the peak resident memory of it and of each process under it (Linux)."""
    driver = subprocess.Popen(command)
    peaks: dict[int, int] = {}
    while driver.poll() is None:
        for pid in [driver.pid, *_below(driver.pid)]:
            peaks[pid] = max(peaks.get(pid, 0), _peak(pid))
        time.sleep(POLL_SECONDS)
    for pid, peak in peaks.items():
        if peak < SMALL:
            continue
        print(f"{'driver' if pid == driver.pid else 'worker'} {pid}: {peak / 2**20:.2f} GiB")


def _below(pid: int) -> list[int]:
    """Children of a process, their children, and so on."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]  # of each of its threads
    except OSError:
        return []
    children = [int(word) for text in lists for word in text.split()]
    return [found for child in children for found in (child, *_below(child))]


def _peak(pid: int) -> int:
    """Peak resident kilobytes of a process, 0 if it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def main(words: Sequence[str]) -> None:
    """Do what is asked for."""
    if len(words) < 2 or words[0] not in ("verbs", "memory"):
        sys.exit(__doc__)
    if words[0] == "verbs":
        verbs(words[1])
    else:
        memory(words[1:])


if __name__ == "__main__":
    main(sys.argv[1:])

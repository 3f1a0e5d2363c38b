"""What a part of one's own costs in time: from `rdcbench new` to a measured row, and what ten installed plugins add.

    python benchmarks/speed/authoring.py objective [KIND...]     new, install, test, check, run and uninstall each
    python benchmarks/speed/authoring.py --start [RUN]           start of verbs without and with ten plugins
    python benchmarks/speed/authoring.py --check                 check of every built-in part, the slowest first

Packages are installed into the environment that runs this file, without a network, and uninstalled again. Seconds are
wall time and, in brackets, processor time of the command and its children.
"""

from __future__ import annotations

import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rdcbench import registry, scaffold
from rdcbench.conformance import check_entry
from rdcbench.conformance.check import part_name

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
RDCBENCH = str(Path(sys.executable).with_name("rdcbench"))
REPEATS = 5


def timed(command: Sequence[str], folder: Path, path: str = "") -> tuple[float, float]:
    """Wall and processor seconds of a command; its output is shown if it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": path} if path else None
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def author(kind: str) -> None:
    """Go the way of an author with the stub of one kind."""
    name = f"timed_{kind}"
    run = shlex.split(scaffold.run_command(kind, name))[1:]
    with tempfile.TemporaryDirectory() as place:
        steps = {
            "new": [RDCBENCH, "new", kind, name],
            "install": [*PIP, "install", "--no-deps", "--no-build-isolation", "--no-index", "-e", name],
            "check": [RDCBENCH, "check", name],
            "run": [RDCBENCH, *run, "--out", "out", "--jobs", "2"],
            "tests": [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name],
        }
        spent = {}
        try:
            for step, command in steps.items():
                spent[step] = timed(command, Path(place))
        finally:
            subprocess.run([*PIP, "uninstall", "--yes", f"rdcbench-{name.replace('_', '-')}"], check=False)
    told = ", ".join(f"{step} {wall:.1f} ({work:.1f})" for step, (wall, work) in spent.items())
    total = [sum(spent[step][which] for step in ("new", "install", "check", "run")) for which in (0, 1)]
    print(f"{kind}: {told}; new to run {total[0]:.1f} ({total[1]:.1f})", flush=True)


def ten_plugins(folder: Path) -> None:
    """Ten packages as pip leaves them, each with a module that imports torch."""
    for number in range(10):
        name = f"rdcbench_ten_{number}"
        (folder / f"{name}.py").write_text("import torch\nimport rdcbench\n")
        record = folder / f"{name}-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (record / "entry_points.txt").write_text(f"[rdcbench]\n{name} = {name}\n")


def starts(run: str) -> None:
    """Median processor time of verbs that load no plugin, without and with ten of them, in turns."""
    with tempfile.TemporaryDirectory() as place:
        ten_plugins(Path(place))
        for words in (["--help"], ["schema", "recipe"], *([["status", run], ["leaderboard", run]] if run else [])):
            work: dict[str, list[float]] = {"": [], place: []}
            for _ in range(REPEATS):
                for path, found in work.items():
                    found.append(timed([RDCBENCH, *words], Path.cwd(), path)[1])
            none, ten = map(statistics.median, work.values())
            spread = max(max(found) - min(found) for found in work.values())
            print(f"rdcbench {words[0]}: {none:.2f} without, {ten:.2f} with ten (spread {spread:.2f})", flush=True)


def checks() -> None:
    """Seconds of each built-in part's check in one process, which imports what it needs once."""
    parts = registry.load()
    spent = []
    for entry in (entry for entry in parts.entries if entry.owner in parts.shipped):
        wall, work = time.perf_counter(), time.process_time()
        check_entry(entry, parts)
        spent.append((time.process_time() - work, time.perf_counter() - wall, f"{entry.kind} {part_name(entry)}"))
    for work, wall, part in sorted(spent, reverse=True):
        print(f"{part}: {wall:.1f} ({work:.1f})")


def main(words: Sequence[str]) -> None:
    """Do what is asked for."""
    if not words:
        sys.exit(__doc__)
    if words[0] == "--start":
        starts(str(Path(words[1]).resolve()) if len(words) > 1 else "")
        return
    if words[0] == "--check":
        checks()
        return
    for kind in words:
        author(kind)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What a run shows while it runs and when it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from rdcbench.options import Options
    from rdcbench.recipe import Recipe
    from rdcbench.runner import Result

console = Console()


class Display:
    """A bar for the whole run with the time left, and a line for each running job; into a file, a line for each end."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._started = time.monotonic()
        self._costs: dict[str, float] = {}
        self._done = 0.0
        self._running: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Display:
        self._progress.start()
        self._total = self._progress.add_task("jobs", total=None, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def listen(self, kind: str, job: str, values: Mapping[str, Any]) -> None:
        """Take note of an event of the runner."""
        if kind == "planned":
            self._costs = dict(values["todo"])
            self._progress.update(self._total, total=len(values["todo"]))
        elif kind == "started":
            self._running[job] = self._progress.add_task(job, total=None, note="")
        elif kind in ("finished", "failed"):
            self._end(job, kind)
            if kind == "failed":
                self._progress.console.print(f"failed: {job}: {values['error']}", markup=False)
        elif kind == "note":
            self._progress.console.print(values["text"], markup=False)
        elif kind == "tick":
            self._poll()

    def _end(self, job: str, word: str) -> None:
        if job in self._running:
            self._progress.remove_task(self._running.pop(job))
        self._done += self._costs.get(job, 0.0)
        self._progress.update(self._total, advance=1)
        if not self._progress.console.is_terminal:  # a log of a queue or a cluster, where no bar is drawn
            whole = self._progress.tasks[0]
            line = f"{whole.completed:.0f} of {whole.total:.0f}: {job} {word}{self._left(self._done)}"
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _left(self, done: float) -> str:
        """The time left as it looks now, empty as long as too little is known."""
        total = sum(self._costs.values())
        if not 0.02 * total < done < total:
            return ""
        return f", about {duration((time.monotonic() - self._started) * (total - done) / done)} left"

    def _poll(self) -> None:
        """Read the progress files of the running jobs and estimate the time left."""
        partly = 0.0
        for path in (self.out / "progress").glob("*.json"):
            try:
                seen = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            task = self._running.get(seen["job"])
            if task is not None:
                terms = ", ".join(f"{name} {value:.4g}" for name, value in seen["terms"].items() if name != "step")
                self._progress.update(task, completed=seen["step"], total=seen["steps"], note=terms)
                partly += self._costs.get(seen["job"], 0.0) * seen["step"] / max(1, seen["steps"])
        if left := self._left(self._done + partly):
            self._progress.update(self._total, note=left.removeprefix(", "))


def duration(seconds: float) -> str:
    """Seconds in words: "50 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def print_dry_run(recipe: Recipe, options: Options) -> None:
    """Print the jobs of a recipe, which of them are done, and an estimate of the time for the rest."""
    from rdcbench import estimate, preparing, schedule
    from rdcbench.cli.tables import print_table
    from rdcbench.options import check, workers
    from rdcbench.store import Store

    check(options)
    plan = preparing.prepare(recipe, options)
    todo = schedule.missing(plan, *(Store(folder) for folder in (options.out, options.cache) if folder is not None))
    lines = []
    for job in plan.unique():
        starts = sorted({name for role, name in job.inputs.items() if role != "classifier"})
        trains = " ".join(job.trains) or job.stage
        lines.append((job.name, trains, " ".join(starts), "todo" if job in todo else "done"))
    print_table(("job", "trains", "starts from", "state"), lines)
    seconds = estimate.seconds(plan, todo, options)
    jobs = workers(options)
    left = seconds / min(jobs, max(1, len(todo)))
    console.print(
        f"{len(plan.unique())} jobs for {len(plan.jobs)} names, {len(todo)} to do; about {duration(left)} "
        f"with --jobs {jobs} (from a few measured steps of each kind)."
    )


def print_result(result: Result) -> None:
    """Write the report of a run and print its leaderboard."""
    from rdcbench.cli.tables import print_leaderboard
    from rdcbench.report import current_report

    report = current_report(result.store)
    print_leaderboard(result.rows)
    for line in (*map(str, report.paths), *report.notes):
        console.print(line, markup=False, highlight=False)
    for name, error in result.failures.items():
        console.print(f"failed: {name}: {error}", markup=False, highlight=False)
    if not result.performed and not result.failures:
        console.print("Everything was finished; nothing was repeated.")

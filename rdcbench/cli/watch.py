"""`rdcbench watch`: a run in progress, also from another terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rdcbench.cli.shared import Run
from rdcbench.errors import RecipeError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rdcbench.live import JobState, Snapshot, State, Watcher

WIDTH = 16
"""Columns of a chart."""
BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-=+*%#"
COLORS = {"done": "green", "failed": "red", "running": "cyan", "waiting": "dim"}
WORDS: dict[State, str] = {"done": "done", "failed": "failed", "running": "running", "waiting": "to do"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("watch")(watch)


def watch(
    run: Run,
    once: Annotated[bool, typer.Option("--once", help="Print all jobs as they are now, and end.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.")] = 1.0,
) -> None:
    """Watch a run: jobs, losses as small charts, time left; ends when the run ends."""
    from rdcbench.cli.tables import console
    from rdcbench.live import Watcher

    if not 0.05 <= interval <= 3600:
        raise RecipeError(f"--interval {interval:g} is not possible; it must be between 0.05 and 3600 seconds.")
    watcher = Watcher(run)
    snapshot = watcher.look()
    try:
        if snapshot.running and not once:
            snapshot = _live(watcher, interval) if console.is_terminal else _lines(watcher, interval)
    except KeyboardInterrupt as stop:
        typer.echo("rdcbench: stopped watching; the run is not touched.", err=True)
        raise typer.Exit(130) from stop
    console.print(picture(snapshot, snapshot.jobs, _blocks(console.encoding)))


def _looks(watcher: Watcher, interval: float) -> Iterator[Snapshot]:
    """Look at the run until it ends, its end included."""
    while (snapshot := watcher.look()).running:
        yield snapshot
        time.sleep(interval)
    yield snapshot


def _live(watcher: Watcher, interval: float) -> Snapshot:
    """Show the run on a terminal, at most as many jobs as fit, until it ends."""
    from rich.live import Live

    from rdcbench.cli.tables import console

    with Live(console=console, auto_refresh=False, transient=True) as live:
        for snapshot in _looks(watcher, interval):
            shown = chosen(snapshot.jobs, max(1, console.height - 5))
            live.update(picture(snapshot, shown, _blocks(console.encoding)), refresh=True)
    return snapshot


def _lines(watcher: Watcher, interval: float) -> Snapshot:
    """Write a line to a file or pipe whenever a job has ended, until the run ends."""
    told: tuple[int, int] | None = None
    for snapshot in _looks(watcher, interval):
        counts = snapshot.count("done"), snapshot.count("failed")
        if counts != told:
            typer.echo(summary(snapshot))
            told = counts
    return snapshot


# -------------------------------------------------------------------------------------------------------------- drawing


def picture(snapshot: Snapshot, jobs: Sequence[JobState], blocks: str = BLOCKS) -> RenderableType:
    """The summary, and a table of some jobs."""
    from rich.console import Group
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(
        Column("job", overflow="fold"), "state", Column("step", justify="right"), Column("losses", overflow="fold")
    )
    for job in jobs:
        losses = job.error or "  ".join(f"{term} {chart(curve, blocks)}" for term, curve in job.curves.items() if curve)
        step = f"{job.step}/{job.steps}" if job.steps else ""
        table.add_row(Text(job.name), Text(WORDS[job.state], COLORS[job.state]), step, Text(losses))
    hidden = len(snapshot.jobs) - len(jobs)
    below = [Text(f"and {hidden} more; `rdcbench watch --once` lists all")] if hidden else []
    return Group(Text(summary(snapshot)), *([table] if jobs else []), *below)


def summary(snapshot: Snapshot) -> str:
    """One line: how many jobs are in which state, and what is to be expected."""
    from rdcbench.cli.progress import duration

    if not snapshot.jobs:
        return f"{snapshot.root}: no plan yet"
    counts = ", ".join(f"{snapshot.count(state)} {word}" for state, word in WORDS.items() if snapshot.count(state))
    if snapshot.running:
        left = snapshot.seconds_left
        end = "time left not known yet" if left is None else f"about {duration(left)} left"
    elif snapshot.count("done") + snapshot.count("failed") == len(snapshot.jobs):
        end = "ended"
    else:
        end = "not running; the same `rdcbench run` goes on"
    return f"{snapshot.root}: {len(snapshot.jobs)} jobs, {counts}; {end}"


def chart(values: Sequence[float], blocks: str = BLOCKS) -> str:
    """A curve as at most WIDTH blocks from its lowest to its highest value, and its last value."""
    finite = [value for value in values if abs(value) < float("inf")]
    if not finite:
        return "not finite"
    count = min(WIDTH, len(values))
    picked = [values[(number * (len(values) - 1)) // max(1, count - 1)] for number in range(count)]
    low, high = min(finite), max(finite)
    heights = [
        blocks[round((value - low) / (high - low) * (len(blocks) - 1))] if high > low and low <= value <= high
        else blocks[0] if low <= value <= high else "?"
        for value in picked
    ]  # fmt: skip
    return f"{''.join(heights)} {values[-1]:.4g}"


def chosen(jobs: Sequence[JobState], most: int) -> list[JobState]:
    """At most so many jobs, in the order of the plan: running ones before failed, done and waiting ones."""
    urgency = {"running": 0, "failed": 1, "done": 2, "waiting": 3}
    ended_last = sorted(range(len(jobs)), key=lambda n: (urgency[jobs[n].state], -n if jobs[n].state == "done" else n))
    return [jobs[number] for number in sorted(ended_last[:most])]


def _blocks(encoding: str) -> str:
    return BLOCKS if encoding.lower().startswith("utf") else ASCII

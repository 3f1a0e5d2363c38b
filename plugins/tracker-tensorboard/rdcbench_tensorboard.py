"""A tracker for rdcbench: losses and results of a run in TensorBoard."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rdcbench


class TensorBoard(rdcbench.Tracker):
    """Scalars of each job in a folder of its own under RUN/tensorboard: its learning curve, then what it measured.

    The terms of the loss stand under `loss/`, measured numbers and costs under `measured/` at the last step. Errors of
    jobs are written as text. ImportError without the package tensorboard, which leaves the tracker out of the run.
    """

    name = "tensorboard"

    def __init__(self) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._open = SummaryWriter
        self._folder = Path("tensorboard")
        self._last_step: dict[str, int] = {}

    def event(self, kind: str, job: str, values: Mapping[str, Any]) -> None:
        """Write what is told of one job; files are closed at once, so that a run that is killed leaves whole ones."""
        if kind == "planned":
            self._folder = Path(values.get("folder", ".")) / "tensorboard"
        elif values and kind in ("learned", "finished", "failed"):
            writer = self._open(str(self._folder / folder_name(job)))
            try:
                self._write(writer, kind, job, values)
            finally:
                writer.close()

    def _write(self, writer: Any, kind: str, job: str, values: Mapping[str, Any]) -> None:
        if kind == "failed":
            writer.add_text("error", str(values.get("error", "")))
        elif kind == "finished":
            step = self._last_step.get(job, 0)
            for name, value in numbers(values).items():
                writer.add_scalar(f"measured/{name}", value, step)
        else:
            for point in values["points"]:
                step = self._last_step[job] = int(point["step"])
                for name, value in numbers(point).items():
                    if name != "step":
                        writer.add_scalar(f"loss/{name}", value, step)


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers among some values: an endless rate bound has no place on an axis."""
    return {
        name: float(value) for name, value in values.items() if isinstance(value, int | float) and math.isfinite(value)
    }


def folder_name(job: str) -> str:
    """A job's name as folders that stay below their parent, whatever a plugin called its points."""
    parts = [re.sub(r"[^\w=,.+-]", "_", part).strip(".") or "_" for part in job.split("/")]
    return "/".join(parts)


@rdcbench.hookimpl
def rdcbench_trackers() -> list[type[rdcbench.Tracker]]:
    """Offer the tracker."""
    return [TensorBoard]

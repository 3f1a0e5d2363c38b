"""How a recipe is run: nothing here changes a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rdcbench.errors import RecipeError
from rdcbench.machine import core_count

GIVEN_TO_EXECUTORS = ("jobs", "threads")
"""What a constructor of an executor may name: how many jobs at a time, and the threads of the largest of them."""
OF_THIS_MACHINE = ("local", "serial")


@dataclass(frozen=True)
class Options:
    """How a recipe is run: where, how many seeds, with how many workers; nothing here changes a number.

    jobs: jobs at a time; None: one for each core of this machine, or as many as the cluster takes.
    artefacts: a folder or an fsspec URL by which jobs and this process exchange files, where they share no disk.
    cuda_graphs: iterations of trainings are captured once and replayed, on a GPU.
    """

    out: Path
    seeds: int = 1
    jobs: int | None = 1
    device: str = "cpu"
    data_dir: Path | None = None
    offline: bool = False
    executor: str = "local"
    executor_options: Mapping[str, Any] = field(default_factory=dict)
    artefacts: str = ""
    trackers: tuple[str, ...] = ()
    plugin_files: tuple[Path, ...] = ()
    cache: Path | None = None
    expected: str = ""
    cuda_graphs: bool = False


def workers(options: Options) -> int:
    """Jobs at a time on this machine."""
    return options.jobs or core_count()


def check(options: Options) -> None:
    """Refuse what cannot be, before anything is written: RecipeError."""
    for name, value in (("seeds", options.seeds), ("jobs", options.jobs)):
        if value is not None and value < 1:
            raise RecipeError(f"--{name} {value} is not possible; it must be at least 1.")
    if options.cache is not None and options.cache.exists() and not options.cache.is_dir():
        raise RecipeError(f"--cache {options.cache} is a file; give a folder, which need not exist yet.")
    if options.cuda_graphs and not options.device.startswith("cuda"):
        raise RecipeError(f"--cuda-graphs needs a GPU, and --device is {options.device}; add --device cuda.")
    if options.executor not in OF_THIS_MACHINE:
        return
    if workers(options) > 4 * core_count():
        raise RecipeError(f"--jobs {options.jobs} is more than four for each of this machine's {core_count()} cores.")
    if options.device != "cpu":
        _check_device(options.device)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        raise RecipeError(f"There is no device {device!r} here; there is: {', '.join(there)}.") from error

"""Ray against local worker processes: the benchmark smoke with two jobs at a time, start-up left out.

    python benchmarks/speed/ray_against_local.py [REPEATS]

Both run in turns here, Ray with a cluster of its own. The clock runs from the start of the first codec job to
the end of the last: by then both workers have trained a classifier or a judge, so they are started and warm. Needs Ray;
the plugin is given as a file.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parents[2] / "plugins" / "executor-ray" / "rdcbench_ray.py"
LOCAL: dict[str, Any] = {"executor": "local"}
RAY: dict[str, Any] = {"executor": "ray", "plugin_files": (PLUGIN,)}


class Clock:
    """Listens to a run: when its first codec job started, and when the last one ended."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def __call__(self, kind: str, job: str, _: Mapping[str, Any]) -> None:
        """Take note; jobs of studies have a slash in their names, classifiers and judges have none."""
        if "/" in job and kind == "started":
            self.first = self.first or time.perf_counter()
        if kind in ("finished", "failed"):
            self.last = time.perf_counter()


def seconds(options: Mapping[str, Any]) -> float:
    """Seconds of one run."""
    from rdcbench import runner
    from rdcbench.benchmarks import find_recipe
    from rdcbench.loading import load_recipe
    from rdcbench.options import Options

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        recipe = load_recipe(find_recipe("smoke"))
        result = runner.run(recipe, Options(Path(folder) / "run", jobs=2, **options), clock)
    if result.failures:
        sys.exit(f"jobs failed: {result.failures}")
    return clock.last - clock.first


def main(repeats: int) -> None:
    """Time both in turns and print medians, spreads and the ratio."""
    found: dict[str, list[float]] = {"local": [], "ray": []}
    for _ in range(repeats):
        for name, options in (("local", LOCAL), ("ray", RAY)):
            found[name].append(seconds(options))
            print(f"{name}: {found[name][-1]:.2f} s", flush=True)
    middle = {name: statistics.median(times) for name, times in found.items()}
    for name, times in found.items():
        print(f"{name}: median {middle[name]:.2f} s, {min(times):.2f} to {max(times):.2f}, {repeats} runs")
    ratios = [ray / local for ray, local in zip(found["ray"], found["local"], strict=True)]
    print(f"ray / local: {middle['ray'] / middle['local']:.3f}; by pairs {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

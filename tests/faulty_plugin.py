"""Parts that do what no part may: a run must lose their rows and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import tiny_plugin as tiny

import rdcbench

FILE = Path(__file__)


class Endless(tiny.Weighted):
    """Never comes back."""

    name = "endless"

    def term(self, name, outcome):
        while True:
            pass


class Swallows(tiny.Weighted):
    """Never comes back, and takes errors for bad luck."""

    name = "swallows"

    def term(self, name, outcome):
        for _ in range(2):
            try:
                while True:
                    pass
            except Exception:
                continue
        return super().term(name, outcome)


class Deadly(tiny.Weighted):
    """Ends its process."""

    name = "deadly"

    def term(self, name, outcome):
        os._exit(3)


class Printing(tiny.Weighted):
    """Writes to the terminal, by Python and past it."""

    name = "printing"

    def term(self, name, outcome):
        sys.stdout.write("LOUD by Python\n")
        if "nested" not in os.environ:
            os.write(2, b"LOUD past Python\n")
        return super().term(name, outcome)


class Writing(tiny.Weighted):
    """Changes the images it is given."""

    name = "writing"

    def term(self, name, outcome):
        outcome.x.mul_(0.5)
        return super().term(name, outcome)


class WritingMetric(rdcbench.Metric):
    """Changes the images that others measure after it."""

    name = "writing-metric"
    fields = {"written": rdcbench.Field("1", "none")}  # noqa: RUF012

    def update(self, decoded):
        return {"written": decoded.x.zero_().flatten(1).sum(1)}


rdcbench_objectives = tiny._hook(Endless, Swallows, Deadly, Printing, Writing)
rdcbench_metrics = tiny._hook(WritingMetric)

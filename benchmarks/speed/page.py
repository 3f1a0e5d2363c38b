"""How long a page takes to build and to open: `python benchmarks/speed/page.py RUN [ROWS]`.

With ROWS the run is widened first: its cells stand there again under other studies, as rows with images of their own.
Prints processor seconds of the page's making, its size, and, for each of five openings in a headless Chromium, wall
seconds until its controls can be used and until the figures in view are drawn, with the seconds in which the main
thread worked until then.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rdcbench.jobs import Job, Plan
from rdcbench.page import make_page
from rdcbench.recipe import Recipe
from rdcbench.report import build_report
from rdcbench.store import Store
from rdcbench.verify import verify

OPENINGS = 5
NAMES = ("chromium", "chromium-browser", "google-chrome")
VIEW = {"width": 1280, "height": 800}
DRAWN = """[...document.querySelectorAll('.plot')].every((plot) => plot.dataset.drawn
  || plot.getBoundingClientRect().top > innerHeight)"""


def widened(store: Store, root: Path, rows: int) -> Store:
    """A run of some rows: the studies of another again and again, each image a little darker so that none is shared."""
    plan, recipe = store.plan(), store.recipe()
    assert plan is not None
    jobs = [job for job in plan.jobs if job.stage == "codec"]
    copies = range(-(-rows // len(jobs)))
    wide = Store(root)
    wide.create(_with_copies(recipe, len(copies)), store.provenance(), store.path("expected.toml").read_text())
    made: list[Job] = []
    keys: dict[str, str] = {}
    for copy in copies:
        for job in jobs:
            study, rest = job.name.split("/", 1)
            name = f"{_name(study, copy)}/{rest}"
            cell = store.cell(plan.keys[job.name])
            if cell is None or len(made) == rows:
                continue
            new = job.model_copy(update={"name": name, "inputs": {}, "judges": []})
            arrays = dict(store.arrays(cell.key))
            if "sample_x_hat" in arrays:
                arrays["sample_x_hat"] = arrays["sample_x_hat"] - (arrays["sample_x_hat"] > 2 * copy) * copy
            keys[name] = f"{copy:04x}{cell.key[4:]}"
            wide.write_cell(cell.model_copy(update={"key": keys[name], "job": new}), arrays)
            made.append(new)
    trained = {**plan.train_keys, **keys}
    wide.write_plan(Plan(jobs=made, train_keys=trained, keys=keys, data_digest=plan.data_digest))
    return wide


def _name(study: str, copy: int) -> str:
    return f"{study}-copy{copy}" if copy else study


def _with_copies(recipe: Recipe, copies: int) -> Recipe:
    """The recipe with its studies under further names, in all figures where they are."""
    studies = {
        _name(name, copy): study.model_copy(update={"title": _name(study.title or name, copy)})
        for name, study in recipe.studies.items()
        for copy in range(copies)
    }
    figures = {
        name: figure.model_copy(
            update={"studies": [_name(study, copy) for study in figure.studies for copy in range(copies)]}
        )
        for name, figure in recipe.figures.items()
    }
    return recipe.model_copy(update={"studies": studies, "figures": figures, "only": []})


def opened(browser: Any, path: Path) -> tuple[float, float, float]:
    """Seconds to usable, to drawn, and of work on the main thread."""
    page = browser.new_page(viewport=VIEW)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector("html[data-ready=true]", timeout=120_000)
    usable = page.evaluate("performance.getEntriesByName('usable')[0].startTime / 1000")
    page.wait_for_function(DRAWN, timeout=120_000)
    drawn = page.evaluate("performance.now() / 1000")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    page.close()
    return usable, drawn, metrics["TaskDuration"]


def main(run: str, rows: str = "") -> None:
    """Print the numbers."""
    from playwright.sync_api import sync_playwright

    chromium = next(found for name in NAMES if (found := shutil.which(name)))
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(Path(run)).open()
        if rows:
            store = widened(store, Path(scratch) / "wide", int(rows))
        start, wall = time.process_time(), time.perf_counter()
        text = make_page([store], {store.root: [vars(one) for one in verify(store)]})
        made = time.process_time() - start
        build_report(store)
        whole, wall = time.process_time() - start, time.perf_counter() - wall
        path = Path(scratch) / "report.html"
        path.write_text(text, encoding="utf-8")
        print(f"{len(store.rows())} rows: page {made:.1f} s, with tables and figures {whole:.1f} s of processor time")
        print(f"{wall:.1f} s of wall time; page of {path.stat().st_size / 1e6:.1f} MB")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            found = [opened(browser, path) for _ in range(OPENINGS)]
            browser.close()
    for name, values in zip(("usable", "figures in view drawn", "main thread"), zip(*found, strict=True), strict=True):
        print(f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f} to {max(values):.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])

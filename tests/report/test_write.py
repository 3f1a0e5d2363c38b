import subprocess
import sys
from pathlib import Path

import pytest

from rdcbench.report import build_report, write_report

from .fake import STUDY, make_cell, make_recipe, make_store

FIGURES = {
    "fig": {"title": "f", "studies": ["rdc"], "reference": "fig4a", "bounds": True},
    "grid": {"title": "g", "kind": "grid", "studies": ["rdc"]},
    "late": {"title": "l", "studies": ["empty"]},
}
EXPECTED = "[points.fig4a]\n[[points.fig4a.series]]\nstudy = 'rdc'\npoints = [{ mse = 0.05, ce = 1.0 }]\n"


def store_of(tmp_path, expected=EXPECTED, weights=(0.0, 0.005)):
    recipe = make_recipe({"rdc": STUDY, "empty": STUDY}, FIGURES)
    cells = [make_cell(recipe, "rdc", {"classification": w}, {"mse": 0.05, "ce": 0.4}) for w in weights]
    return make_store(tmp_path / "run", recipe, cells, expected=expected)


def test_files_of_a_report(tmp_path):
    store = store_of(tmp_path)
    paths = write_report(store)
    assert [str(path.relative_to(store.root)) for path in paths] == [
        "leaderboard.md", "leaderboard.csv",
        "figures/fig.png", "figures/fig.svg", "figures/fig.pdf",
        "figures/grid.png", "figures/grid.svg", "figures/grid.pdf",
    ]  # fmt: skip
    assert all(path.stat().st_size > 100 for path in paths)


def test_notes_say_what_was_left_out(tmp_path):
    assert build_report(store_of(tmp_path)).notes == ["figure late: left out, no finished row of empty"]


def test_an_empty_run_has_tables_and_notes(tmp_path):
    report = build_report(store_of(tmp_path, weights=()))
    assert len(report.paths) == 2
    assert "No finished row yet." in report.paths[0].read_text()
    assert len(report.notes) == 3


def test_a_broken_expected_toml_costs_the_papers_points_only(tmp_path):
    report = build_report(store_of(tmp_path, expected="points = 3"))
    assert len(report.paths) == 8
    assert "points = 3" in report.notes[0]
    assert report.notes[0].endswith("The paper's points are not drawn.")


def test_writing_again_gives_the_same_bytes(tmp_path):
    store = store_of(tmp_path)
    before = {path: path.read_bytes() for path in write_report(store)}
    assert {path: path.read_bytes() for path in write_report(store)} == before


@pytest.mark.parametrize("modules", ["torch", "matplotlib"])
def test_importing_the_report_loads_neither_torch_nor_matplotlib(modules):
    code = f"import sys, rdcbench.report; sys.exit({modules!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_report_needs_no_torch(tmp_path):
    store_of(tmp_path)
    code = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; from rdcbench.report import write_report; "
        f"from rdcbench.store import Store; write_report(Store(Path({str(tmp_path / 'run')!r})))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (Path(tmp_path) / "run" / "figures" / "fig.svg").exists()

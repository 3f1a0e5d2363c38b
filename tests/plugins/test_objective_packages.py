"""The three objectives of plugins/objective-*: each a package of its own that keeps its contract and trains."""

from __future__ import annotations

import csv
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rdcbench import registry
from rdcbench.conformance import check_part

PLUGINS = Path(__file__).parents[2] / "plugins"
NAMES = {"energy": "energy", "infonce": "infonce", "rate": "rate_aware"}
STUDIES = {
    "energy": ["--set", 'studies.own={protocol="end-to-end", points=[{perception=1.0}]}'],
    "infonce": ["--set", 'studies.own={protocol="end-to-end", points=[{classification=0.01}]}'],
    "rate": [
        "--set", 'studies.own={protocol="end-to-end", points=[{rate=0.01}]}', "--entropy-model", "bottleneck",
        "--set", "entropy_model.steps=20",
    ],
}  # fmt: skip


@pytest.mark.parametrize("short", NAMES)
def test_it_is_a_package_that_keeps_its_contract(short):
    folder, module = PLUGINS / f"objective-{short}", f"rdcbench_{short}"
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["rdcbench"] == {module: module}
    assert project["tool"]["setuptools"]["py-modules"] == [module]
    parts = registry.load((folder / f"{module}.py",))
    assert [entry.name for entry in parts.entries if entry.owner == module] == [NAMES[short]]
    findings = check_part("objective", NAMES[short], parts)
    assert [str(finding) for finding in findings if not finding.holds] == []


@pytest.mark.slow
@pytest.mark.parametrize("short", NAMES)
def test_its_own_tests_pass(short):
    folder = PLUGINS / f"objective-{short}"
    plugin = ["-p", "no:rdcbench", "-p", "rdcbench.conformance.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("short", NAMES)
def test_it_trains_to_a_row_of_the_leaderboard(short, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from rdcbench.cli import app

    monkeypatch.chdir(tmp_path)
    file = PLUGINS / f"objective-{short}" / f"rdcbench_{short}.py"
    small = ["--jobs", "1", "--only", "own", "--set", "training.steps=20", "--set", "classifier.epochs=1"]
    own = ["--plugin", str(file), "--objective", NAMES[short], *STUDIES[short]]
    done = CliRunner().invoke(app, ["run", "smoke", "--out", "own", *small, *own, "--set", "judges=[]"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["leaderboard", "own", "--format", "csv"])
    (row,) = csv.DictReader(done.output.splitlines())
    assert 0 < float(row["mse"]) < 1

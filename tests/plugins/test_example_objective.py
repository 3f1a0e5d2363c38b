"""The sample package of an outsider: its mathematics, its packaging, and a run with it as file and as package."""

from __future__ import annotations

import ast
import csv
import math
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

import rdcbench
from rdcbench import registry

FOLDER = Path(__file__).parents[2] / "plugins" / "example-objective"
MODULE = FOLDER / "rdcbench_charbonnier.py"
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def parts():
    return registry.load((MODULE,))


class Scores(torch.nn.Module):
    """Stands for a critic, and for a classifier's head."""

    def __init__(self, outputs):
        super().__init__()
        self.map = torch.nn.Linear(16, outputs)

    def forward(self, x):
        scores = self.map(x.flatten(1))
        return scores.squeeze(1) if scores.shape[1] == 1 else {"digit": scores}


def outcome(x, x_hat):
    torch.manual_seed(0)
    labels = {"digit": torch.arange(len(x)) % 3}
    return rdcbench.Outcome(x, x_hat, labels, torch.zeros(len(x), 3), critic=Scores(1), classifier=Scores(3))


@pytest.mark.parametrize("epsilon", [0.01, 0.5])
def test_its_distortion_is_that_of_a_plain_loop(parts, epsilon):
    x, x_hat = torch.rand(4, 1, 4, 4), torch.rand(4, 1, 4, 4)
    differences = (x_hat - x).flatten().tolist()
    expected = sum(2 * epsilon * (math.hypot(d, epsilon) - epsilon) for d in differences) / len(differences)
    objective = parts.build("objective", "charbonnier", {"epsilon": epsilon})
    assert float(objective.term("distortion", outcome(x, x_hat))) == pytest.approx(expected, rel=1e-4)


def test_its_other_terms_are_those_of_the_paper(parts):
    seen = outcome(torch.rand(6, 1, 4, 4), torch.rand(6, 1, 4, 4))
    ours, papers = (parts.build("objective", name, {}) for name in ("charbonnier", "weighted"))
    assert ours.terms == papers.terms
    for term in ("perception", "classification"):
        assert torch.equal(ours.term(term, seen), papers.term(term, seen))


def test_all_terms_have_finite_gradients(parts):
    objective = parts.build("objective", "charbonnier", {})
    x = torch.rand(4, 1, 4, 4)
    for term in objective.terms:
        x_hat = x.clone().requires_grad_(True)
        objective.term(term, outcome(x, x_hat)).backward()
        assert bool(torch.isfinite(x_hat.grad).all())


def test_it_is_listed_with_its_option(parts):
    entry = parts.get("objective", "rdcbench_charbonnier/charbonnier")
    assert list(entry.options()) == ["epsilon"]
    assert entry.summary.startswith("Charbonnier distance")


def test_it_is_an_outsider():
    tree = ast.parse(MODULE.read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} == {"collections", "typing", "torch", "rdcbench"}
    assert len(MODULE.read_text(encoding="utf-8").splitlines()) < 50


def test_its_project_names_the_module():
    assert PROJECT["project"]["entry-points"]["rdcbench"] == {MODULE.stem: MODULE.stem}
    assert PROJECT["tool"]["setuptools"]["py-modules"] == [MODULE.stem]
    assert PROJECT["project"]["dependencies"] == ["rdcbench"]


def test_its_own_tests_pass():
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FOLDER)],
        env=environment, cwd=FOLDER, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_as_a_package_it_is_found_without_being_named(tmp_path):
    """What pip leaves: the module beside a dist-info with the entry points."""
    shutil.copy(MODULE, tmp_path)
    information = tmp_path / "rdcbench_charbonnier-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: rdcbench-charbonnier\nVersion: 0.1.0\n")
    points = PROJECT["project"]["entry-points"]["rdcbench"]
    lines = [f"{name} = {module}" for name, module in points.items()]
    (information / "entry_points.txt").write_text("\n".join(["[rdcbench]", *lines, ""]))
    done = subprocess.run(
        [sys.executable, "-m", "rdcbench", "plugins"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if "rdcbench_charbonnier" in line)
    assert "objective" in line
    assert "charbonnier" in line.split("objective")[1]


@pytest.mark.slow
def test_a_run_with_it_stands_beside_a_run_without(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from rdcbench.cli import app

    monkeypatch.chdir(tmp_path)
    small = [
        "--jobs", "1", "--only", "rdc", "--set", "training.steps=20", "--set", "classifier.epochs=1",
        "--set", "studies.rdc.sweep={classification=[0.005]}",
    ]  # fmt: skip
    mine = ["--plugin", str(MODULE), "--objective", "charbonnier", "--set", "objective.epsilon=0.1"]
    for out, options in (("plain", []), ("mine", mine)):
        done = CliRunner().invoke(app, ["run", "smoke", "--out", out, *small, *options])
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["leaderboard", "plain", "mine", "--format", "csv"])
    lines = list(csv.DictReader(done.output.splitlines()))
    assert {line["run"] for line in lines} == {"plain", "mine"}
    assert len({line["mse"] for line in lines}) == 2

"""The house: imports go only downwards, plugins meet the harness at its front door, and light verbs stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import rdcbench

PACKAGE = Path(rdcbench.__file__).parent
PLUGINS = PACKAGE.parent / "plugins"

FLOORS = (
    ("digests", "errors", "hookspecs", "machine", "oracles", "provenance", "rng", "stats", "strangers"),
    (
        "arrayfile", "benchmarks", "bitstream", "datafiles", "idx", "lock", "options", "recipe", "records", "sealed",
        "tensorfile",
    ),
    ("batches", "depot", "folder", "interfaces", "jobs", "loading", "optim", "precision"),
    ("codec", "executors", "fence", "graphs", "registry", "results"),
    ("derived", "evaluation", "guards", "real_pair"),
    ("evaluate", "store", "versions"),
    ("building", "checkpoints", "plan", "report", "schedule"),
    ("live", "page", "preparing", "train", "verify"),
    ("compare", "dispatch", "status", "work"),
    ("errand",),
    ("routes",),
    ("runner",),
    ("api", "conformance", "estimate", "scaffold"),
    ("bundle", "files"),
    ("fresh",),
    ("cli",),
    ("__main__",),
)  # fmt: skip
"""Modules and packages from the ground up: each may import those of the floors below."""

FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}

FOR_TYPES_ONLY = {
    ("datafiles", "interfaces"), ("hookspecs", "interfaces"), ("interfaces", "jobs"), ("records", "interfaces")
}  # fmt: skip
"""Arrows upwards that only a type checker follows."""

HEAVY = {"torch", "torchvision", "torchmetrics", "compressai", "sklearn"}


class Import(NamedTuple):
    """One imported module: by whom, of what, whether only for type checking, and whether when the module is loaded."""

    path: Path
    line: int
    module: str
    source: str
    typing: bool
    at_load: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(PACKAGE.parent)}:{self.line} imports {self.module}"


def imports(path: Path) -> Iterator[Import]:
    """All imports of a file, each `from package import name` as package.name where that is a module."""

    def walk(node: ast.AST, typing: bool, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (
                    Import(path, child.lineno, alias.name, alias.name, typing, at_load) for alias in child.names
                )
            elif isinstance(child, ast.ImportFrom):
                assert child.module, f"{path}:{child.lineno} imports relatively"
                assert child.level == 0, f"{path}:{child.lineno} imports relatively"
                for alias in child.names:
                    module = f"{child.module}.{alias.name}"
                    yield Import(path, child.lineno, module, child.module, typing, at_load)
            else:
                guard = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, typing or guard, at_load and not inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), typing=False, at_load=True)


def place(module: str) -> str:
    """The entry of FLOORS that a module of rdcbench belongs to, such as "report" for rdcbench.report.figures."""
    return [*module.split("."), ""][1]


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
OWN = [found for path in SOURCES for found in imports(path)]


def origin(found: Import) -> str:
    return found.path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_has_its_floor():
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in SOURCES}
    assert there <= set(FLOOR), "put the new module into FLOORS, above all that it imports"
    assert len(FLOOR) == sum(map(len, FLOORS))


def test_imports_go_only_downwards():
    wrong = []
    for found in OWN:
        if found.typing or not found.module.startswith("rdcbench.") or place(found.module) == origin(found):
            continue
        if FLOOR.get(place(found.module), len(FLOORS)) >= FLOOR[origin(found)]:
            wrong.append(str(found))
    assert wrong == []


def test_arrows_that_only_a_type_checker_follows_are_known():
    upwards = set()
    for found in OWN:
        arrow = (origin(found), place(found.module))
        if found.typing and found.module.startswith("rdcbench.") and FLOOR[arrow[1]] >= FLOOR[arrow[0]]:
            upwards |= {arrow} if arrow[0] != arrow[1] else set()
    assert upwards <= FOR_TYPES_ONLY


def test_the_harness_imports_modules_and_not_its_own_front_door():
    names = [found for found in OWN if found.module.startswith("rdcbench.") and place(found.module) not in FLOOR]
    assert [str(found) for found in names if found.module != "rdcbench.__version__"] == []


def plugin_packages() -> dict[str, list[Path]]:
    """Importable package or module of each plugin in plugins/ -> its files."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(PLUGINS.iterdir()):
        if (folder / "__init__.py").exists():
            found[folder.name] = sorted(folder.rglob("*.py"))
        elif folder.is_dir():
            for path in sorted(folder.glob("rdcbench_*.py")):
                found[path.stem] = [path]
            for inner in sorted(folder.glob("*/__init__.py")):
                found[inner.parent.name] = sorted(inner.parent.rglob("*.py"))
    return found


PACKAGES = plugin_packages()


def test_the_harness_imports_no_plugin_and_no_compressai():
    forbidden = {*PACKAGES, "compressai", "rdcbench_benchmarks"}
    assert {"rdcbench_std", "rdcbench_mnist", "rdcbench_gaussian"} <= set(PACKAGES)
    assert [str(found) for found in OWN if found.module.split(".")[0] in forbidden] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_imports_no_other_plugin(package):
    others = set(PACKAGES) - {package}
    wrong = [str(f) for path in PACKAGES[package] for f in imports(path) if f.module.split(".")[0] in others]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_plugin_comes_in_by_the_front_door(package):
    """`import rdcbench`, `from rdcbench import ...`, and rdcbench.hookspecs, which is loaded before all else."""
    found = [f for path in PACKAGES[package] for f in imports(path) if f.module.split(".")[0] == "rdcbench"]
    past = [f for f in found if f.source not in ("rdcbench", "rdcbench.hookspecs")]
    assert [str(f) for f in past] == []


@pytest.mark.parametrize("package", ["rdcbench_std", "rdcbench_mnist", "rdcbench_gaussian", "rdcbench_compressai"])
def test_loading_a_built_in_plugin_costs_no_heavy_import(package):
    first = PLUGINS / package / "__init__.py"
    heavy = [str(f) for f in imports(first) if f.at_load and not f.typing and f.module.split(".")[0] in HEAVY]
    assert heavy == []


def test_only_the_standard_plugin_and_the_bridge_touch_compressai():
    users = {package for package, paths in PACKAGES.items() for path in paths for found in imports(path)
             if found.module.split(".")[0] == "compressai"}  # fmt: skip
    assert users <= {"rdcbench_std", "rdcbench_compressai"}
    texts = {path.name for path in PACKAGES["rdcbench_std"] if '"compressai' in path.read_text(encoding="utf-8")}
    assert texts <= {"coding.py", "entropy_models.py", "density.py", "gaussian.py"}


def test_only_the_command_line_uses_rich_and_prints():
    rich = {origin(found) for found in OWN if found.module.split(".")[0] in ("rich", "typer")}
    assert rich <= {"cli"}
    printing = [
        f"{path}:{node.lineno}"
        for path in (*SOURCES, *(path for paths in PACKAGES.values() for path in paths))
        if PACKAGE / "cli" not in path.parents
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


# -------------------------------------------------------------------------------------------------------- light imports

LIGHT = [
    *FLOORS[0],
    "benchmarks",
    "bitstream",
    "datafiles",
    "idx",
    "recipe",
    "jobs",
    "loading",
    "derived",
    "registry",
    "results",
    "store",
]
LIGHT += ["versions", "plan", "report", "schedule", "runner", "api", "cli"]


def test_what_works_from_files_alone_needs_no_torch():
    """Modules that report verbs load, with torch and all that stands on it taken away."""
    program = (
        "import importlib, sys\n"
        f"for heavy in {sorted(HEAVY)}: sys.modules[heavy] = None\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *(f"rdcbench.{name}" for name in LIGHT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_rows_are_read_from_a_run_without_torch(make_recipe, tmp_path):
    from rdcbench.jobs import Job, Plan
    from rdcbench.recipe import PartSpec
    from rdcbench.results import Cell, CellValue
    from rdcbench.store import Store

    job = Job(name="rdc/end/classification=0/seed0", dataset=PartSpec(name="d"))
    store = Store(tmp_path)
    store.create(make_recipe(), {"schema_version": 1})
    keys = {job.name: "k"}
    store.write_plan(Plan(jobs=[job], train_keys=keys, keys=keys, data_digest="d"))
    value = CellValue(value=0.25, image_lo=0.2, image_hi=0.3)
    store.write_cell(Cell(key="k", train_key="k", job=job, values={"mse": value}), {})
    program = (
        "import sys\n"
        f"for heavy in {sorted(HEAVY)}: sys.modules[heavy] = None\n"
        "import rdcbench; print(rdcbench.rows(sys.argv[1])['mse'].tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[0.25]", done.stderr


def test_help_needs_no_torch_and_says_nothing_else():
    program = (
        "import sys\n"
        f"for heavy in {sorted(HEAVY)}: sys.modules[heavy] = None\n"
        "sys.argv = ['rdcbench', '--help']\n"
        "from rdcbench.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: rdcbench" in done.stdout
    assert done.stderr == ""

"""Trying the contracts of a part, or of all parts of a plugin; loads torch only when a part is tried."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rdcbench.conformance.contract import Broken, Check, Contract, Finding, NotJudged
from rdcbench.errors import PartError
from rdcbench.registry import Entry, Registry

if TYPE_CHECKING:
    from rdcbench.conformance.case import Case

MODULES = {
    "dataset": "datasets",
    "encoder": "networks",
    "quantizer": "quantizers",
    "entropy_model": "entropy_models",
    "decoder": "networks",
    "critic": "teachers",
    "classifier": "teachers",
    "objective": "objectives",
    "metric": "measures",
    "judge": "measures",
    "codec": "codecs",
    "protocol": "plans",
    "recipe": "plans",
    "executor": "running",
    "tracker": "running",
}
"""The module of this package that holds the contracts of a kind."""

BUILT = Contract(
    "built",
    "A part can be built from its options and from what the harness gives it.",
    "give every option a default, and name only what the harness fills in.",
)
QUIET = Contract("quiet", "A part never prints.", "raise an error instead, or leave the line out.")


def contracts(kind: str) -> list[Contract]:
    """All contracts of a kind."""
    return [BUILT, *(check.contract for check in _checks(kind)), QUIET]


def _checks(kind: str) -> tuple[Check, ...]:
    checks: tuple[Check, ...] = import_module(f"rdcbench.conformance.{MODULES[kind]}").CHECKS[kind]
    return checks


def check_part(kind: str, name: str, registry: Registry, options: Mapping[str, Any] | None = None) -> list[Finding]:
    """Try every contract of a part's kind on it.

    kind, name: as the registry knows them (name or owner/name); options: those of a recipe.
    Raises PartError where there is no such part, or it has no such option.
    """
    return check_entry(find(kind, name, registry), registry, options)


def find(kind: str, name: str, registry: Registry) -> Entry:
    """Find a part; a folder of recipes by the name of one of its benchmarks."""
    if kind == "recipe":
        for entry in registry.entries:
            if entry.kind == kind and (entry.target / name / "recipe.toml").is_file():
                return entry
    return registry.get(kind, name)


def check_entry(entry: Entry, registry: Registry, options: Mapping[str, Any] | None = None) -> list[Finding]:
    """Try one part that the registry has."""
    from rdcbench.conformance.case import Case

    trial = import_module(f"rdcbench.conformance.{MODULES[entry.kind]}").TRIALS[entry.kind]
    case = Case(entry, registry, trial, options or {})
    printed = io.StringIO()
    with _one_thread(), redirect_stdout(printed), redirect_stderr(printed):
        built = _built(case)
        if built.happened or built.skipped:
            return [built]
        findings = [built, *(_judged(check, case) for check in _checks(entry.kind))]
    said = printed.getvalue().strip()
    happened = f"It printed {said.splitlines()[0][:80]!r}." if said else ""
    return [*findings, Finding(entry.kind, part_name(entry), QUIET, happened)]


def _built(case: Case) -> Finding:
    """Build the part; options that have no default and were not given leave it unjudged."""
    from rdcbench.registry import given_to

    entry = case.entry
    if entry.kind == "recipe":
        return Finding(entry.kind, part_name(entry), BUILT)
    usual = given_to(entry.kind)
    needed = [key for key, option in entry.options().items() if option.default is option.empty]
    missing = [key for key in needed if key not in (*usual, *case.options) and key != "jobs"]
    if missing:
        return Finding(
            entry.kind, entry.name, BUILT, skipped=f"it needs the option {missing[0]!r}, which was not given"
        )
    case.registry.check(entry.kind, f"{entry.owner}/{entry.name}", case.options, (*usual, "jobs"))
    try:
        case.fits()
    except PartError as error:
        return Finding(entry.kind, part_name(entry), BUILT, f"{error}")
    except Exception as error:
        return Finding(entry.kind, part_name(entry), BUILT, f"Its constructor raised {type(error).__name__}: {error}.")
    return Finding(entry.kind, part_name(entry), BUILT)


def _judged(check: Check, case: Case) -> Finding:
    try:
        check(case)
    except Broken as broken:
        return Finding(case.entry.kind, part_name(case.entry), check.contract, str(broken))
    except NotJudged as reason:
        return Finding(case.entry.kind, part_name(case.entry), check.contract, skipped=str(reason))
    except Exception as error:  # a stranger's part may raise anything: it breaks the contract that was tried
        return Finding(
            case.entry.kind, part_name(case.entry), check.contract, f"It raised {type(error).__name__}: {error}."
        )
    return Finding(case.entry.kind, part_name(case.entry), check.contract)


def part_name(entry: Entry) -> str:
    """The part's name; for a folder of recipes those of its benchmarks."""
    return ", ".join(entry.brings) or entry.name


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute as a worker does."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

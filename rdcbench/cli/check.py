"""`rdcbench check`: the contracts of parts, tried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdcbench.cli.shared import Plugins
from rdcbench.errors import PartError, RdcbenchError, unknown

if TYPE_CHECKING:
    from rdcbench.conformance import Finding
    from rdcbench.registry import Entry, Registry


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Plugins, or parts as NAME, OWNER/NAME or KIND:NAME.", metavar="NAME..."),
    ] = None,
    plugin: Plugins = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Give parts of a kind an option: kind.option=TOML-VALUE; may be repeated."),
    ] = None,
) -> None:
    """Try parts against the contracts of their kind; exit code 1 if one is broken."""
    from rdcbench import registry
    from rdcbench.conformance import check_entry

    files = [path.resolve() for path in plugin or ()]
    parts = registry.load(tuple(files))
    asked = list(names or ()) or [path.stem for path in files]
    if not asked:
        raise RdcbenchError("Nothing to check was named; give a plugin, a part, or --plugin FILE.")
    options = _options(settings or [])
    ill = {name: parts.broken[name] for name in asked if name in parts.broken}
    entries = [entry for name in asked if name not in ill for entry in _entries(name, parts)]
    findings = [check_entry(entry, parts, _known(options, entry)) for entry in entries]
    _show(findings, ill)
    if ill or any(not finding.holds for found in findings for finding in found):
        raise typer.Exit(1)


def _options(settings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Kind -> options."""
    from rdcbench.loading import parse_setting
    from rdcbench.registry import KINDS

    options: dict[str, dict[str, Any]] = {}
    for text in settings:
        (kind, *rest), value = parse_setting(text)
        kind = kind.replace("-", "_")
        if kind not in KINDS or len(rest) != 1:
            raise PartError(f'--set {text!r} is not of the form kind.option=VALUE, such as objective.label="digit".')
        options.setdefault(kind, {})[rest[0]] = value
    return options


def _known(options: Mapping[str, Mapping[str, Any]], entry: Entry) -> dict[str, Any]:
    return dict(options.get(entry.kind, {}))


def _entries(name: str, parts: Registry) -> list[Entry]:
    """All parts of a plugin, or the parts of a name."""
    kind, _, short = name.rpartition(":")
    kind = kind.replace("-", "_")
    owner, _, word = short.rpartition("/")
    found = [entry for entry in parts.entries if not kind and entry.owner == name]
    if not found:
        found = [
            entry
            for entry in parts.entries
            if (entry.name == word or word in entry.brings) and kind in ("", entry.kind) and owner in ("", entry.owner)
        ]
    if not found:
        known = {*parts.owners, *parts.broken, *(name for entry in parts.entries for name in entry.brings)}
        if name in parts.owners:
            raise PartError(f"The plugin {name!r} brings no parts: none of its functions is a hook with @hookimpl.")
        raise PartError(
            unknown("plugin or part", name, known)
            + " An installed package is a plugin if it has an entry point in the group 'rdcbench'."
        )
    return found


def _show(findings: Sequence[Sequence[Finding]], ill: Mapping[str, str]) -> None:
    """A table, and every broken contract in full."""
    from rdcbench.cli.tables import console, print_table

    if len(findings) == 1 and not ill:
        lines = [(each.contract.name, _verdict(each), each.skipped or each.contract.says) for each in findings[0]]
        print_table(("contract", "", "what it says"), lines)
    else:
        print_table(("kind", "part", "contracts", ""), [_summary(found) for found in findings])
    for owner, why in ill.items():
        console.print(f"plugin {owner} cannot be loaded: {why}", markup=False, highlight=False)
    broken = [each for found in findings for each in found if not each.holds]
    for each in broken:
        where = f"{each.kind.replace('_', ' ')} {each.part}: {each.contract.name} is broken"
        for line in (f"\n{where}", f"  contract: {each.contract.says}", f"  happened: {each.happened}"):
            console.print(line, markup=False, highlight=False)
        console.print(f"  mend:     {each.contract.mend}", markup=False, highlight=False)
    held = sum(each.holds and not each.skipped for found in findings for each in found)
    skipped = sum(bool(each.skipped) for found in findings for each in found)
    console.print(
        f"\n{held} contracts hold, {len(broken)} broken, {skipped} not judged.", markup=False, highlight=False
    )


def _verdict(finding: Finding) -> str:
    return "not judged" if finding.skipped else "holds" if finding.holds else "BROKEN"


def _summary(found: Sequence[Finding]) -> tuple[str, str, str, str]:
    broken = [each.contract.name for each in found if not each.holds]
    skipped = sorted({each.skipped for each in found if each.skipped})
    note = f"BROKEN: {', '.join(broken)}" if broken else "; ".join(f"not judged: {why}" for why in skipped)
    held = sum(each.holds and not each.skipped for each in found)
    return found[0].kind.replace("_", " "), found[0].part, f"{held} of {len(found)}", note

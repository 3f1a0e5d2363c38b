"""`rdcbench leaderboard`, `report`, `verify` and `status`: from files alone.

None needs plugins or torch but `verify`, in a process that decodes: without them that one law is UNDECIDED.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rdcbench.cli.shared import Plugins, Run, Runs
from rdcbench.errors import RdcbenchError, RecipeError, StoreError, unknown

if TYPE_CHECKING:
    from rdcbench.store import Store

ORDERS = ("overall", "distortion", "rate", "perception", "classification")
FORMATS = ("terminal", "md", "csv", "json", "latex")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("leaderboard")(leaderboard)
    app.command("report")(report)
    app.command("verify")(verify)
    app.command("status")(status)


def leaderboard(
    runs: Runs,
    by: Annotated[
        str, typer.Option(help="Order: overall, distortion, rate, perception or classification.")
    ] = "overall",
    form: Annotated[str, typer.Option("--format", help="terminal, md, csv, json or latex.")] = "terminal",
) -> None:
    """Rank the methods and points of some runs; those whose difference is within its interval share a rank."""
    from rdcbench.cli.tables import print_leaderboard
    from rdcbench.report import leaderboard as as_text
    from rdcbench.report.comparable import check_comparable, check_names
    from rdcbench.store import Store

    for what, asked, known in (("order", by, ORDERS), ("format", form, FORMATS)):
        if asked not in known:
            raise RecipeError(unknown(what, asked, known))
    stores = [Store(run).open() for run in runs]
    rows = [row for store in stores for row in store.rows()]
    if not rows:
        raise StoreError(f"{', '.join(map(str, runs))}: no finished row yet; see `rdcbench status RUN`.")
    check_names(stores)
    check_comparable(stores, rows)
    if form == "terminal":
        print_leaderboard(rows, by)
    else:
        typer.echo(as_text(rows, form, by))


def report(
    runs: Runs,
    page: Annotated[
        Path | None, typer.Option(help="Where the page goes; report.html in the first run's folder.")
    ] = None,
) -> None:
    """Write tables and figures of each run again, and one page about all of them, from their files."""
    from rdcbench.page import make_page
    from rdcbench.report import build_report
    from rdcbench.sealed import atomic_write
    from rdcbench.store import Store

    stores = [Store(run).open() for run in runs]
    whole = make_page(stores, {store.root: claims for store in stores if (claims := _claims(store))})
    for store in stores:
        written = build_report(store)
        typer.echo("\n".join([*map(str, written.paths), *written.notes]))
    path = page or stores[0].root / "report.html"
    atomic_write(path, lambda file: file.write(whole.encode()))
    typer.echo(str(path))


def _claims(store: Store) -> list[dict[str, str]]:
    """What `verify` finds in a run, as plain data; nothing where there is nothing to test."""
    from rdcbench.verify import verify as test_claims

    if not store.path("expected.toml").is_file() or not store.rows():
        return []
    try:
        findings = test_claims(store)
    except RdcbenchError as error:
        return [
            {"claim": store.root.name, "verdict": "UNDECIDED", "says": "claims cannot be tested", "numbers": str(error)}
        ]
    return [asdict(finding) for finding in findings]


def verify(
    run: Run,
    more: Annotated[
        list[Path] | None,
        typer.Argument(help="Runs with further studies, such as those of twice the steps.", metavar="MORE..."),
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Test the claims of the benchmark on a run: PASS, FAIL, or UNDECIDED where an interval straddles."""
    from rdcbench.cli.tables import print_findings
    from rdcbench.fresh import verify_afresh
    from rdcbench.store import Store

    findings = verify_afresh([Store(folder).open() for folder in (run, *(more or ()))], plugin or ())
    print_findings(findings)
    if any(finding.verdict == "FAIL" for finding in findings):
        raise typer.Exit(1)


def status(run: Run) -> None:
    """Show which jobs are done, running, failed, damaged or missing, and which files are damaged."""
    from rdcbench.cli.tables import print_table
    from rdcbench.status import states
    from rdcbench.store import Store

    print_table(("job", "state", "why"), states(Store(run).open()))

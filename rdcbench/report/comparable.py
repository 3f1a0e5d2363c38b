"""Whether the rows of several runs may stand in one table: equal images, and judges of equal budget."""

from __future__ import annotations

from collections.abc import Sequence

from rdcbench.errors import StoreError
from rdcbench.recipe import PartSpec
from rdcbench.results import Row
from rdcbench.store import Store


def check_comparable(stores: Sequence[Store], rows: Sequence[Row]) -> None:
    """Refuse rows of different data, or judged by judges of one name and different options, with a StoreError."""
    digests = {row.data_digest for row in rows}
    if len(digests) > 1:
        raise StoreError(
            f"These runs were measured on {len(digests)} different data sets or splits; they do not compare."
        )
    first: dict[str, tuple[str, PartSpec]] = {}
    for store in stores:
        plan = store.plan()
        for job in plan.jobs if plan else ():
            if job.stage != "judge":
                continue
            judge = job.parts["judge"]
            run, other = first.setdefault(job.name, (store.root.name, judge))
            if other != judge:
                raise StoreError(
                    f"The judge {judge.name!r} has another budget or other options in {run} ({_options(other)}) than "
                    f"in {store.root.name} ({_options(judge)}): what it measured does not compare. Measure both runs "
                    "with one judge."
                )


def _options(judge: PartSpec) -> str:
    return ", ".join(f"{name} = {value}" for name, value in judge.options.items()) or "none given"

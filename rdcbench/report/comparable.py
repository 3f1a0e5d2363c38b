"""Whether the rows of several runs may stand in one table: equal images, equal measures, and judges of equal budget."""

from __future__ import annotations

from collections.abc import Sequence

from rdcbench.errors import StoreError
from rdcbench.recipe import PartSpec
from rdcbench.results import FieldInfo, Row
from rdcbench.store import Store


def check_comparable(stores: Sequence[Store], rows: Sequence[Row]) -> None:
    """Refuse rows that do not compare with a StoreError that names them.

    That is: other data or split (the digest covers both), another version or meaning of a metric or of a rate, or
    judges of one name and different options.
    """
    _check_data(rows)
    _check_fields(rows)
    _check_judges(stores)


def check_names(stores: Sequence[Store]) -> None:
    """Refuse to put runs of one name, or one run twice, into one table: nothing would tell their rows apart."""
    seen: dict[str, Store] = {}
    for store in stores:
        other = seen.setdefault(store.root.resolve().name, store)
        if other is not store:
            raise StoreError(
                f"{other.root} and {store.root} have one name, by which no table could tell their rows apart: give "
                "each run once, and rename the folder of one of two."
            )


def _check_data(rows: Sequence[Row]) -> None:
    seen: dict[str, Row] = {}
    for row in rows:
        seen.setdefault(row.data_digest, row)
    if len(seen) > 1:
        told = "; ".join(f"{_name(row)} on data {digest or 'unknown'}" for digest, row in seen.items())
        raise StoreError(
            f"These rows were measured on {len(seen)} different data sets or splits; they do not compare: {told}. "
            "Give only runs of one data digest."
        )


def _check_fields(rows: Sequence[Row]) -> None:
    first: dict[str, tuple[Row, FieldInfo]] = {}
    for row in rows:
        for field in row.values:
            if field not in row.fields:
                continue
            other, info = first.setdefault(field, (row, row.fields[field]))
            if _meaning(info) != _meaning(row.fields[field]):
                what = "rate" if field.startswith("rate_") or field == "bpp" else "metric"
                raise StoreError(
                    f"The {what} {field!r} has another definition in {_name(other)} ({_told(info)}) than in "
                    f"{_name(row)} ({_told(row.fields[field])}); they do not compare. Measure both with one version."
                )


def _check_judges(stores: Sequence[Store]) -> None:
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


def _meaning(info: FieldInfo) -> tuple[str, str, str, str]:
    return info.version, info.unit, info.direction, info.source


def _told(info: FieldInfo) -> str:
    version = f"version {info.version}" if info.version else "no version"
    return ", ".join(part for part in (version, info.unit, info.source and f"from {info.source}") if part)


def _name(row: Row) -> str:
    return f"{row.run}/{row.name}" if row.run else row.name


def _options(judge: PartSpec) -> str:
    return ", ".join(f"{name} = {value}" for name, value in judge.options.items()) or "none given"

"""What the page shows, as plain data: rows, figures with the paper's points and bounds, claims, where it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rdcbench.errors import RecipeError, StoreError
from rdcbench.page.pictures import IMAGES, Album
from rdcbench.recipe import Figure, Recipe
from rdcbench.report.bounds import bound_lines, bound_points
from rdcbench.report.columns import ASPECTS, aspect_of, axis_title, columns, field_infos, speaker
from rdcbench.report.comparable import check_comparable, check_names
from rdcbench.report.leaderboard import make_leaderboard
from rdcbench.report.methods import Method
from rdcbench.report.reference import Expected, paper_points, read_expected
from rdcbench.report.selection import rate_bound, select
from rdcbench.report.surfaces import third_field
from rdcbench.results import Row, Value
from rdcbench.store import Store

CARDS = ("distortion", "perception", "classification")
SAMPLES = ("sample_x", "sample_x_hat")


def make_content(stores: Sequence[Store], claims: Mapping[Path, Sequence[Mapping[str, str]]]) -> dict[str, Any]:
    """Gather all of it; StoreError if the runs have no finished row or do not compare."""
    rows = [row for store in stores for row in store.rows()]
    if not rows:
        names = ", ".join(str(store.root) for store in stores)
        raise StoreError(f"{names}: no finished row yet; see `rdcbench status RUN`.")
    check_names(stores)
    check_comparable(stores, rows)
    board = make_leaderboard(rows, "distortion")
    overall = make_leaderboard(rows)
    album = Album()
    numbers = {id(row): number for number, row in enumerate(board.rows)}
    titles = {(row.run, row.study): title for store in stores for row, title in _titled(store, rows)}
    infos = field_infos(rows)
    shown = {
        column.name: {
            "title": axis_title(column.name, infos.get(column.name)).split("   ")[0],
            "axis": axis_title(column.name, infos.get(column.name)),
            "unit": column.unit,
            "direction": column.direction,
            "aspect": aspect_of(column.name),
        }
        for column in columns(rows)
    }
    return {
        "title": " and ".join(dict.fromkeys(store.recipe().title or store.recipe().name for store in stores)),
        "images": IMAGES,
        "fields": shown,
        "best": {aspect: name for aspect in CARDS if (name := speaker(aspect, shown)) is not None},
        "aspects": {aspect: [name for name in names if name in shown] for aspect, names in ASPECTS.items()},
        "rows": [
            {**_row(row, titles), "front": front, "strips": album.of_row(row.keys, _samples(stores, row))}
            for row, front in zip(board.rows, board.front, strict=True)
        ],
        "figures": [figure for store in stores for figure in _figures(store, board.rows, numbers)],
        "methods": [_method(one) for one in overall.methods],
        "box": overall.box.text() if overall.box else "",
        "runs": [_run(store, claims.get(store.root)) for store in stores],
        "strips": album.urls,
    }


def _titled(store: Store, rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    recipe, name = store.recipe(), store.root.name
    for row in rows:
        if row.run == name and row.study in recipe.studies:
            yield row, recipe.studies[row.study].title


def _samples(stores: Sequence[Store], row: Row) -> dict[str, Any]:
    """Sample images by cell, of the run that the row is from."""
    found: dict[str, Any] = {}
    for store in stores:
        if store.root.name == row.run:
            found |= {key: store.arrays(key, names=SAMPLES) for key in row.keys[:1]}
    return found


def _row(row: Row, titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    return {
        "run": row.run,
        "name": row.name,
        "study": row.study,
        "title": titles.get((row.run, row.study)) or row.study,
        "protocol": row.protocol,
        "point": row.point,
        "tradeoff": row.tradeoff,
        "bound": rate_bound(row),
        "seeds": len(row.seeds),
        "values": {name: _numbers(value) for name, value in row.values.items()},
        "costs": row.costs,
        "parts": row.parts,
    }


def _method(method: Method) -> dict[str, Any]:
    """A method, its share of the box with both ends, and the bytes that its receiver keeps, mean over the points."""
    return {
        "run": method.run,
        "study": method.study,
        "rank": method.rank,
        "volume": [method.volume.value, method.volume.lo, method.volume.hi],
        "receiver_bytes": method.costs["receiver_bytes"],
    }


def _numbers(value: Value) -> list[float]:
    """A value, the ends of its interval over images, and of that over seeds."""
    return [value.value, value.image_lo, value.image_hi, value.seed_lo, value.seed_hi]


def _figures(store: Store, rows: Sequence[Row], numbers: Mapping[int, int]) -> Iterator[dict[str, Any]]:
    """The recipe's figures that have axes, then rate and distortion over all rows."""
    recipe, mine = store.recipe(), [row for row in rows if row.run == store.root.name]
    expected = _expected(store)
    for name, wanted in recipe.figures.items():
        if wanted.kind != "grid" and (figure := _figure(recipe, wanted, mine, numbers, expected)):
            yield {"name": name, **figure}
    rates = [name for name in ("rate_coded", "rate_model") if any(name in row.values for row in mine)]
    if rates and any("mse" in row.values for row in mine):
        studies = dict.fromkeys(row.study for row in mine)
        series = [_series(study, [row for row in mine if row.study == study], numbers, False) for study in studies]
        yield {
            "name": "rate-distortion", "title": "Rate and distortion: all rows", "kind": "front",
            "x": rates, "y": "mse", "series": series, "paper": [], "remark": "", "lines": [], "marks": {},
        }  # fmt: skip


def _figure(
    recipe: Recipe, wanted: Figure, rows: Sequence[Row], numbers: Mapping[int, int], expected: Expected | None
) -> dict[str, Any] | None:
    """One figure as data; None if no row has its fields."""
    selection = select(recipe, wanted, rows)
    drawn = [row for one in selection.series for row in one.rows]
    fields = [field for field in wanted.x if any(field in row.values and wanted.y in row.values for row in drawn)]
    if not fields:
        return None
    rates = [one.rate for one in selection.series] if wanted.bounds and wanted.y == "mse" else []
    paper = expected.points.get(wanted.reference) if expected else None
    return {
        "title": wanted.title,
        "kind": wanted.kind,
        "x": fields,
        "y": wanted.y,
        "third": third_field(fields[0], wanted.y, drawn) if wanted.kind == "surface" else None,
        "series": [_series(one.title, one.rows, numbers, True) for one in selection.series],
        "paper": [
            {"study": one.study, "label": one.label, "points": {x: paper_points(one, x, wanted.y) for x in fields}}
            for one in (paper.series if paper else ())
        ],
        "remark": expected.remark if expected else "",
        "lines": [{"y": line.mse, "text": line.text} for line in bound_lines(rates)],
        "marks": {
            x: [{"x": mark.x, "y": mark.y, "text": mark.text} for mark in bound_points(rates, x)] for x in fields
        },
    }


def _series(title: str, rows: Sequence[Row], numbers: Mapping[int, int], joined: bool) -> dict[str, Any]:
    studies = list(dict.fromkeys(row.study for row in rows))
    return {"title": title, "studies": studies, "rows": [numbers[id(row)] for row in rows], "joined": joined}


def _expected(store: Store) -> Expected | None:
    """The paper's points, None if the file cannot be read: `rdcbench report` says so where it draws."""
    try:
        return read_expected(store.path("expected.toml"))
    except RecipeError:
        return None


def _run(store: Store, claims: Sequence[Mapping[str, str]] | None) -> dict[str, Any]:
    recipe = store.recipe()
    return {
        "name": store.root.name,
        "title": recipe.title or recipe.name,
        "provenance": store.provenance(),
        "claims": None if claims is None else [dict(claim) for claim in claims],
    }

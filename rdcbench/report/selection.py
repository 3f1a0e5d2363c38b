"""Which rows a figure shows, in the order of the sweep, and what of it is not there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rdcbench.jobs import point_name
from rdcbench.recipe import Figure, Recipe, Study
from rdcbench.report.style import plain
from rdcbench.results import Row

END_TO_END = "end-to-end"
RATES = frozenset({"rate_bound", "rate_model", "rate_coded", "bpp"})
SYMBOLS = {"perception": r"$\lambda_p$", "classification": r"$\lambda_c$", "distortion": r"$\lambda_d$"}


@dataclass(frozen=True)
class Series:
    """One curve: the rows of a study, or of several of one title, in the order of the sweep."""

    studies: tuple[str, ...]
    title: str
    rows: tuple[Row, ...]
    along_rate: bool = False
    """Whether the figure has rates on its axis, so that the curve has none of its own."""

    @property
    def study(self) -> str:
        """The study that the curve is named after: its first."""
        return self.studies[0]

    @property
    def name(self) -> str:
        """Its studies' names."""
        return " + ".join(self.studies)

    @property
    def end_to_end(self) -> bool:
        """Whether the encoder was trained for each point."""
        return self.rows[0].protocol == END_TO_END

    @property
    def rate(self) -> float:
        """Rate bound in bits per image."""
        return rate_bound(self.rows[0])

    @property
    def rate_name(self) -> str:
        """The rate bound as text, equal for equal rates, unknown ones and those of a curve along rates included."""
        return "nan" if self.along_rate else f"{self.rate:.3g}"


@dataclass(frozen=True)
class Selection:
    """What a figure draws and sentences on what it lacks."""

    series: tuple[Series, ...]
    missing: tuple[str, ...]


def select(recipe: Recipe, wanted: Figure, rows: Sequence[Row]) -> Selection:
    """Find the rows of a figure's studies."""
    series, missing = [], []
    along_rate = RATES.issuperset(wanted.x)
    for name in wanted.studies:
        study = recipe.studies[name]
        names = {point_name(tradeoff): tradeoff for tradeoff in study.tradeoffs()}
        found = {row.point: row for row in rows if row.study == name and _is_wanted(row.point, wanted)}
        if found:
            order = [*(point for point in names if point in found), *(point for point in found if point not in names)]
            drawn = tuple(found[point] for point in order)
            series.append(Series((name,), study.title or name, drawn, along_rate))
        lost = _lost(study, wanted, found)
        if lost:
            missing.append(f"{plain(name)} ({'all points' if not found else ', '.join(lost)})")
    planned = {point_name(tradeoff) for name in wanted.studies for tradeoff in recipe.studies[name].tradeoffs()}
    there = {row.point for one in series for row in one.rows}
    missing += [f"{plain(point)} (in none of the studies)" for point in wanted.points if point not in planned | there]
    return Selection(_joined(series), (f"Missing: {'; '.join(missing)}.",) if missing else ())


def _joined(series: Sequence[Series]) -> tuple[Series, ...]:
    """Studies of one title, protocol, rate and swept weights make one curve: only their settings differ.

    Along an axis of rates they may differ in their rate too, and stand in its order.
    """
    curves: dict[tuple[str, str, str, tuple[str, ...]], Series] = {}
    for one in series:
        row = one.rows[0]
        kind = (one.title, row.protocol, one.rate_name, tuple(sorted(row.tradeoff)))
        before = curves.get(kind)
        curves[kind] = _join(before, one) if before else one
    return tuple(curves.values())


def _join(first: Series, second: Series) -> Series:
    rows = first.rows + second.rows
    if first.along_rate:
        rows = tuple(sorted(rows, key=lambda row: row.value("rate_coded")))
    return Series(first.studies + second.studies, first.title, rows, first.along_rate)


def _is_wanted(point: str, wanted: Figure) -> bool:
    return not wanted.points or point in wanted.points


def _lost(study: Study, wanted: Figure, found: Mapping[str, Row]) -> list[str]:
    """Points of the sweep without a row; a protocol that names its points otherwise is not asked for them."""
    planned = {point_name(tradeoff): tradeoff for tradeoff in study.tradeoffs()}
    if found and not set(found) & set(planned):
        return []
    return [
        weights_text(tradeoff)
        for point, tradeoff in planned.items()
        if point not in found and _is_wanted(point, wanted)
    ]


def symbol(term: str) -> str:
    """A term's weight in a formula."""
    return SYMBOLS.get(term, plain(term.replace("_", " ")))


def weights_text(tradeoff: Mapping[str, float]) -> str:
    """An operating point in symbols."""
    return ", ".join(f"{symbol(term)}\u00a0=\u00a0{weight:g}" for term, weight in tradeoff.items()) or "no weight"


def rate_bound(row: Row) -> float:
    """Rate bound of a row in bits per image: as measured, else d log2 L, NaN where neither is known.

    It is infinite for a whole codec that promises none: such a row has d and L of its study, which it never used.
    """
    bound = row.value("rate_bound")
    if not math.isnan(bound) or not row.dimensions:
        return bound
    return row.dimensions * math.log2(row.levels)


def several_rates(series: Sequence[Series]) -> bool:
    """Whether the series differ in their rate bound; those without any bound differ from none."""
    return len({one.rate_name for one in series if not math.isinf(one.rate)}) > 1


def model_rates(rows: Sequence[Row]) -> str:
    """Least and largest measured model rate of some rows; empty where none was measured."""
    rates = [rate for row in rows if math.isfinite(rate := row.value("rate_model"))]
    if not rates:
        return ""
    low, high = f"{min(rates):.2f}", f"{max(rates):.2f}"
    return low if low == high else f"{low}–{high}"


def rates_text(series: Sequence[Series]) -> str:
    """The one rate bound, the studies without any, and the model rates of each; empty where no bound is known."""
    bounds = {one.rate_name for one in series if not math.isinf(one.rate)}
    free = [plain(one.name) for one in series if math.isinf(one.rate)]
    if len(bounds) > 1 or "nan" in bounds:
        return ""
    measured = [f"{plain(one.name)}\u00a0{model_rates(one.rows)}" for one in series if model_rates(one.rows)]
    head = f"Rate bound {bounds.pop()} bit/image" if bounds else "No rate bound"
    head += f", none of {', '.join(free)}" if free and head != "No rate bound" else ""
    return f"{head}; model rates {', '.join(measured)}." if measured else f"{head}."

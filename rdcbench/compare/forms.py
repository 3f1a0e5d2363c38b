"""A comparison as Markdown, CSV and strict JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rdcbench.compare import Comparison
from rdcbench.compare.curves import Curve
from rdcbench.compare.lines import answers, curve_table, legend, pair_table
from rdcbench.compare.pairs import Difference
from rdcbench.report.markup import escape_markdown, markdown_table
from rdcbench.stats import BjontegaardDelta, Interval


def markdown(found: Comparison) -> str:
    """The answer, then both tables; names come from plugins, so every cell is escaped."""
    parts = [*(f"- {escape_markdown(sentence)}" for sentence in answers(found)), ""]
    for table in (curve_table(found), pair_table(found)):
        if len(table) > 1:
            head, *body = [[escape_markdown(text) for text in line] for line in table]
            parts += [markdown_table([head, ["---"] * len(head), *body])]
    return "\n".join([*parts, *(f"{escape_markdown(sentence)}  " for sentence in legend()), ""])


def as_csv(found: Comparison) -> str:
    """One line for each paired difference and each curve's delta and gaps; what is NaN is empty and has its reason."""
    records = [*map(_pair_record, found.pairs.differences), *(one for curve in found.curves for one in _lines(curve))]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _NAMES, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _finite(value, "") for name, value in record.items()} for record in records)
    return buffer.getvalue()


def as_json(found: Comparison) -> str:
    """Everything, with raw numbers; what is not finite is null."""
    front = found.front
    whole = {
        "a": found.a.label, "b": found.b.label,
        "parts": {kind: {"a": first, "b": second} for kind, (first, second) in found.parts.items()},
        "answers": answers(found),
        "curves": [_curve(curve) for curve in found.curves],
        "front": {"axes": front.axes, "rows": front.rows, "a": front.on_front[0], "b": front.on_front[1]},
        "differences": [_pair_record(one) for one in found.pairs.differences],
        "only_a": found.pairs.only_a, "only_b": found.pairs.only_b,
    }  # fmt: skip
    return json.dumps(_finite(whole, None), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


FORMS: Mapping[str, Callable[[Comparison], str]] = MappingProxyType({"md": markdown, "csv": as_csv, "json": as_json})
_NAMES = ("kind", "study", "point", "field", "a", "b", "difference", "lo", "hi", "p", "verdict", "reason")


def _pair_record(one: Difference) -> dict[str, Any]:
    return {
        "kind": "pair", "study": one.study, "point": one.point, "field": one.field, "a": one.a, "b": one.b,
        "difference": one.interval.value, "lo": one.interval.lo, "hi": one.interval.hi, "p": one.p,
        "verdict": one.verdict, "reason": one.reason,
    }  # fmt: skip


def _lines(curve: Curve) -> list[dict[str, Any]]:
    """A curve's numbers, one a line."""
    study = curve.study_a if curve.study_a == curve.study_b else f"{curve.study_a} | {curve.study_b}"
    numbers = {
        f"bd_{curve.delta.method}": curve.interval, f"bd_{curve.akima.method}": Interval(curve.akima.value),
        "gap_loosest": curve.loosest, "gap_mean": curve.mean, "gap_maximum": curve.maximum,
    }  # fmt: skip
    return [
        {"kind": kind, "study": study, "field": curve.along, "difference": one.value, "lo": one.lo, "hi": one.hi,
         "reason": one.reason}
        for kind, one in numbers.items()
    ]  # fmt: skip


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "study_a": curve.study_a, "study_b": curve.study_b, "along": curve.along, "unit": curve.unit,
        "pchip": _delta(curve.delta) | _interval(curve.interval), "akima": _delta(curve.akima),
        "universality_gap": curve.universality,
        "gap": {name: _interval(getattr(curve, name)) for name in ("loosest", "mean", "maximum")}, "note": curve.note,
    }  # fmt: skip


def _delta(delta: BjontegaardDelta) -> dict[str, Any]:
    return {
        "value": delta.value, "overlap": delta.overlap, "range": delta.interval, "points": delta.points,
        "on_front": delta.used, "monotone": delta.interpolant_monotone, "reason": delta.reason,
    }  # fmt: skip


def _interval(found: Interval) -> dict[str, Any]:
    return {"value": found.value, "lo": found.lo, "hi": found.hi, "reason": found.reason}


def _finite(value: Any, missing: str | None) -> Any:
    """The same with `missing` for numbers that are not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else missing
    if isinstance(value, Mapping):
        return {name: _finite(one, missing) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one, missing) for one in value]
    return value

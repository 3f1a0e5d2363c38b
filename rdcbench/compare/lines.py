"""A comparison as sentences and tables of plain strings, for terminal and Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

from rdcbench.compare import Comparison
from rdcbench.compare.curves import DISTORTION, Curve
from rdcbench.compare.pairs import Difference
from rdcbench.report.digits import format_number
from rdcbench.report.lines import ARROWS, interval
from rdcbench.stats import Interval

MARKS = {"A better": " A", "B better": " B", "differs": " *", "not told apart": " ≈"}
"""Behind a difference: who is better, or that the interval does not tell."""
MOST_NAMES = 6


def signed(found: Interval) -> str:
    """A difference with its interval and its sign; blank where there is none."""
    text = interval(found)
    return f"+{text}" if found.value > 0 else text


def curve_name(curve: Curve) -> str:
    """Both studies, once where they have one name."""
    same = curve.study_a == curve.study_b
    return curve.study_a if same else f"{curve.study_a} | {curve.study_b}"


def curve_table(found: Comparison) -> list[list[str]]:
    """Bjontegaard deltas and gaps, header first; what is NaN says why in the last column, and in the answers."""
    header = [
        "study",
        "along",
        "BD (pchip)",
        "BD (akima)",
        "unit",
        "gap, loosest",
        "gap, mean",
        "gap, largest",
        "notes",
    ]
    return [header, *(_curve_line(curve) for curve in found.curves)]


def _curve_line(curve: Curve) -> list[str]:
    akima = format_number(curve.akima.value)
    akima = f"+{akima}" if curve.akima.value > 0 else akima
    reasons = dict.fromkeys(
        reason for reason in (curve.delta.reason, curve.interval.reason, curve.mean.reason, curve.note) if reason
    )
    return [
        curve_name(curve), curve.along, signed(curve.interval) or "NaN", akima or "NaN", curve.unit,
        *(signed(gap) or "NaN" for gap in (curve.loosest, curve.mean, curve.maximum)), "; ".join(reasons),
    ]  # fmt: skip


def pair_table(found: Comparison, fields: Collection[str] | None = None) -> list[list[str]]:
    """Paired differences, a line for each point and a column for each field (of some fields only), header first."""
    shown = [column for column in found.pairs.columns if fields is None or column.name in fields]
    lines: dict[tuple[str, str], dict[str, Difference]] = {}
    for one in found.pairs.differences:
        lines.setdefault((one.study, one.point), {})[one.field] = one
    several = len({study for study, _ in lines}) > 1
    names = ["study", "point"] if several else ["point"]
    header = [*names, *(f"{column.name}{ARROWS[column.direction]}" for column in shown)]
    return [
        header,
        *(
            [*place[-len(names) :], *(_cell(by_field.get(column.name)) for column in shown)]
            for place, by_field in lines.items()
        ),
    ]


def _cell(one: Difference | None) -> str:
    if one is None:
        return ""
    if one.verdict == "not compared":
        return "NaN"
    return (signed(one.interval) or "0") + MARKS.get(one.verdict, "")


def answers(found: Comparison) -> list[str]:
    """Which differences are real, in sentences."""
    told = Counter(one.verdict for one in found.pairs.differences)
    tested = sum(math.isfinite(one.p) for one in found.pairs.differences)
    sentences = [f"A is {found.a.label}, B is {found.b.label}."]
    if found.parts:
        parts = "; ".join(f"{kind} {first} against {second}" for kind, (first, second) in found.parts.items())
        sentences.append(f"They differ in: {parts}.")
    if tested:
        real = told["A better"] + told["B better"] + told["differs"]
        sentences.append(
            f"{real} of {tested} paired differences are real: A is better in {told['A better']}, B in "
            f"{told['B better']}; {tested - real} are not told apart."
        )
    sentences += [_field_answer(found, column.name) for column in found.pairs.columns]
    sentences += [_curve_answer(curve) for curve in found.curves]
    sentences += [_front_answer(found), *_losses(found), *_caveats(found)]
    return [sentence for sentence in sentences if sentence]


def _field_answer(found: Comparison, field: str) -> str:
    """What the points say of one field that has intervals, or why it cannot be compared."""
    here = [one for one in found.pairs.differences if one.field == field]
    tested = [one for one in here if math.isfinite(one.p)]
    if not tested:
        reasons = dict.fromkeys(one.reason for one in here if one.verdict == "not compared")
        return f"{field}: NaN, {'; '.join(reasons)}." if reasons else ""
    told = Counter(one.verdict for one in tested)
    texts = [f"{verdict} at {told[verdict]}" for verdict in ("A better", "B better", "differs") if told[verdict]]
    rest = len(tested) - sum(told[verdict] for verdict in ("A better", "B better", "differs"))
    texts += [f"not told apart at {rest}"] if rest else []
    return f"{field}: {', '.join(texts)} of {len(tested)} points."


def _curve_answer(curve: Curve) -> str:
    name, value = curve_name(curve), curve.interval
    gap = "universality gap" if curve.universality else "gap of B above A's envelope"
    gaps = "" if math.isnan(curve.mean.value) else f"; {gap} {signed(curve.mean)} in the mean{_certainty(curve.mean)}"
    if math.isnan(value.value):
        return f"{name}, along {curve.along}: no delta, {value.reason or curve.delta.reason}{gaps}."
    what = f"{DISTORTION} at equal {curve.along}" if not curve.delta.unit else f"rate at equal {DISTORTION}"
    size = f"{signed(value)}{' %' if curve.delta.unit else ''}"
    if not value.defined:
        return f"{name}: {what}, B minus A is {size} ({value.reason})."
    return f"{name}: {what}, B minus A is {size}{_certainty(value)}{gaps}."


def _certainty(found: Interval) -> str:
    if not found.defined:
        return ""
    return " (not told from 0)" if found.contains(0.0) else f" (real: {'B' if found.value < 0 else 'A'} better)"


def _front_answer(found: Comparison) -> str:
    front = found.front
    if not front.axes or not any(front.on_front):
        return ""
    sides = [
        f"{len(names)} of {count} rows of {side} ({_few(names)})"
        for side, count, names in zip("AB", front.rows, front.on_front, strict=True)
    ]
    return f"On the front in {', '.join(front.axes)}: {', '.join(sides)}."


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (", ".join(names[:MOST_NAMES]) or "none") + more


def _losses(found: Comparison) -> list[str]:
    sides = (("A", found.pairs.only_a), ("B", found.pairs.only_b))
    return [f"Without a partner in the other side: {name}'s {_few(rows)}." for name, rows in sides if rows]


def _caveats(found: Comparison) -> list[str]:
    """What an interval over images cannot say."""
    alone = all(len(row.seeds) == 1 for side in (found.a, found.b) for row in side.rows)
    one = "One training seed: a real difference is one of these trained networks, and another training may differ."
    return [one] if alone and found.pairs.differences else []


def legend() -> list[str]:
    """What the numbers and marks mean."""
    return [
        "Differences are B minus A; ±: 95 % interval over the test images that both share (and over training seeds, "
        "where there are several). A or B behind one: that side is better, and the difference is real: by Holm's "
        "procedure the chance of one false among all is at most 5 %. ≈: not told apart. No mark: no interval.",
        "BD: mean difference in distortion at equal constraint at one rate (or in rate, where codecs set it), over the "
        "common range only. gap: distortion of B above the envelope of A; an interval of each by itself.",
    ]

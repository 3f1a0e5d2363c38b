"""Numbers with as many digits as their interval supports."""

from __future__ import annotations

import math

from rdcbench.results import Value

LOPSIDED = 0.2
"""Share of an interval's width by which the value may be off its middle and still be written as value ± half."""


def format_value(value: Value) -> str:
    """Write value ± half-width over images, then ± half-width over seeds; an interval off centre as [lo, hi].

    The last digit of the value is that of the interval over images, or of that over seeds where there is no other.
    Without any interval four significant digits are written; NaN is blank.
    """
    if not math.isfinite(value.value):
        return ""
    spreads = [(value.image_lo, value.image_hi), (value.seed_lo, value.seed_hi)]
    known = [(lo, hi) for lo, hi in spreads if math.isfinite(lo) and math.isfinite(hi) and hi > lo]
    if not known:
        return format_number(value.value)
    places = decimals((known[0][1] - known[0][0]) / 2)
    return " ".join([f"{value.value:.{places}f}", *(_format_spread(value.value, lo, hi) for lo, hi in known)])


def decimals(half: float) -> int:
    """Decimals that show a half-width with one significant digit, with two if the first is a 1."""
    exponent = math.floor(math.log10(half))
    leading = round(half / 10.0**exponent, 1)
    return max(0, -exponent + (1 if leading < 2.0 else 0))


def format_number(number: float) -> str:
    """Four significant digits, whole numbers from 1,000 on with separators; NaN is blank."""
    if not math.isfinite(number):
        return "" if math.isnan(number) else f"{number}"
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    if number == 0 or abs(number) >= 1e-4:
        return f"{number:.4g}"
    return f"{number:.3e}"


def _format_spread(value: float, lo: float, hi: float) -> str:
    half = (hi - lo) / 2
    places = decimals(half)
    if abs((lo + hi) / 2 - value) > LOPSIDED * 2 * half:
        return f"[{lo:.{places}f}, {hi:.{places}f}]"
    return f"± {half:.{places}f}"

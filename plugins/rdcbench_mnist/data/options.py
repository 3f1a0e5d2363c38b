"""Checks of the options that data sets share: one sentence for each wrong value."""

from __future__ import annotations

from rdcbench import PartError


def count_option(option: str, value: object, most: int) -> int:
    """Take an integer from 0 to `most`, or raise PartError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise PartError(f"The data set's option {option} = {value!r} must be a whole number from 0 to {most}.")
    return value


def share_option(option: str, value: object) -> float:
    """Take a number from 0 up to, but not, 1, or raise PartError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise PartError(f"The data set's option {option} = {value!r} must be a share of the images: from 0, below 1.")
    return float(value)


def flag_option(option: str, value: object) -> bool:
    """Take true or false, or raise PartError."""
    if not isinstance(value, bool):
        raise PartError(f"The data set's option {option} = {value!r} must be true or false.")
    return value

"""Faults that any recipe may be given: a recipe is data, so each changes the tables that were read from its file.

A fault gives False where the recipe has no place for it. Writing in place, global randomness and batch statistics are
faults of code, which a recipe has none of.
"""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]


def wrong_type(raw: Raw) -> bool:
    """A word for a number."""
    raw["training"]["steps"] = "many"
    return True


def number_as_text(raw: Raw) -> bool:
    """A number, quoted, in a study."""
    next(iter(raw["studies"].values()))["levels"] = "three"
    return True


def alphabet_of_one(raw: Raw) -> bool:
    """One level fewer than a symbol needs."""
    next(iter(raw["studies"].values()))["levels"] = 1
    return True


def alphabet_off_by_one(raw: Raw) -> bool:
    """A study's encoder, on which another builds, gets one level more than that other expects."""
    base = _base(raw)
    if base:
        raw["studies"][base]["levels"] = raw["studies"][base].get("levels", 3) + 1
    return bool(base)


def one_study_too_few(raw: Raw) -> bool:
    """A study on which another builds, or else one that a figure shows, is gone."""
    shown = [study for figure in raw.get("figures", {}).values() for study in figure["studies"]]
    del raw["studies"][_base(raw) or shown[0]]
    return True


def no_points(raw: Raw) -> bool:
    """A study's only operating points are lost."""
    study = next(iter(raw["studies"].values()))
    study.pop("sweep", None)
    study["points"] = []
    return True


def letter_lost_from_key(raw: Raw) -> bool:
    """A key that is not there."""
    raw["training"]["step"] = raw["training"].pop("steps")
    return True


def letter_lost_from_part(raw: Raw) -> bool:
    """A part that is not there."""
    raw["dataset"]["name"] = raw["dataset"]["name"][:-1]
    return True


def option_of_no_part(raw: Raw) -> bool:
    """An option that the part has not."""
    raw["dataset"]["optoin"] = 1
    return True


def _base(raw: Raw) -> str:
    """The first study that another one starts from."""
    protocols = (study["protocol"] for study in raw["studies"].values())
    return next((p["study"] for p in protocols if isinstance(p, dict) and "study" in p), "")


MUTATIONS = (
    wrong_type,
    number_as_text,
    alphabet_of_one,
    alphabet_off_by_one,
    one_study_too_few,
    no_points,
    letter_lost_from_key,
    letter_lost_from_part,
    option_of_no_part,
)

"""Reading recipes: TOML, a preset and single settings laid over one another, and errors that name key and value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from rdcbench.benchmarks import find_recipe
from rdcbench.errors import RecipeError, unknown
from rdcbench.recipe import Figure, Recipe, Study, Training

MOST_DOTS = 500
"""Reading a key takes the square of its parts, in time and memory."""
MOST_DEPTH = 20
"""Tables and lists in one another; a recipe has six."""


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested table over another; lists and numbers are replaced, a part of another name loses its options."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = value
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            renamed = "name" in value and "name" in old and value["name"] != old["name"]
            merged[key] = value if renamed else overlay(old, value)
    return merged


def parse_setting(
    text: str, option: str = "--set", form: str = "table.key=VALUE, such as training.steps=500"
) -> tuple[list[str], Any]:
    """Read `table.key=TOML-VALUE`; a bare word is taken as a string."""
    key, separator, value = text.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not separator or not all(path):
        raise RecipeError(f"{option} {text!r} is not of the form {form}.")
    try:
        return path, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return path, value.strip()


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, or say what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read: {error}.") from error
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise RecipeError(f"{path} has a line with more than {MOST_DOTS} dots; no recipe needs that.")
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for numbers of thousands of digits
        raise RecipeError(f"{path} is not TOML: {error}.") from error
    _check_depth(path, raw)
    return raw


def _check_depth(path: Path, raw: Mapping[str, Any]) -> None:
    """Refuse tables in tables in tables, which what walks through a recipe would not get out of."""
    level: list[Any] = [raw]
    for _ in range(MOST_DEPTH):
        inner = [value for table in level for value in (table.values() if isinstance(table, Mapping) else table)]
        level = [value for value in inner if isinstance(value, Mapping | list)]
    if level:
        raise RecipeError(
            f"{path} has tables or lists in one another, more than {MOST_DEPTH} deep; no recipe needs that."
        )


def read_recipe(path: Path, including: Sequence[Path] = ()) -> dict[str, Any]:
    """Read the tables of a recipe, laid over those of the recipe that it names in `include`, presets too.

    including: the recipes that led here. RecipeError if they go in a circle, or if there is no such benchmark.
    """
    raw = read_toml(path)
    if "include" not in raw:
        return raw
    base, chain = _included(path, raw.pop("include")), [*including, path.resolve()]
    if base.resolve() in chain:
        raise RecipeError(f"{path}: include goes in a circle: {' -> '.join(map(str, [*chain, base.resolve()]))}.")
    return overlay(read_recipe(base, chain), raw)


def _included(path: Path, name: Any) -> Path:
    """The recipe that another one includes: the name of a benchmark, or a path from the folder of that recipe."""
    if not isinstance(name, str):
        raise RecipeError(f"{path}: include = {name!r}: it must be the name of a benchmark, or a path ending in .toml.")
    return find_recipe(str(path.parent / name) if name.endswith(".toml") else name)


def expected_text(path: Path) -> str:
    """The expected.toml beside a recipe, laid over that of the recipe that it includes; "" if there is none."""
    own = path.with_name("expected.toml")
    name = read_toml(path).get("include")
    base = expected_text(_included(path, name)) if name is not None else ""
    if not own.is_file() or not base:
        return own.read_text(encoding="utf-8") if own.is_file() else base
    return tomli_w.dumps(overlay(tomllib.loads(base), read_toml(own)))


def load_recipe(path: Path, preset: str = "", settings: Sequence[tuple[list[str], Any]] = ()) -> Recipe:
    """Read a recipe, lay a preset and single settings over it, and check the result.

    Parameters
    ----------
    path: a TOML file.
    preset: a table of `[presets]`; "" or "default" takes the recipe as it is (or its own `default`).
    settings: (keys, value) pairs, as `parse_setting` gives.
    """
    raw = read_recipe(path)
    presets = raw.pop("presets", {})
    if not isinstance(presets, dict) or not all(isinstance(table, dict) for table in presets.values()):
        raise RecipeError(f"{path}: 'presets' must be a table of tables.")
    if preset and preset != "default" and preset not in presets:
        raise RecipeError(unknown("preset", preset, {"default", *presets}))
    raw = overlay(raw, presets.get(preset or "default", {}))
    for keys, value in settings:
        nested = value
        for key in reversed(keys):
            nested = {key: nested}
        raw = overlay(raw, nested)
    return checked(path, raw)


def checked(path: Path, raw: Mapping[str, Any]) -> Recipe:
    """The recipe of a resolved table, which names no other file; RecipeError, with the path, if it is none."""
    try:
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(f"{path}: {_explain(error)}") from error
    for name, study in recipe.studies.items():
        try:
            recipe.training_for(study)
        except ValidationError as error:
            raise RecipeError(f"{path}: {_explain(error, ('studies', name, 'training'))}") from error
    return recipe


def _explain(error: ValidationError, table: Sequence[str] = ()) -> str:
    """Turn the first validation error, met in `table`, into one sentence: key, value, what is allowed."""
    first = error.errors()[0]
    *parents, last = [*table, *map(str, first["loc"])] or [""]
    key = ".".join([*parents, last])
    more = f" ({error.error_count() - 1} more like this.)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return unknown("key", last, _keys_of(parents)).replace(f"{last!r}", f"{key!r}", 1) + more
    if first["type"] == "missing":
        return f"the key {key!r} is missing; it is needed.{more}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("model_type", "dict_type"):
        message = "it must be a table"
    where = f"{key} = {first['input']!r}: " if key else ""
    sentence = f"{where}{message[0].lower()}{message[1:]}"
    return (sentence if sentence.endswith((".", "?")) else f"{sentence}.") + more


def _keys_of(parents: Sequence[str]) -> Iterable[str]:
    """The keys that a table of a recipe may have, by the keys that lead to it."""
    tables: dict[str, type[BaseModel]] = {"studies": Study, "figures": Figure}
    if parents and parents[-1] == "training":
        return Training.model_fields
    return tables.get(parents[0] if parents else "", Recipe).model_fields

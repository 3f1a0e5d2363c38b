"""Write the generated blocks of the documentation: verbs and options, parts, keys of recipes, fields, hooks.

    python docs/make_cli.py            write what is out of date
    python docs/make_cli.py --check    say what is out of date, exit code 1

A block stands between `<!-- begin generated: NAME -->` and `<!-- end generated: NAME -->`; all else is written by hand.
Only the parts that come with rdcbench are listed, whatever else is installed.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from blocks import BLOCK, filled, table
from pydantic import BaseModel
from typer.models import ArgumentInfo, OptionInfo, ParameterInfo

from rdcbench import hookspecs, registry
from rdcbench.cli import app
from rdcbench.conformance import contracts
from rdcbench.evaluate import RATE_FIELDS
from rdcbench.recipe import Figure, PartSpec, Recipe, Study, Training
from rdcbench.records import Field
from rdcbench.registry import Entry, given_to
from rdcbench.verify.kinds import KINDS

FOLDER = Path(__file__).parent
OWNERS = ("rdcbench_std", "rdcbench_mnist", "rdcbench_gaussian", "rdcbench_frontier", "rdcbench_compressai")


def main(arguments: Sequence[str]) -> int:
    """Write or check all pages."""
    stale = [path for path, text in pages().items() if text != path.read_text(encoding="utf-8")]
    for path in stale:
        if "--check" in arguments:
            print(f"{path} is out of date; run python docs/make_cli.py")
        else:
            path.write_text(pages()[path], encoding="utf-8")
            print(path)
    return int("--check" in arguments and bool(stale))


def pages() -> dict[Path, str]:
    """Every page with generated blocks, as it should be."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    return {path: filled(text, BLOCKS) for path, text in texts.items() if BLOCK.search(text)}


def _code(value: object) -> str:
    return f"`{value}`" if str(value) else ""


def _value(value: object) -> str:
    """A default as one would write it in a recipe or on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else str(value)


# ------------------------------------------------------------------------------------------------------------ the verbs


def verbs() -> dict[str, Callable[..., Any]]:
    """All verbs of the command line in the order of its help, "data fetch" among them."""
    found = {str(command.name): command.callback for command in app.registered_commands}
    for group in app.registered_groups:
        inner = group.typer_instance.registered_commands if group.typer_instance else []
        found |= {f"{group.name} {command.name}": command.callback for command in inner}
    return {name: callback for name, callback in found.items() if callback is not None}


def options_of(verb: str) -> list[tuple[str, ParameterInfo, Any, object]]:
    """(name as typed, typer's record, type, default) of each parameter of a verb."""
    callback = verbs()[verb]
    hints = typing.get_type_hints(callback, include_extras=True)
    found = []
    for name, parameter in inspect.signature(callback).parameters.items():
        kind, info = typing.get_args(hints[name])
        if isinstance(info, OptionInfo):
            declared = [text for text in (info.default, *(info.param_decls or ())) if str(text).startswith("--")]
            typed = str(declared[0]) if declared else f"--{name.replace('_', '-')}"
        else:
            typed = info.metavar or name.upper()
        found.append((typed, info, kind, parameter.default))
    return found


def _verb_pages() -> Iterator[str]:
    for number, (verb, callback) in enumerate(verbs().items()):
        parameters = options_of(verb)
        words = [_argument(name, default) for name, info, _, default in parameters if isinstance(info, ArgumentInfo)]
        has_options = any(isinstance(info, OptionInfo) for _, info, _, _ in parameters)
        usage = " ".join(["rdcbench", verb, *(["[OPTIONS]"] if has_options else []), *words])
        yield from ([""] if number else [])
        yield from (f"## rdcbench {verb}", "", f"    {usage}", "", inspect.getdoc(callback) or "", "")
        yield from table(
            ("", "value", "default", ""),
            [
                (_code(name), _kind(kind, info), _default(kind, default), info.help or "")
                for name, info, kind, default in parameters
            ],
        )


def _argument(name: str, default: object) -> str:
    return name if default is inspect.Parameter.empty else f"[{name}]"


def _kind(kind: Any, info: ParameterInfo) -> str:
    """What a parameter takes, in a word."""
    inner = [part for part in typing.get_args(kind) if part is not types.NoneType]
    repeated = typing.get_origin(kind) is list or any(typing.get_origin(part) is list for part in inner)
    plain = next((name for type_, name in WORDS.items() if type_ in _leaves(kind)), "")
    word = info.metavar.lower() if info.metavar and isinstance(info, OptionInfo) else plain
    return f"{word}, repeatable" if repeated and isinstance(info, OptionInfo) else word


WORDS: Mapping[type, str] = {bool: "", int: "whole number", Path: "path", str: "text"}


def _leaves(kind: Any) -> set[Any]:
    """The plain types inside Optional and list."""
    inner = typing.get_args(kind)
    return {leaf for part in inner for leaf in _leaves(part)} if inner else {kind}


def _default(kind: Any, default: object) -> str:
    if default is inspect.Parameter.empty:
        return "needed"
    return "" if default in (None, "", False) or kind is bool else _code(default)


# ------------------------------------------------------------------------------------------------------------ the parts


def shipped(kind: str) -> list[Entry]:
    """The parts of a kind that come with rdcbench, by name."""
    found = [entry for entry in registry.load().entries if entry.kind == kind and entry.owner in OWNERS]
    return sorted(found, key=lambda entry: entry.name)


def settable(entry: Entry) -> dict[str, inspect.Parameter]:
    """The options of a part that a recipe can set: not what the harness fills in, nor an executor's workers."""
    return {
        name: option
        for name, option in entry.options().items()
        if entry.kind != "executor" and name not in given_to(entry.kind)
    }


def _part_tables() -> Iterator[str]:
    for kind in registry.KINDS:
        entries = shipped(kind)
        if not entries or kind == "recipe":
            continue
        yield from ([] if kind == registry.KINDS[0] else [""])
        yield from (f"## {kind.replace('_', ' ').capitalize()}", "")
        yield from table(
            ("name", "option", "default", "meaning"), [line for entry in entries for line in _part_lines(entry)]
        )


def _part_lines(entry: Entry) -> Iterator[tuple[str, str, str, str]]:
    """A line for the part and one for each of its options."""
    yield f"**{entry.name}**", "", "", entry.summary
    meanings = option_meanings(entry)
    for name, option in settable(entry).items():
        default = "needed" if option.default is option.empty else _shown_default(option.default)
        yield "", _code(name), default, meanings.get(name, "")


def option_meanings(entry: Entry) -> dict[str, str]:
    """What a part's docstrings say of its options: the lines `name: meaning` and `name, other: meaning`."""
    text = "\n".join(inspect.getdoc(holder) or "" for holder in (entry.target, entry.target.__init__))
    meanings: dict[str, str] = {}
    current: list[str] = []
    for line in text.splitlines():
        named = re.match(r"(\w+(?:, \w+)*): (.*)", line)
        if named:
            current = named[1].split(", ")
            meanings |= dict.fromkeys(current, named[2])
        elif line.startswith("    ") and current:
            meanings |= {name: f"{meanings[name]} {line.strip()}" for name in current}
        else:
            current = []
    return meanings


# ----------------------------------------------------------------------------------------------- recipes, fields, hooks


def _recipe_keys() -> Iterator[str]:
    tables: dict[str, type[BaseModel]] = {
        "Top level": Recipe,
        "[studies.NAME]": Study,
        "[training], [studies.NAME.training]": Training,
        "[figures.NAME]": Figure,
    }
    for number, (title, model) in enumerate(tables.items()):
        yield from ([""] if number else [])
        yield from (f"### {title}", "")
        yield from table(("key", "type", "default", ""), _key_lines(model))


def _key_lines(model: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    for name, key in model.model_fields.items():
        default = "needed" if key.is_required() else _shown_default(key.get_default(call_default_factory=True))
        yield _code(name), _type_word(key.annotation), default, key.description or NOTES.get((model, name), "")


def _shown_default(default: object) -> str:
    return "" if default is None or default in ({}, [], (), "") else _code(_value(default))


NOTES: Mapping[tuple[type[BaseModel], str], str] = {
    (Recipe, "schema_version"): "version of this format",
    (Recipe, "name"): "letters, digits, `.`, `_` and `-`",
    (Recipe, "metrics"): "`[[metrics]]`, one table each",
    (Recipe, "judges"): "`[[judges]]`, one table each",
    (Recipe, "seeds"): "seeds 0 to N-1",
    (Study, "title"): "what figures call it",
    (Study, "protocol"): "a name, or a table with a name and options",
    (Study, "dimensions"): "d, latent coordinates",
    (Study, "levels"): "L, centres of a coordinate; the rate bound is d log2 L bits",
    (Study, "sweep"): "term or dial -> values; the points are their product",
    (Study, "points"): "operating points one by one, before those of the sweep",
    (Study, "training"): "laid over `[training]`",
    (Training, "steps"): "codec steps",
    (Training, "batch"): "images a step",
    (Training, "learning_rate"): "of encoder and decoder (Adam)",
    (Training, "critic_learning_rate"): "of the critic (Adam)",
    (Training, "betas"): "of Adam, encoder and decoder",
    (Training, "critic_betas"): "of Adam, critic",
    (Training, "schedule"): "of the learning rate",
    (Training, "critic_schedule"): "of the critic's learning rate",
    (Training, "threads"): "that a job computes with; part of the result's key",
    (Figure, "studies"): "names of studies",
    (Figure, "y"): "row field",
}


def _type_word(annotation: Any) -> str:
    """A type in the words of TOML."""
    if typing.get_origin(annotation) is typing.Literal:
        return ", ".join(_code(_value(value)) for value in typing.get_args(annotation))
    inner, origin = typing.get_args(annotation), typing.get_origin(annotation)
    if origin is types.UnionType:
        return _type_word(next(part for part in inner if part is not types.NoneType))
    if origin in (list, tuple):
        return f"list of {_many(_type_word(inner[0]))}"
    if origin is dict:
        return "table" if inner[1] is Any else f"table of {_many(_type_word(inner[1]))}"
    if inspect.isclass(annotation) and issubclass(annotation, PartSpec):
        return "part"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(annotation, "table")


def _many(word: str) -> str:
    """The plural: "list of texts" gives "lists of texts"."""
    first, of, rest = word.partition(" of ")
    return f"{first}s{of}{rest}"


def fields() -> dict[str, tuple[Field, str]]:
    """Every field that the shipped metrics and judges measure, with its meaning and who brings it."""
    found = {name: (meaning, "the bitstream") for name, meaning in RATE_FIELDS.items()}
    for kind in ("metric", "judge"):
        for entry in shipped(kind):
            found |= {name: (meaning, f"{kind} `{entry.name}`") for name, meaning in entry.target.fields.items()}
    return found


def _field_table() -> Iterator[str]:
    arrows = {"lower": "lower", "higher": "higher", "none": "neither"}
    return table(
        ("field", "unit", "better", "bounds", "measured by"),
        [
            (_code(name), meaning.unit, arrows[meaning.direction], _bounds(meaning), source)
            for name, (meaning, source) in fields().items()
        ],
    )


def _bounds(meaning: Field) -> str:
    low, high = meaning.lower > float("-inf"), meaning.upper < float("inf")
    if low and high:
        return f"{meaning.lower:g} to {meaning.upper:g}"
    return f"from {meaning.lower:g}" if low else f"to {meaning.upper:g}" if high else ""


def _hook_table() -> Iterator[str]:
    lines = []
    for kind in registry.KINDS:
        hook = registry.hook_of(kind)
        specification = getattr(hookspecs, hook)
        returned = re.search(r"type\[parts\.(\w+)\]", specification.__annotations__["return"])
        contract = f"classes of `rdcbench.{returned[1]}`" if returned else "folders"
        lines.append(
            (f"[`{hook}`](hooks/{hook.removeprefix('rdcbench_')}.md)", contract, inspect.getdoc(specification) or "")
        )
    return table(("hook", "returns", ""), lines)


def _claim_table() -> Iterator[str]:
    """Kinds of claim: what each says, and its keys beside kind, says and reason; optional ones in brackets."""
    lines = []
    for kind, claim in KINDS.items():
        keys = [(key, field) for key, field in claim.model_fields.items() if key not in ("kind", "says", "reason")]
        told = [f"`{key}`" if field.is_required() else f"[`{key}`]" for key, field in keys]
        lines.append((f"`{kind}`", " ".join((inspect.getdoc(claim) or "").split("\n\n")[0].split()), " ".join(told)))
    return table(("kind", "claims", "keys"), lines)


def _contract_tables() -> Iterator[str]:
    for number, kind in enumerate(registry.KINDS):
        yield from ([""] if number else [])
        yield from (f"## {kind.replace('_', ' ').capitalize()}", "")
        yield from table(
            ("contract", "what it says", "to mend it"),
            [(f"**{each.name}**", each.says, each.mend) for each in contracts(kind)],
        )


BLOCKS: Mapping[str, Callable[[], Iterable[str]]] = {
    "verbs": _verb_pages,
    "parts": _part_tables,
    "recipe-keys": _recipe_keys,
    "fields": _field_table,
    "hooks": _hook_table,
    "contracts": _contract_tables,
    "claim-kinds": _claim_table,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Finding and building parts through pluggy: one plugin at a time, so that a broken one harms nobody else."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from rdcbench import hookspecs
from rdcbench.errors import ContestedError, PartError, unknown
from rdcbench.recipe import FULL_PRECISION, Training
from rdcbench.strangers import hushed, is_shipped

_GIVEN = ("image_shape", "classes", "dimensions", "levels", "classifier", "critic", "tradeoff", "training")

KINDS = tuple(
    name.removeprefix("rdcbench_").removesuffix("s") if name != "rdcbench_entropy_models" else "entropy_model"
    for name in vars(hookspecs)
    if name.startswith("rdcbench_")
)


def given_to(kind: str) -> tuple[str, ...]:
    """What the harness gives to a constructor of this kind that names it; a recipe cannot set these."""
    return (*_GIVEN, "alphabet", "dither_points") if kind == "entropy_model" else _GIVEN


def hook_of(kind: str) -> str:
    """The hook that brings parts of this kind."""
    return f"rdcbench_{kind}s"


@dataclass(frozen=True)
class Entry:
    """One part: who brought it, and the class (recipes: the folder)."""

    kind: str
    name: str
    owner: str
    target: Any

    @property
    def summary(self) -> str:
        """First line of the part's docstring."""
        return (inspect.getdoc(self.target) or "").strip().split("\n")[0] if inspect.isclass(self.target) else ""

    @property
    def brings(self) -> list[str]:
        """The names by which it is asked for: its own, or those of the benchmarks in a recipe's folder."""
        if self.kind != "recipe":
            return [self.name]
        return sorted(path.parent.name for path in self.target.glob("*/recipe.toml"))

    def options(self) -> dict[str, inspect.Parameter]:
        """The part's keyword options by name."""
        parameters = inspect.signature(self.target.__init__).parameters
        variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {name: p for name, p in parameters.items() if name != "self" and p.kind not in variable}


@dataclass
class Registry:
    """All parts by kind and name, and the plugins that could not be loaded with their errors.

    shipped: the owners that come with rdcbench; their parts keep a name that a stranger brings again.
    """

    entries: list[Entry] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)
    shipped: Collection[str] = ()

    def names(self, kind: str) -> list[str]:
        """Sorted names of a kind by which its parts are found; where two packages bring one, owner/name."""
        self._check_kind(kind)
        entries = [entry for entry in self.entries if entry.kind == kind]
        return sorted(e.name if self._found(kind, e.name) == [e] else f"{e.owner}/{e.name}" for e in entries)

    @property
    def contested(self) -> list[Entry]:
        """The parts that are found by owner/name only."""
        return [entry for entry in self.entries if len(self._found(entry.kind, entry.name)) > 1]

    def _found(self, kind: str, name: str) -> list[Entry]:
        """The parts of a name or owner/name; the shipped one alone, if it is among them."""
        owner, _, short = name.rpartition("/")
        found = [e for e in self.entries if e.kind == kind and e.name == short and owner in ("", e.owner)]
        own = [entry for entry in found if entry.owner in self.shipped]
        return own if len(own) == 1 else found

    def get(self, kind: str, name: str) -> Entry:
        """Find a part by "name" or "owner/name"."""
        self._check_kind(kind)
        found = self._found(kind, name)
        label = kind.replace("_", " ")
        if len(found) > 1:
            which = " or ".join(f"{entry.owner}/{entry.name}" for entry in found)
            raise ContestedError(f"Two packages bring the {label} {name!r}; write {which}.")
        if not found:
            left_out = "".join(f" Plugin {owner!r} was left out: {why}" for owner, why in self.broken.items())
            raise PartError(unknown(label, name, self.names(kind)) + left_out)
        return found[0]

    def check(self, kind: str, name: str, options: Mapping[str, Any], given: Collection[str] = ()) -> Entry:
        """Find a part and make sure that it takes these options and lacks none; the harness fills in `given`."""
        entry = self.get(kind, name)
        known = entry.options()
        label = kind.replace("_", " ")
        for option in options:
            if option not in known or option in given:
                allowed = [key for key in known if key not in given]
                raise PartError(unknown(f"option of the {label} {name!r} named", option, allowed))
        needed = [key for key, p in known.items() if p.default is p.empty and key not in (*given, *options)]
        if needed:
            raise PartError(f"The {label} {name!r} needs the option {needed[0]!r}, which is not given.")
        return entry

    def build(self, kind: str, name: str, options: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> Any:
        """Build a part from its options, filling in those of `given` that its constructor names."""
        entry = self.check(kind, name, options, given or {})
        known = entry.options()
        arguments = {**{key: value for key, value in (given or {}).items() if key in known}, **options}
        try:
            return _class_of(entry, (given or {}).get("training"))(**arguments)
        except (TypeError, ValueError, KeyError, RuntimeError) as error:  # torch's own is RuntimeError
            label = kind.replace("_", " ")
            raise PartError(f"The {label} {name!r} cannot be built with {dict(options)}: {error}") from error

    def _check_kind(self, kind: str) -> None:
        if kind not in KINDS:
            raise PartError(unknown("kind of part", kind, KINDS))


def _class_of(entry: Entry, training: Training | None) -> Any:
    """The class to build: that of the part, but for networks that a training computes in another precision."""
    if training is None or training.precision == FULL_PRECISION:
        return entry.target
    from rdcbench.precision import METHODS, in_bfloat16

    return in_bfloat16(entry.kind, entry.target) if entry.kind in METHODS else entry.target


def _abstract(kind: str) -> type | None:
    from rdcbench import interfaces

    names = {"entropy_model": "EntropyModel", "codec": "WholeCodec"}
    return None if kind == "recipe" else getattr(interfaces, names.get(kind, kind.capitalize()))


def _entries_of(plugin: Any, owner: str) -> Iterable[Entry]:
    """Call every hook of one plugin alone and check what it returns."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=owner)
    for name in dir(plugin):
        if name.startswith("rdcbench_") and not hasattr(hookspecs, name) and callable(getattr(plugin, name)):
            raise PartError(unknown("hook", name, [hook_of(kind) for kind in KINDS]))
    manager.check_pending()
    for kind in KINDS:
        for found in getattr(manager.hook, hook_of(kind))():
            for target in found:
                yield _checked(kind, target, owner)


def _checked(kind: str, target: Any, owner: str) -> Entry:
    base = _abstract(kind)
    if base is None:
        return Entry(kind, str(target), owner, Path(target))
    if not (inspect.isclass(target) and issubclass(target, base)):
        raise PartError(f"{hook_of(kind)} must return subclasses of rdcbench.{base.__name__}, not {target!r}.")
    if inspect.isabstract(target):
        missing = ", ".join(sorted(getattr(target, "__abstractmethods__", ())))
        raise PartError(f"{target.__name__} is abstract: it lacks {missing}.")
    name = getattr(target, "name", None)
    if not isinstance(name, str) or not name or "/" in name:
        raise PartError(f"{target.__name__} needs a class attribute `name`, a word without '/', not {name!r}.")
    return Entry(kind, name, owner, target)


def _add(registry: Registry, plugin: Any, owner: str) -> None:
    """Add all parts of a plugin or none; a file stands in for the installed package of its name."""
    entries = list(_entries_of(plugin, owner))
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        if (entry.kind, entry.name) in seen:
            raise PartError(f"It brings the {entry.kind.replace('_', ' ')} {entry.name!r} twice; rename one of them.")
        seen.add((entry.kind, entry.name))
    registry.entries = [*(entry for entry in registry.entries if entry.owner != owner), *entries]
    registry.owners = [*(other for other in registry.owners if other != owner), owner]
    registry.broken.pop(owner, None)


def _load_file(path: Path) -> Any:
    """Import a single-file plugin under a name made of its own."""
    if not path.is_file():
        raise PartError("there is no such file.")
    name = f"rdcbench_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PartError("this is not a Python file; its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_all(points: Iterable[EntryPoint], files: Iterable[Path]) -> Registry:
    points = sorted(points, key=lambda point: point.name)
    registry = Registry(shipped=frozenset(point.name for point in points if is_shipped(point)))
    for point in points:
        try:
            with hushed():
                _add(registry, point.load(), point.name)
        except (Exception, SystemExit) as error:  # whatever a stranger's import does, the others go on
            registry.broken[point.name] = f"{type(error).__name__}: {error}"
    for path in files:
        try:
            with hushed():
                _add(registry, _load_file(path), path.stem)
        except (Exception, SystemExit) as error:
            kind = "" if isinstance(error, PartError) else f"{type(error).__name__}: "
            raise PartError(f"--plugin {path} cannot be loaded: {kind}{error}") from error
    return registry


@cache
def load(files: tuple[Path, ...] = ()) -> Registry:
    """Load every installed plugin and the given single files; the result is kept for this process."""
    return _load_all(entry_points(group=hookspecs.PROJECT), files)

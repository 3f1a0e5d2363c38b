"""Writing a package with a part that works: what `rdcbench new` does. The stubs are the files in `templates`."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from rdcbench.errors import PartError, RdcbenchError, unknown
from rdcbench.hookspecs import PROJECT
from rdcbench.registry import KINDS, Registry

COMMANDS = {
    "codec": "rdcbench run smoke --only {name} "
    '--set \'studies.{name}={{protocol="end-to-end", codec={{name="{name}"}}, points=[{{}}]}}\'',
    "protocol": "rdcbench run smoke --protocol {name} --only rdc",
    "recipe": "rdcbench run {name}",
}
"""How a part of a kind is run on the smoke benchmark, where it is not with --KIND NAME."""

_FILE_NOTE = (
    "\nWhile you write, nothing needs to be installed: `run`, `list` and `check` take the file as it is with\n"
    "`--plugin {module}.py`.\n"
)


def create(kind: str, name: str, parent: Path, registry: Registry) -> Path:
    """Write the package of a new part into parent/name, and give that folder.

    Raises RdcbenchError, with nothing written, for an unknown kind, a name that is no identifier or is taken, and a
    folder that exists.
    """
    if kind not in KINDS:
        raise PartError(unknown("kind of part", kind, KINDS))
    _check_name(kind, name, registry)
    folder = parent / name
    if folder.exists() or folder.is_symlink():
        raise RdcbenchError(f"{folder} exists, and nothing was written; choose another name or another --dir.")
    texts = _texts(kind, name)
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise RdcbenchError(f"{folder} cannot be written: {error.strerror}. Choose another --dir.") from error
    return folder


def run_command(kind: str, name: str) -> str:
    """The command that runs the new part on the smoke benchmark."""
    return COMMANDS.get(kind, f"rdcbench run smoke --{kind.replace('_', '-')} {{name}}").format(name=name)


def _check_name(kind: str, name: str, registry: Registry) -> None:
    label = kind.replace("_", " ")
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name) or name.strip("_") != name:
        raise RdcbenchError(
            f"{name!r} is no name for a new {label}: it becomes a module, so use letters, digits and _, "
            "begin with a letter, and end with no _."
        )
    if kind != "recipe" and (class_of(name) in _imported(kind) or keyword.iskeyword(class_of(name))):
        raise RdcbenchError(
            f"{name!r} is no name for a new {label}: its class would be {class_of(name)!r}, which is "
            "something else there; choose another name."
        )
    taken = [entry.owner for entry in registry.entries if entry.kind == kind and name in entry.brings]
    if taken:
        raise RdcbenchError(f"There is {_a(label)} {name!r} already, from {taken[0]}; choose another name.")
    module = name if name == PROJECT else module_of(name)  # a folder `rdcbench` would hide the package
    if find_spec(module) is not None:
        raise RdcbenchError(f"There is a module {module!r} already; choose another name.")


def _a(label: str) -> str:
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def module_of(name: str) -> str:
    """The module that brings a part, and its owner's name."""
    return f"rdcbench_{name}"


def class_of(name: str) -> str:
    """The class that a stub of this name defines."""
    return "".join(word.capitalize() for word in name.split("_"))


def _imported(kind: str) -> set[str]:
    """Names that the stub of a kind imports, which its class must not hide."""
    lines = re.findall(r"^(?:from \S+ )?import (.+)$", _template(kind).template, re.MULTILINE)
    return {name.split(" as ")[-1] for line in lines for name in line.split(", ")}


def _texts(kind: str, name: str) -> dict[str, str]:
    """Path in the new folder -> text."""
    module, label = module_of(name), kind.replace("_", " ")
    packaged = kind == "recipe"
    values = {
        "name": name,
        "kind": kind,
        "module": module,
        "cls": class_of(name),
        "dashed": name.replace("_", "-").lower(),
        "a_kind": _a(label).capitalize(),
        "command": run_command(kind, name),
        "source": f"{module}/{name}/recipe.toml" if packaged else f"{module}.py",
        "note": "" if packaged else _FILE_NOTE.format(module=module),
        "contents": _PACKAGE.format(module=module) if packaged else f'py-modules = ["{module}"]',
    }
    wanted = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"test_{name}.py": "test.py",
        f"{module}/__init__.py" if packaged else f"{module}.py": kind,
        **({f"{module}/{name}/recipe.toml": "recipe.toml"} if packaged else {}),
    }
    return {path: _template(template).substitute(values) for path, template in wanted.items()}


_PACKAGE = """packages = ["{module}"]

[tool.setuptools.package-data]
{module} = ["*/recipe.toml"]"""


def _template(name: str) -> Template:
    return Template((files("rdcbench.scaffold") / "templates" / f"{name}.txt").read_text(encoding="utf-8"))

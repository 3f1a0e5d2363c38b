"""A hook of mkdocs: what pages link to outside docs/ becomes part of the site, so that the site needs no other place.

Source files and recipes become pages with their text, other pages their page, images a copy; a folder is its README or
the list of its files.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PLACE = "repository"
LANGUAGES = {".py": "python", ".toml": "toml", ".md": ""}
PICTURES = (".png", ".svg")
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is linked to from the pages, and from what was added."""
    waiting = sorted(path for path in DOCS.rglob("*.md"))
    seen = set(waiting)
    while waiting:
        source = waiting.pop()
        for target in _linked(source):
            if target not in seen:
                seen.add(target)
                files.append(_file(target, config))
                waiting += [target] if target.is_dir() or target.suffix == ".md" else []
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links into those of the site."""
    source = _source(page.file.src_uri)
    if source.suffix != ".md":
        return markdown
    here = posixpath.dirname(page.file.src_uri)

    def turned(link: re.Match[str]) -> str:
        target = _target(source, link[1])
        return link[0] if target is None else posixpath.relpath(_uri(target), here) + (link[2] or "")

    parts = FENCED.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(turned, part) for part in parts)


def _linked(source: Path) -> Iterator[Path]:
    """What lies outside docs/ and a page, or the list of a folder's files, links to."""
    if source.is_dir():
        yield from _listed(source)
        return
    for link in LINK.finditer(FENCED.sub("", source.read_text(encoding="utf-8"))):
        target = _target(source, link[1])
        if target is not None and not target.is_relative_to(DOCS):
            yield target


def _target(source: Path, link: str) -> Path | None:
    """What a link means; none for one that leads nowhere, which the strict build refuses."""
    path = (source.parent / link).resolve()
    path = path / "README.md" if (path / "README.md").is_file() else path
    return path if path.exists() and path.is_relative_to(ROOT) else None


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _uri(path: Path) -> str:
    """The place in the site of a file of the repository."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if path.is_dir():
        return f"{PLACE}/{path.relative_to(ROOT).as_posix()}/index.md"
    plain = path.suffix == ".md" or path.suffix in PICTURES
    return f"{PLACE}/{path.relative_to(ROOT).as_posix()}" + ("" if plain else ".md")


def _source(uri: str) -> Path:
    """The inverse of `_uri`."""
    if not uri.startswith(f"{PLACE}/"):
        return DOCS / uri
    path = ROOT / uri.removeprefix(f"{PLACE}/")
    return path if path.is_file() else path.parent if path.name == "index.md" else path.with_suffix("")


def _file(path: Path, config: MkDocsConfig) -> File:
    """A page or a copy."""
    name, language = path.relative_to(ROOT).as_posix(), LANGUAGES.get(path.suffix, "text")
    if path.is_dir():
        lines = "".join(f"- [{each.name}]({posixpath.basename(_uri(each))})\n" for each in _listed(path))
        return File.generated(config, _uri(path), content=f"# {name}\n\n{lines}")
    if path.suffix == ".md" or path.suffix in PICTURES:
        return File.generated(config, _uri(path), abs_src_path=str(path))
    text = path.read_text(encoding="utf-8")
    return File.generated(config, _uri(path), content=f"# {name}\n\n````{language}\n{text}\n````\n")

"""One HTML file that shows runs to people: it opens from disk in any browser and asks no server for anything."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from rdcbench.errors import RdcbenchError
from rdcbench.page.content import make_content
from rdcbench.store import Store

__all__ = ["make_content", "make_page"]


def make_page(stores: Sequence[Store], claims: Mapping[Path, Sequence[Mapping[str, str]]]) -> str:
    """Write the page of some runs, whose rows must compare.

    claims: run folder -> what `rdcbench verify` found, each with "claim", "verdict", "says" and "numbers"; a run that
    makes no claims is left out. RdcbenchError where plotly, which draws the figures, is not installed.
    """
    content = make_content(stores, claims)
    page = _asset("page.html")
    page = page.replace("@@TITLE@@", html.escape(content["title"]).replace("@", "&#64;"))
    parts = {
        "STYLE": _asset("page.css"),
        "PLOTLY": _plotly(),
        "SCRIPT": _asset("page.js"),
        "DATA": as_script(content),
    }
    for name, text in parts.items():
        page = page.replace(f"@@{name}@@", text)
    return page


def as_script(content: Any) -> str:
    """JSON that stands inside a script element: whatever names contain, nothing in it can end the element."""
    text = json.dumps(_finite(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("@", "\\u0040")


def _finite(value: Any) -> Any:
    """The same with null for numbers that are not finite, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def _asset(name: str) -> str:
    return files("rdcbench.page").joinpath("assets", name).read_text(encoding="utf-8")


def _plotly() -> str:
    try:
        return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise RdcbenchError("The page needs plotly, which is not installed: pip install 'plotly>=5'.") from error

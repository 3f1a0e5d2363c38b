"""A leaderboard for eyes: Markdown and LaTeX. Names come from plugins, so every cell is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable

from rdcbench.report.leaderboard import Leaderboard
from rdcbench.report.lines import FRONT, cell, identity, labels, legend, title

_MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]|~$])")
_MARKDOWN_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$",
    "<": r"\textless{}", ">": r"\textgreater{}", "●": r"$\bullet$", "[": "{[}",
}  # fmt: skip


def markdown(board: Leaderboard) -> str:
    """A table of GitHub's Markdown with its legend; the best value of a column is bold."""
    if not board.rows:
        return "No finished row yet.\n"
    names = labels(board)
    ruler = [":-:", *["---"] * len(names), *["--:"] * len(board.columns)]
    lines = [_header(board, escape_markdown), ruler, *_body(board, escape_markdown, "**{}**".format)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([table, "", *(f"{escape_markdown(sentence)}  " for sentence in legend(board)), ""])


def latex(board: Leaderboard) -> str:
    """A tabular for the package booktabs; the best value of a column is bold."""
    names = labels(board)
    lines = [
        *(f"% {sentence}" for sentence in legend(board)),
        rf"\begin{{tabular}}{{c{'l' * len(names)}{'r' * len(board.columns)}}} % \usepackage{{booktabs}}",
        r"\toprule",
        " & ".join(_header(board, escape_latex)) + r" \\",
        r"\midrule",
        *(" & ".join(line) + r" \\" for line in _body(board, escape_latex, r"\textbf{{{}}}".format)),
        r"\bottomrule",
        r"\end{tabular}",
        "",
    ]
    return "\n".join(lines)


def _header(board: Leaderboard, escape: Callable[[str], str]) -> list[str]:
    return ["", *(escape(name) for name in labels(board)), *(escape(title(column)) for column in board.columns)]


def _body(board: Leaderboard, escape: Callable[[str], str], bold: Callable[[str], str]) -> list[list[str]]:
    names = labels(board)
    lines = []
    for row, front in zip(board.rows, board.front, strict=True):
        line = [escape(FRONT) if front else "", *(escape(text) for text in identity(row, names))]
        for column in board.columns:
            text = escape(cell(row, column.name))
            line.append(bold(text) if text and board.is_best(row, column.name) else text)
        lines.append(line)
    return lines


def escape_markdown(text: str) -> str:
    """Make any text stand in a cell as itself: no markup, no HTML, one line."""
    flat = " ".join(text.split())
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        flat = flat.replace(character, entity)
    return _MARKDOWN_EDGE.sub(r"\\_", _MARKDOWN_SPECIAL.sub(r"\\\1", flat))


def escape_latex(text: str) -> str:
    """Make any text stand in a cell as itself, in one line."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))

"""A leaderboard for eyes: Markdown and LaTeX. Names come from plugins, so every cell is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rdcbench.report.leaderboard import Leaderboard
from rdcbench.report.lines import (
    FRONT,
    cell,
    cost,
    identity,
    interval,
    labels,
    legend,
    method_legend,
    method_table,
    place,
    title,
)

_MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]|~$])")
_MARKDOWN_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "↓": r"$\downarrow$", "↑": r"$\uparrow$",
    "<": r"\textless{}", ">": r"\textgreater{}", "●": r"$\bullet$", "[": "{[}",
}  # fmt: skip


def markdown(board: Leaderboard) -> str:
    """Tables of GitHub's Markdown, methods and then their points, with legends; the best value of a column is bold."""
    if not board.rows:
        return "No finished row yet.\n"
    names = labels(board)
    head, *methods = [[escape_markdown(text) for text in line] for line in method_table(board)]
    ruler = ["--:", ":-:", *["---"] * len(names), *["--:"] * (1 + len(board.columns) + len(board.costs))]
    points = [_header(board, escape_markdown), ruler, *_body(board, escape_markdown, "**{}**".format)]
    parts = [
        markdown_table([head, ["---"] * len(head), *methods]),
        *(f"{escape_markdown(sentence)}  " for sentence in method_legend(board)),
        "",
        markdown_table(points),
        *(f"{escape_markdown(sentence)}  " for sentence in legend(board)),
    ]
    return "\n".join([*parts, ""])


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of escaped cells: a header, a ruler, and the rest."""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def latex(board: Leaderboard) -> str:
    """Two tabulars for the package booktabs, methods and then their points; the best value of a column is bold."""
    head, *methods = [[escape_latex(text) for text in line] for line in method_table(board)]
    numbers = "r" * (1 + len(board.columns) + len(board.costs))
    body = _body(board, escape_latex, r"\textbf{{{}}}".format)
    lines = [
        *(f"% {sentence}" for sentence in method_legend(board)),
        *_tabular("l" * len(head), head, methods),
        "",
        *(f"% {sentence}" for sentence in legend(board)),
        *_tabular(f"rc{'l' * len(labels(board))}{numbers}", _header(board, escape_latex), body),
        "",
    ]
    return "\n".join(lines)


def _tabular(columns: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    return [
        rf"\begin{{tabular}}{{{columns}}} % \usepackage{{booktabs}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(line) + r" \\" for line in lines),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _header(board: Leaderboard, escape: Callable[[str], str]) -> list[str]:
    titles = [*labels(board), "borda ↑", *(title(column) for column in (*board.columns, *board.costs))]
    return ["rank", "", *(escape(text) for text in titles)]


def _body(board: Leaderboard, escape: Callable[[str], str], bold: Callable[[str], str]) -> list[list[str]]:
    names = labels(board)
    lines = []
    for row, rank, front, count in zip(board.rows, board.ranks, board.front, board.borda, strict=True):
        texts = [place(rank), FRONT if front else "", *identity(row, names), interval(count)]
        line = [escape(text) for text in texts]
        for column in board.columns:
            text = escape(cell(row, column.name))
            line.append(bold(text) if text and board.is_best(row, column.name) else text)
        line += [escape(cost(row.value(column.name))) for column in board.costs]
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

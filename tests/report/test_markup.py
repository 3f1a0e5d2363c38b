import re

import pytest

from rdcbench.report.leaderboard import make_leaderboard
from rdcbench.report.markup import escape_latex, escape_markdown, latex, markdown

from .fake import make_cell, make_recipe, rows_of, simple_rows

ODD = "a|b*c*_d_<script>alert(1)</script>&[x](http://y)`z`~$\\ \n\t{}%#^"


def table_of(text):
    """Cells of the second table: the points."""
    start = text.index("| rank |", 1)
    lines = [line for line in text[start:].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def odd_rows():
    recipe = make_recipe({ODD.replace("/", ""): {"protocol": "p", "points": [{}]}}, {})
    return rows_of([make_cell(recipe, next(iter(recipe.studies)), {}, {"mse": 0.05})])


def test_markdown_has_a_line_for_each_row_and_a_cell_for_each_column():
    text = markdown(make_leaderboard(simple_rows({"0": {"mse": 0.05, "ce": 0.3}, "0.01": {"mse": 0.06}})))
    header, ruler, *lines = table_of(text)
    assert header == [
        "rank",
        "",
        "name",
        "study",
        "point",
        "borda ↑",
        r"mse \[1/pixel\] ↓",
        r"ce \[nat\] ↓",
        r"train_seconds \[s\] ↓",
    ]
    assert all(re.fullmatch(":?-+:?", cell) for cell in ruler)
    assert [len(line) for line in lines] == [len(header)] * 2


def test_markdown_marks_the_best_leaves_missing_blank_and_says_what_marks_mean():
    text = markdown(make_leaderboard(simple_rows({"0": {"mse": 0.05, "ce": 0.3}, "0.01": {"mse": 0.06}})))
    best, other = table_of(text)[2:]
    assert best[6] == "**0.0500 ± 0.0004**"
    assert other[6:8] == ["0.0600 ± 0.0004", ""]
    assert "95 % interval over test images" in text
    assert "0.0000" not in text


def test_markdown_of_odd_names_keeps_the_table_and_no_markup():
    text = markdown(make_leaderboard(odd_rows()))
    header, _, line = table_of(text)
    assert len(line) == len(header)
    assert "<script" not in text
    assert "&lt;script&gt;" in line[3]
    assert r"\*c\*\_d\_" in line[3]


def test_markdown_keeps_underscores_within_words():
    assert escape_markdown("accuracy_judge") == "accuracy_judge"
    assert escape_markdown("_a_") == r"\_a\_"


def test_no_rows():
    assert markdown(make_leaderboard([])) == "No finished row yet.\n"
    assert r"\end{tabular}" in latex(make_leaderboard([]))


def test_latex_is_a_tabular_with_as_many_cells_as_columns():
    text = latex(make_leaderboard(simple_rows({"0": {"mse": 0.05, "ce_judge": 0.3}, "0.01": {"mse": 0.06}})))
    text = text[text.rindex("% Rows:") :]
    columns = re.search(r"begin\{tabular\}\{(\w+)\}", text)[1]
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert all(len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1 for line in body)
    assert r"\textbf{0.0500 $\pm$ 0.0004}" in text
    assert r"ce\_judge" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")


def test_latex_of_odd_names():
    line = latex(make_leaderboard(odd_rows())).split(r"\midrule")[2].splitlines()[1]
    assert len(re.findall(r"(?<!\\)&", line)) == 7
    assert not re.search(r"(?<!\\)[%#_]", line)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("50%", r"50\%"),
        ("a\\b", r"a\textbackslash{}b"),
        ("{x}", r"\{x\}"),
        ("a\nb", "a b"),
        ("x^2~", r"x\textasciicircum{}2\textasciitilde{}"),
    ],
)
def test_latex_escapes(text, escaped):
    assert escape_latex(text) == escaped

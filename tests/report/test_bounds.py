import math

from rdcbench.oracles import CODEBOOK_27, CODEBOOK_MSE, LABEL_PURE_27
from rdcbench.report.bounds import bound_lines, bound_points


def test_lines_where_a_codebook_of_that_rate_was_measured():
    lines = bound_lines([3 * math.log2(3), 3.0, 2 * math.log2(3), 8.0, math.nan, math.inf])
    assert [(line.codewords, line.mse) for line in lines] == [(k, CODEBOOK_MSE[k].mse) for k in (9, 27)]
    assert lines[1].text == "27-means codebook, 4.75 bit"


def test_a_rate_near_but_not_at_a_codebook_has_no_line():
    assert bound_lines([4.75, 4.7]) == []


def test_points_on_the_axes_on_which_they_were_measured():
    rate = [3 * math.log2(3)]
    means, pure = bound_points(rate, "accuracy")
    assert (means.x, means.y, pure.x, pure.y) == (0.755, CODEBOOK_27.mse, 0.99, LABEL_PURE_27.mse)
    means, pure = bound_points(rate, "ce")
    assert (means.x, pure.x) == (0.772, 0.097)
    assert "H(S|Z)" in means.text
    assert bound_points(rate, "perception") == []
    assert bound_points([3.0], "ce") == []

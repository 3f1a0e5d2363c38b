import math

import numpy as np
import pytest

from rdcbench.report.columns import Column
from rdcbench.report.ranks import Costs, as_costs, borda, costs_of, interval_of, shared_ranks
from rdcbench.stats import Interval

from .fake import simple_rows


def costs(values, half=0.0):
    array = np.array(values, dtype=float)
    return Costs(array, np.full(len(array), half), np.full(len(array), half))


def test_ranks_without_width_are_those_of_a_sort():
    assert shared_ranks(costs([3.0, 1.0, 2.0, math.nan])) == (3, 1, 2, None)


def test_a_difference_counts_beyond_the_root_of_the_sum_of_squares():
    assert shared_ranks(costs([1.0, 1.41], half=0.3)) == (1, 1)
    assert shared_ranks(costs([1.0, 1.43], half=0.3)) == (1, 2)


def test_borda_is_the_share_of_others_beaten_and_a_tie_is_half():
    assert [one.value for one in borda([[costs([1.0, 2.0, 3.0])]])] == [1.0, 0.5, 0.0]
    assert [one.value for one in borda([[costs([1.0, 1.0])]])] == [0.5, 0.5]


def test_aspects_count_equally_however_many_judges_they_have():
    first, second = costs([1.0, 2.0]), costs([2.0, 1.0])
    assert [one.value for one in borda([[first, first, first], [second]])] == [0.5, 0.5]


def test_a_row_that_lacks_a_field_is_not_counted():
    values = [one.value for one in borda([[costs([1.0, math.nan, 2.0])]])]
    assert values[0] == 1.0
    assert math.isnan(values[1])
    assert all(math.isnan(one.value) for one in borda([[costs([1.0, math.nan])]]))
    assert borda([]) == ()


def test_wider_numbers_give_wider_counts():
    narrow, wide = (borda([[costs([1.0, 1.2, 3.0], half)]])[0] for half in (0.01, 0.4))
    assert narrow.hi - narrow.lo < wide.hi - wide.lo


def test_higher_is_better_turns_the_sign_and_the_sides():
    rows = simple_rows({"0": {"accuracy": 0.9, "mse": 0.1}})
    assert costs_of(rows, Column("accuracy", "", "higher")).values[0] == -0.9
    assert interval_of(rows[0], "mse").lo == pytest.approx(0.0996)
    assert math.isnan(interval_of(rows[0], "kid").value)
    assert as_costs([Interval(0.5, 0.4, 0.7)]).better[0] == pytest.approx(0.2)

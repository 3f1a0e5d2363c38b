import numpy as np
import pytest

from rdcbench.stats._arrays import checked_level, finite, same_length


def test_integers_become_floats_and_keep_their_values():
    array = finite([[1, 2], [3, 4]], "points", 2)
    assert array.dtype == np.float64
    assert array.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("values", "ndim", "sentence"),
    [
        ([], 1, "rates is empty"),
        ([[1.0]], 1, r"rates has shape \(1, 1\); an array of 1 axes"),
        ([1.0, np.nan, np.inf], 1, r"rates holds 2 of 3 values that are not finite, first at \(1,\), \(2,\)"),
    ],
)
def test_a_bad_array_is_named_with_what_is_wrong(values, ndim, sentence):
    with pytest.raises(ValueError, match=sentence):
        finite(values, "rates", ndim)


def test_unequal_lengths_are_listed():
    with pytest.raises(ValueError, match="x 3, y 2"):
        same_length([np.zeros(3), np.zeros(2)], ["x", "y"])
    same_length([np.zeros((5, 2)), np.zeros(2)], ["draws", "y"])


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5])
def test_a_level_is_between_0_and_1(level):
    with pytest.raises(ValueError, match=r"use \.95"):
        checked_level(level)
    assert checked_level(0.9) == 0.9

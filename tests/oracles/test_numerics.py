import math

import numpy as np
import pytest
from scipy import stats

from rdcbench.oracles import bounds
from rdcbench.oracles._numerics import integral, least_coupling_cost, normal_mass, root


def test_normal_mass_keeps_its_digits_in_both_tails():
    low, high = np.array([-np.inf, -9.0, -0.5, 8.0]), np.array([-8.0, -8.5, 0.5, 9.0])
    expected = [stats.norm.cdf(-8), stats.norm.cdf(-8.5) - stats.norm.cdf(-9), math.erf(0.5 / math.sqrt(2))]
    expected.append(stats.norm.sf(8) - stats.norm.sf(9))
    assert normal_mass(low, high) == pytest.approx(expected, rel=1e-10, abs=0.0)


def test_integral_and_root():
    assert integral(abs, [-1.0, 0.0, 2.0]) == pytest.approx(2.5, abs=1e-13)
    assert root(lambda value: value**3 - 2, 0.0, 2.0) == pytest.approx(2 ** (1 / 3), rel=1e-14)


def test_unsolved_problems_are_said_and_not_returned(monkeypatch):
    with pytest.raises(RuntimeError, match="programme of 1 x 1 points has no solution"):
        least_coupling_cost(np.ones((1, 1)), np.array([1.0]), np.array([0.5]))
    monkeypatch.setattr(bounds, "LLOYD_TOLERANCE", 0.0)
    with pytest.raises(RuntimeError, match="3 levels has not settled after 3000 rounds"):
        bounds.lloyd_max_gaussian(3)

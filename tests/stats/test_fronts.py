import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from rdcbench.stats import envelope_at, front_excess, front_shape, hypervolume, lower_envelope, pareto_front

SIX = [(1, 5), (2, 3), (4, 1), (3, 4), (7, 0.5)]
CLOUDS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


def dominated(points):
    """Rows that another row dominates or that repeat an earlier one, by definition."""
    worse = []
    for i, p in enumerate(points):
        beaten = any((q <= p).all() and (q < p).any() for q in points)
        worse.append(beaten or any((q == p).all() for q in points[:i]))
    return np.array(worse)


@given(CLOUDS, st.sampled_from(["min", "max"]), st.sampled_from(["min", "max"]))
def test_front_is_what_nothing_dominates(cloud, first, second):
    points = np.array(cloud, dtype=float)
    signs = np.array([1 if way == "min" else -1 for way in (first, second)])
    assert np.array_equal(pareto_front(points, (first, second)), ~dominated(points * signs))


def test_front_in_three_columns_keeps_the_first_of_equal_rows():
    points = [[1, 9, 0.5], [1, 9, 0.5], [2, 8, 0.9], [2, 8, 0.1], [0, 10, 0.4]]
    assert pareto_front(points, ("min", "min", "max")).tolist() == [True, False, True, False, True]


def test_hypervolume_of_science_md_is_17():
    volume = hypervolume(SIX, (6, 6))
    assert volume.value == pytest.approx(17, abs=1e-12)
    assert volume.reference == (6.0, 6.0)
    assert (volume.used, volume.outside) == (4, 1)


@given(CLOUDS)
def test_hypervolume_counts_the_dominated_unit_cells(cloud):
    points = np.array(cloud, dtype=float)
    cells = sum(any(x <= i and y <= j for x, y in cloud) for i in range(8) for j in range(8))
    assert hypervolume(points, (8, 8)).value == pytest.approx(cells) or cells == 0
    mirrored = hypervolume(points * [1, -1], (8, -8), ("min", "max"))
    assert mirrored.value == pytest.approx(cells) or cells == 0


def test_hypervolume_without_a_better_row_is_refused():
    volume = hypervolume([(7, 7), (6, 1)], (6, 6))
    assert math.isnan(volume.value)
    assert "no row is better" in volume.reason
    assert volume.outside == 2


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=14))
def test_mixtures_trace_the_lower_convex_envelope_found_by_its_corners_and_by_qhull(cloud):
    points = np.array(cloud, dtype=float)
    corners = lower_envelope(points[:, 0], points[:, 1])
    levels = np.linspace(points[:, 0].min(), points[:, 0].max() + 1, 23)
    traced = envelope_at(points[:, 0], points[:, 1], levels)
    assert traced == pytest.approx(np.interp(levels, corners[:, 0], corners[:, 1]), abs=1e-9)
    far = np.vstack([points, points + np.array([100, 0]), points + np.array([0, 100])])
    planes = ConvexHull(far).equations
    lower = planes[planes[:, 1] < -1e-9]
    by_qhull = (-(np.outer(levels, lower[:, 0]) + lower[:, 2]) / lower[:, 1]).max(axis=1)
    assert traced == pytest.approx(by_qhull, abs=1e-9)


@given(CLOUDS)
def test_the_staircase_is_the_best_row_that_meets_the_level(cloud):
    points = np.array(cloud, dtype=float)
    levels = np.linspace(-0.5, 9.5, 21)
    stairs = envelope_at(points[:, 0], points[:, 1], levels, "rows")
    for level, found in zip(levels, stairs, strict=True):
        met = points[points[:, 0] <= level, 1]
        assert found == met.min() if len(met) else math.isnan(found)
    mixtures = envelope_at(points[:, 0], points[:, 1], levels)
    assert np.array_equal(np.isnan(mixtures), np.isnan(stairs))
    assert (np.nan_to_num(mixtures) <= np.nan_to_num(stairs)).all()


def test_envelopes_of_many_draws_are_those_of_each(monkeypatch):
    generator = np.random.default_rng(0)
    limits, values, levels = generator.random((3, 4, 6)), generator.random((3, 4, 6)), np.linspace(0, 1, 5)
    together = envelope_at(limits, values, levels)
    assert together.shape == (3, 4, 5)
    monkeypatch.setattr("rdcbench.stats.fronts.MIXTURES_AT_ONCE", 40)
    assert np.array_equal(envelope_at(limits, values, levels), together, equal_nan=True)
    own = generator.random((3, 4, 5))
    each = [[envelope_at(limits[i, j], values[i, j], own[i, j]) for j in range(4)] for i in range(3)]
    assert np.array_equal(envelope_at(limits, values, own), each, equal_nan=True)


def test_a_convex_front_is_convex_and_monotone():
    x = np.linspace(0.2, 2, 9)
    assert front_shape(x, 1 / x, "convex").verdict == "yes"
    assert front_shape(x, 1 / x, "monotone").verdict == "yes"


def test_a_bump_breaks_convexity_by_its_height_over_the_chord_and_intervals_decide():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([2.0, 1.4, 0.0])
    shape = front_shape(x, y, "convex")
    assert (shape.verdict, shape.row) == ("no", 1)
    assert shape.excess == pytest.approx(0.4)
    assert front_shape(x, y, "monotone").verdict == "yes"
    wide = front_shape(x, y, "convex", objective_ends=[y - 0.25, y + 0.25])
    assert (wide.verdict, wide.certain_excess) == ("undecided", 0.0)
    narrow = front_shape(x, y, "convex", objective_ends=[y - 0.1, y + 0.1])
    assert narrow.verdict == "no"
    assert narrow.certain_excess == pytest.approx(0.2)
    sideways = front_shape(x, y, "convex", constraint_ends=[x - 0.3, x + 0.3])
    assert sideways.verdict == "undecided"


def test_a_dominated_row_breaks_monotonicity():
    shape = front_shape([1.0, 2.0, 3.0], [3.0, 1.0, 1.5], "monotone")
    assert (shape.verdict, shape.row) == ("no", 2)
    assert shape.excess == pytest.approx(0.5)
    ends = [[2.9, 0.8, 1.2], [3.1, 1.3, 1.8]]
    assert front_shape([1.0, 2.0, 3.0], [3.0, 1.0, 1.5], "monotone", objective_ends=ends).verdict == "undecided"


@pytest.mark.parametrize(("shape", "rows"), [("monotone", 1), ("convex", 2)])
def test_too_few_rows_leave_the_shape_undecided(shape, rows):
    judged = front_shape(np.arange(rows), np.arange(rows), shape)
    assert judged.verdict == "undecided"
    assert f"{rows} rows" in judged.reason


def test_bad_input_raises():
    with pytest.raises(ValueError, match="do not fit 2 columns"):
        pareto_front([[1, 2]], ("min",))
    with pytest.raises(ValueError, match="do not fit 2 columns"):
        pareto_front([[1, 2]], ("min", "up"))
    with pytest.raises(ValueError, match="not finite"):
        pareto_front([[1, np.nan]], ("min", "min"))
    with pytest.raises(ValueError, match="the reference point has 3 columns, the points 2"):
        hypervolume([[1, 2]], (1, 2, 3))
    with pytest.raises(ValueError, match="constraint 2, objective 3"):
        envelope_at([1, 2], [1, 2, 3], [1])
    with pytest.raises(ValueError, match="lower ends first"):
        front_shape([1, 2], [2, 1], "monotone", objective_ends=[[3, 3], [1, 1]])


def test_excess_is_0_on_a_convex_curve_and_the_height_of_a_bump_on_another():
    constraint = np.array([1.0, 2.0, 3.0, 4.0])
    assert front_excess(constraint, (5 - constraint) ** 2, "convex").tolist() == [0, 0, 0, 0]
    bumped = front_excess(constraint, [9.0, 6.0, 5.5, 0.0], "convex")
    assert bumped == pytest.approx([0.0, 0.0, 2.5, 0.0])
    assert front_excess(constraint, [9.0, 6.0, 5.5, 0.0], "monotone").tolist() == [0, 0, 0, 0]
    assert front_excess(constraint, [9.0, 6.0, 7.0, 0.0], "monotone") == pytest.approx([0, 0, 1.0, 0])


def test_excess_of_many_draws_is_that_of_each_and_one_row_has_none():
    generator = np.random.default_rng(0)
    constraint, objective = generator.random((2, 6, 5))
    for shape in ("monotone", "convex"):
        each = [front_excess(*draw, shape) for draw in zip(constraint, objective, strict=True)]
        np.testing.assert_allclose(front_excess(constraint, objective, shape), each)
    assert front_excess([1.0], [2.0], "convex").tolist() == [0.0]

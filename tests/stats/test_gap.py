import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdcbench.stats import (
    TradeoffRows,
    bootstrap_means,
    count_matrix,
    envelope_at,
    jackknife_draws,
    universality_gap,
)

# (distortion, constraint) of figures 5 and 6
RDC_END_TO_END = np.array([(0.0467, 1.43), (0.0482, 0.77), (0.0493, 0.39), (0.0526, 0.235)])
RDC_UNIVERSAL = np.array([(0.0518, 0.265), (0.0519, 0.24), (0.0520, 0.235), (0.0522, 0.23)])
RDP_END_TO_END = np.array(
    [(0.0464, 5.92), (0.0477, 5.1), (0.0538, 3.77), (0.0569, 3.15), (0.0651, 2.23), (0.0693, 1.54), (0.074, 1.22)]
)
RDP_UNIVERSAL = np.array(
    [(0.0475, 5.84), (0.049, 4.85), (0.0551, 3.67), (0.0588, 2.98), (0.0661, 1.95), (0.0703, 1.57), (0.0755, 1.11)]
)


def rows(points):
    return TradeoffRows(points[:, 1], points[:, 0])


def gaussian_distortion(rate, perception):
    """D(R, P) for s = 1, P a budget on W2^2."""
    least = np.sqrt(1 - 2.0 ** (-2 * rate))
    scale = np.maximum(np.maximum(1 - np.sqrt(perception), 0), least)
    return 1 + scale**2 - 2 * scale * least


@pytest.mark.parametrize("rule", ["mixture", "rows"])
def test_printed_gaps_of_figure_6(rule):
    gap = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END), at=[1.43, 0.77, 0.39, 0.265], rule=rule)
    assert gap.gap.round(4).tolist() == [0.0051, 0.0036, 0.0025, -0.0002]
    assert gap.maximum.value == pytest.approx(0.0051, abs=1e-12)
    assert gap.loosest.value == pytest.approx(0.0051, abs=1e-12)
    assert gap.common == (0.235, 1.43)
    assert gap.span_universal == pytest.approx(0.0004)
    assert gap.span_end_to_end == pytest.approx(0.0059)


def test_default_levels_are_the_corners_and_the_mean_is_the_integral_between_them():
    gap = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END))
    assert gap.levels.tolist() == [0.235, 0.24, 0.265, 0.39, 0.77, 1.43]
    fine = np.linspace(0.235, 1.43, 40_001)
    curve = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END), at=fine[::40]).gap
    assert gap.mean.value == pytest.approx(curve.mean(), rel=1e-3)
    assert np.interp(fine[::40], gap.levels, gap.gap) == pytest.approx(curve, abs=1e-12)


def test_the_staircase_maximum_is_reached_just_before_a_step():
    gap = universality_gap(rows(RDP_UNIVERSAL), rows(RDP_END_TO_END), rule="rows")
    fine = universality_gap(
        rows(RDP_UNIVERSAL), rows(RDP_END_TO_END), at=np.linspace(1.22, 5.92, 6001), rule="rows"
    ).gap
    assert gap.maximum.value == pytest.approx(fine.max(), abs=2e-5)
    assert gap.mean.value == pytest.approx(fine.mean(), abs=2e-5)


def test_mixing_decoders_separates_figure_5_from_figure_6_and_the_staircase_does_not():
    perception = universality_gap(rows(RDP_UNIVERSAL), rows(RDP_END_TO_END))
    assert perception.maximum.value < 0.0014
    assert perception.span_universal > 0.9 * perception.span_end_to_end
    staircase = universality_gap(rows(RDP_UNIVERSAL), rows(RDP_END_TO_END), rule="rows")
    assert staircase.maximum.value > universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END)).maximum.value


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 3)), min_size=1, max_size=9),
    st.floats(-0.5, 0.5),
    st.floats(0.1, 10),
)
def test_a_system_against_itself_shifted_has_that_shift_everywhere_in_any_unit(points, shift, unit):
    free = np.array(points)
    moved = free + np.array([shift, 0])
    gap = universality_gap(rows(moved), rows(free))
    assert gap.gap == pytest.approx(np.full(len(gap.levels), shift), abs=1e-9)
    assert (gap.maximum.value, gap.mean.value) == pytest.approx((shift, shift), abs=1e-9)
    scaled = universality_gap(rows(moved * [1, unit]), rows(free * [1, unit]))
    assert scaled.mean.value == pytest.approx(gap.mean.value, abs=1e-9)


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_more_universal_rows_never_widen_and_more_end_to_end_rows_never_narrow_the_gap(seed):
    generator = np.random.default_rng(seed)
    universal, free, extra = generator.random((4, 2)), generator.random((5, 2)), generator.random((2, 2))
    levels = [0.3, 0.6, 0.9]

    def at(first, second):
        return universality_gap(rows(first), rows(second), at=levels).gap

    base, helped = at(universal, free), at(np.vstack([universal, extra]), free)
    both = np.isfinite(base) & np.isfinite(helped)
    assert (helped[both] <= base[both] + 1e-12).all()
    harder = at(universal, np.vstack([free, extra]))
    both = np.isfinite(base) & np.isfinite(harder)
    assert (harder[both] >= base[both] - 1e-12).all()


@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0])
def test_a_gaussian_has_no_gap(rate):
    budget = np.linspace(0, 0.8, 9) * (1 - np.sqrt(1 - 2.0 ** (-2 * rate))) ** 2
    system = TradeoffRows(budget, gaussian_distortion(rate, budget))
    gap = universality_gap(system, system)
    assert np.abs(gap.gap).max() < 1e-12


def test_beyond_the_common_range_each_level_is_refused_with_its_side():
    gap = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END), at=[0.2, 0.5, 1.5])
    assert np.isnan(gap.gap).tolist() == [True, False, True]
    assert "0.2 is tighter than 0.235" in gap.reasons[0]
    assert "1.5 is looser than 1.43" in gap.reasons[2]


def test_dominated_rows_change_neither_the_range_nor_the_spans_nor_the_gap():
    loose = np.array([(0.09, 3.0), (0.08, 0.3)])
    more = universality_gap(rows(np.vstack([RDC_UNIVERSAL, loose])), rows(np.vstack([RDC_END_TO_END, loose])))
    plain = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END))
    assert (more.common, more.mean, more.maximum) == (plain.common, plain.mean, plain.maximum)
    assert (more.span_universal, more.span_end_to_end) == (plain.span_universal, plain.span_end_to_end)


def test_without_a_common_range_everything_is_refused():
    gap = universality_gap(TradeoffRows([2.0, 3.0], [0.04, 0.03]), rows(RDC_END_TO_END), at=[1.0])
    assert "no common range" in gap.reason
    assert gap.reasons == (gap.reason,)
    for summary in (gap.loosest, gap.maximum, gap.mean):
        assert math.isnan(summary.value)
        assert summary.reason == gap.reason


def test_without_draws_there_is_a_value_and_a_reason_for_no_interval():
    gap = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END))
    assert np.isnan(gap.lo).all()
    assert set(gap.reasons) == {"no draws of both systems were given"}
    assert not gap.mean.defined


def test_one_point_on_each_side_is_compared_at_one_level():
    gap = universality_gap(TradeoffRows([0.3], [0.05]), TradeoffRows([0.4], [0.04]))
    assert gap.levels.tolist() == [0.4]
    assert (gap.mean.value, gap.maximum.value) == pytest.approx((0.01, 0.01))


def test_a_level_at_the_tight_end_has_a_gap_but_its_interval_is_refused():
    generator = np.random.default_rng(0)
    gap = universality_gap(*noisy(RDC_UNIVERSAL, RDC_END_TO_END, generator, 400), at=[0.235, 0.6])
    assert gap.gap[0] == pytest.approx(-0.0006, abs=2e-4)
    assert math.isnan(gap.lo[0])
    assert "of the bootstrap draws" in gap.reasons[0]
    assert gap.lo[1] < gap.gap[1] < gap.hi[1]
    assert gap.reasons[1] == ""
    assert gap.mean.defined
    assert gap.maximum.defined


@pytest.mark.parametrize("rule", ["mixture", "rows"])
def test_the_interval_of_the_mean_gap_is_as_wide_as_the_mean_varies(rule):
    generator = np.random.default_rng(6)
    noise = {"spread": (0.0002, 0.02)}
    means = [
        universality_gap(*noisy(RDP_UNIVERSAL, RDP_END_TO_END, generator, 50, **noise), rule=rule).mean
        for _ in range(60)
    ]
    half = np.mean([mean.hi - mean.lo for mean in means]) / 2
    assert half == pytest.approx(1.96 * np.std([mean.value for mean in means]), rel=0.3)


def test_draws_without_a_common_range_leave_the_mean_gap_without_an_interval():
    draws = np.linspace(0.0, 0.1, 100)[:, None]
    universal = TradeoffRows([0.4], [0.05], 0.4 + 2 * draws, np.full_like(draws, 0.05))
    end_to_end = TradeoffRows([0.3, 0.5], [0.06, 0.04], np.tile([0.3, 0.5], (100, 1)), np.tile([0.06, 0.04], (100, 1)))
    gap = universality_gap(universal, end_to_end)
    assert gap.mean.value == pytest.approx(0.05 - 0.045)
    assert not gap.mean.defined
    assert gap.mean.reason == "undefined in 50% of the bootstrap draws"


def test_shared_counts_make_the_interval_narrow():
    generator, counts = np.random.default_rng(1), count_matrix(500, 300, 0)
    hard = generator.exponential(0.05, 500)

    def system(points, own_counts):
        per_image = [hard * d / hard.mean() + generator.normal(0, 0.001, 500) for d in points[:, 0]]
        distortion, fixed = np.array(per_image), np.repeat(points[None, :, 1], 300, axis=0)
        return TradeoffRows(points[:, 1], distortion.mean(axis=1), fixed, bootstrap_means(distortion, own_counts))

    free = system(RDC_END_TO_END, counts)
    paired = universality_gap(system(RDC_UNIVERSAL, counts), free).loosest
    apart = universality_gap(system(RDC_UNIVERSAL, count_matrix(500, 300, 9)), free).loosest
    assert paired.hi - paired.lo < 0.4 * (apart.hi - apart.lo)
    assert paired.contains(0.0051)


def test_jackknife_draws_give_a_gap_in_perception_its_interval():
    generator = np.random.default_rng(2)
    sides = []
    for points in (RDP_UNIVERSAL, RDP_END_TO_END):
        values = points.T.ravel()
        ones = values + generator.normal(0, 1e-3, (20, len(values))) * np.repeat([2e-2, 1.0], len(points))
        corrected, draws = jackknife_draws(ones, values, 300, seed=0)
        split = len(points)
        sides.append(TradeoffRows(corrected[split:], corrected[:split], draws[:, split:], draws[:, :split]))
    gap = universality_gap(*sides)
    assert gap.mean.lo < gap.mean.value < gap.mean.hi
    assert gap.mean.hi - gap.mean.lo < 0.002


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: TradeoffRows([1.0, 2.0], [1.0]), "constraint 2, distortion 1"),
        (lambda: TradeoffRows([], []), "constraint is empty"),
        (lambda: TradeoffRows([np.nan], [1.0]), "not finite"),
        (lambda: TradeoffRows([1.0], [1.0], constraint_draws=[[1.0]]), "are needed together"),
        (lambda: TradeoffRows([1.0], [1.0], [[1.0, 2.0]], [[1.0, 2.0]]), "constraint 1, constraint draws 2"),
        (lambda: TradeoffRows([1.0], [1.0], [[1.0], [2.0]], [[1.0]]), "one draw, one row"),
    ],
)
def test_bad_rows_raise(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_draws_of_different_numbers_raise():
    one, two = TradeoffRows([1.0], [1.0], [[1.0]], [[1.0]]), TradeoffRows([1.0], [1.0], [[1.0]] * 2, [[1.0]] * 2)
    with pytest.raises(ValueError, match="1 and 2 draws"):
        universality_gap(one, two)


def noisy(universal, end_to_end, generator, draws, shared=0.9, spread=(0.0002, 0.008)):
    """Rows with sampling noise, most of it common to all, and draws with the same noise about them."""
    points = np.vstack([universal, end_to_end])
    common = generator.standard_normal((draws + 1, 1, 2))
    own = generator.standard_normal((draws + 1, len(points), 2))
    noise = (np.sqrt(shared) * common + np.sqrt(1 - shared) * own) * spread
    measured = points + noise[0]
    drawn = measured + noise[1:]
    parts = slice(0, len(universal)), slice(len(universal), None)
    return [TradeoffRows(measured[p, 1], measured[p, 0], drawn[:, p, 1], drawn[:, p, 0]) for p in parts]


@pytest.mark.slow
def test_intervals_of_the_gap_cover_95_percent_and_the_maximum_more():
    generator = np.random.default_rng(3)
    true = universality_gap(rows(RDC_UNIVERSAL), rows(RDC_END_TO_END), at=[0.77])
    found = [universality_gap(*noisy(RDC_UNIVERSAL, RDC_END_TO_END, generator, 100), at=[0.77]) for _ in range(1000)]
    assert 0.93 <= np.mean([gap.lo[0] <= true.gap[0] <= gap.hi[0] for gap in found]) <= 0.97
    assert 0.93 <= np.mean([gap.loosest.contains(true.loosest.value) for gap in found]) <= 0.97
    assert 0.93 <= np.mean([gap.mean.contains(true.mean.value) for gap in found]) <= 0.98
    assert np.mean([gap.maximum.contains(true.maximum.value) for gap in found]) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["mixture", "rows"])
@pytest.mark.parametrize("shared", [0.5, 0.9])
def test_intervals_of_the_mean_gap_cover_95_percent_by_either_rule(rule, shared):
    generator = np.random.default_rng(5)
    true = universality_gap(rows(RDP_UNIVERSAL), rows(RDP_END_TO_END), rule=rule).mean.value
    noise = {"shared": shared, "spread": (0.0002, 0.02)}
    found = [
        universality_gap(*noisy(RDP_UNIVERSAL, RDP_END_TO_END, generator, 100, **noise), rule=rule).mean
        for _ in range(1000)
    ]
    assert 0.93 <= np.mean([mean.contains(true) for mean in found]) <= 0.98


@pytest.mark.slow
def test_where_the_gap_is_0_the_maximum_is_covered_although_its_percentiles_would_not():
    generator = np.random.default_rng(4)
    budget = np.array([0, 0.004, 0.01, 0.016, 0.024, 0.032])
    points = np.column_stack([gaussian_distortion(1.0, budget), budget])
    covered, percentiles, means = [], [], []
    for _ in range(1000):
        universal, free = noisy(points, points, generator, 100, spread=(0.001, 0.0001))
        gap = universality_gap(universal, free)
        covered.append(gap.maximum.contains(0.0))
        means.append(gap.mean.contains(0.0))
        drawn = envelope_at(*universal.draws, gap.levels[1:]) - envelope_at(*free.draws, gap.levels[1:])
        percentiles.append(np.quantile(drawn.max(axis=1), 0.025) <= 0)
    assert np.mean(covered) >= 0.95
    assert 0.93 <= np.mean(means) <= 0.97
    assert np.mean(percentiles) < 0.8

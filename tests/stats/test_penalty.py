import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rdcbench.stats import RateSweep, TradeoffRows, least_rates, rate_penalty, serving_rate

RATES = np.array([0.5, 1.0, 1.5, 2.0])


def gaussian_distortion(rate, perception):
    least = np.sqrt(1 - 2.0 ** (-2 * rate))
    scale = np.maximum(1 - np.sqrt(perception), least)
    return 1 + scale**2 - 2 * scale * least


def gaussian_sweep(rates=RATES):
    budget = np.linspace(0, 0.015, 7)
    rate, perception = np.repeat(rates, 7), np.tile(budget, len(rates))
    return RateSweep(rate, TradeoffRows(perception, gaussian_distortion(rate, perception))), budget


def rectangle_sweep(rates, distortions, constraints):
    """Encoders whose decoders reach one corner each: loosening the constraint buys no distortion back."""
    return RateSweep(rates, TradeoffRows(constraints, distortions))


def by_linear_programme(sweep, point):
    """Least rate of a mixture of rows that reaches (D, C), by an independent solver."""
    below = np.vstack([sweep.reached.distortion, sweep.reached.constraint])
    ones = np.ones((1, len(sweep.rate)))
    found = linprog(sweep.rate, A_ub=below, b_ub=point, A_eq=ones, b_eq=[1.0])
    return found.fun if found.status == 0 else math.nan


def serving_by_linear_programme(sweep, points):
    """The same for one mixture of encoders, with the shares of every decoder at every point as unknowns."""
    rows, encoders = len(sweep.rate), len(sweep.encoder_rates)
    cost = np.concatenate([sweep.encoder_rates, np.zeros(rows * len(points))])
    below, bounds, equal = [], [], [np.concatenate([np.ones(encoders), np.zeros(rows * len(points))])]
    for number, point in enumerate(points):
        part = slice(encoders + number * rows, encoders + (number + 1) * rows)
        for axis, bound in zip((sweep.reached.distortion, sweep.reached.constraint), point, strict=True):
            line = np.zeros(len(cost))
            line[part] = axis
            below.append(line)
            bounds.append(bound)
        for encoder in range(encoders):
            line = np.zeros(len(cost))
            line[part] = sweep.encoder == encoder
            line[encoder] = -1.0
            equal.append(line)
    to = np.zeros(len(equal))
    to[0] = 1.0
    found = linprog(cost, A_ub=below, b_ub=bounds, A_eq=equal, b_eq=to)
    return found.fun if found.status == 0 else math.nan


def random_sweep(generator, encoders=3, decoders=4):
    rate = np.repeat(np.arange(1.0, encoders + 1), decoders)
    better = (encoders + 1 - rate) / encoders
    reached = TradeoffRows(generator.random(len(rate)) * better, generator.random(len(rate)) * better)
    return RateSweep(rate, reached)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_least_rates_are_those_of_a_linear_programme(seed):
    generator = np.random.default_rng(seed)
    sweep, points = random_sweep(generator), generator.random((6, 2)) * 0.8
    rates, reasons = least_rates(sweep, points)
    for point, rate, reason in zip(points, rates, reasons, strict=True):
        expected = by_linear_programme(sweep, point)
        if "beyond" in reason:
            assert math.isnan(expected)
        elif "inside" in reason:
            assert expected == pytest.approx(1.0)
        else:
            assert rate == pytest.approx(expected, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_serving_rate_is_that_of_the_full_linear_programme(seed):
    generator = np.random.default_rng(seed)
    sweep, points = random_sweep(generator), 0.1 + generator.random((3, 2)) * 0.9
    rate, reason = serving_rate(sweep, points)
    expected = serving_by_linear_programme(sweep, points)
    if "with ease" in reason:
        assert expected == pytest.approx(1.0)
    else:
        assert rate == pytest.approx(expected, abs=1e-6, nan_ok=True)
        assert (reason == "") == math.isfinite(rate)


@pytest.mark.parametrize("rate", [1.0, 1.5])
def test_a_gaussian_pays_no_bit_for_universality(rate):
    sweep, budget = gaussian_sweep()
    theta = TradeoffRows(budget, gaussian_distortion(rate, budget))
    penalty = rate_penalty(theta, sweep, sweep)
    assert penalty.bits.value == pytest.approx(0.0, abs=1e-6)
    assert penalty.rates == pytest.approx([rate] * 7, abs=1e-6)
    assert (penalty.universal_rate, penalty.end_to_end_rate) == pytest.approx((rate, rate), abs=1e-6)


def test_a_universal_sweep_that_is_half_a_bit_behind_pays_half_a_bit():
    sweep, budget = gaussian_sweep()
    behind = RateSweep(sweep.rate + 0.5, sweep.reached)
    theta = TradeoffRows(budget, gaussian_distortion(1.0, budget))
    assert rate_penalty(theta, behind, sweep).bits.value == pytest.approx(0.5, abs=1e-6)


def test_a_rectangle_pays_the_bits_that_its_distortion_corner_lacks():
    free = RateSweep([1, 1, 2, 2, 3, 3], TradeoffRows([2, 4, 1, 3, 0, 2], [4, 2, 3, 1, 2, 0]))
    frozen = rectangle_sweep([1, 2, 3], [4, 3, 2], [2, 1, 0])
    theta = TradeoffRows([2.0, 4.0], [4.0, 2.0])
    penalty = rate_penalty(theta, frozen, free)
    assert penalty.end_to_end_rate == pytest.approx(1.0)
    assert penalty.universal_rate == pytest.approx(3.0)
    assert penalty.bits.value == pytest.approx(2.0)


def test_what_an_encoder_reaches_itself_costs_nothing_by_construction():
    free = RateSweep([1, 1, 2, 2, 3, 3], TradeoffRows([2, 4, 1, 3, 0, 2], [4, 2, 3, 1, 2, 0]))
    frozen = rectangle_sweep([2.0], [3.0], [1.0])
    assert rate_penalty(frozen.reached, frozen, free).bits.value == pytest.approx(0.0, abs=1e-6)


def test_one_encoder_of_several_at_equal_rate_must_serve_all_points():
    reached = TradeoffRows([0.0, 1.0], [1.0, 0.0])
    apart = RateSweep([1.0, 1.0, 2.0], TradeoffRows([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]), ["a", "b", "c"])
    together = RateSweep([1.0, 1.0, 2.0], TradeoffRows([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]), ["a", "a", "c"])
    points = np.column_stack([reached.distortion, reached.constraint])
    assert serving_rate(together, points)[0] == pytest.approx(1.0, abs=1e-6)
    assert serving_rate(apart, points)[0] == pytest.approx(2.0, abs=1e-6)


def test_outside_the_sweep_nothing_is_extrapolated():
    sweep, _ = gaussian_sweep()
    beyond = rate_penalty(TradeoffRows([0.01], [0.01]), sweep, sweep)
    assert math.isnan(beyond.bits.value)
    assert "beyond what any row" in beyond.bits.reason
    inside = rate_penalty(TradeoffRows([0.5], [0.9]), sweep, sweep)
    assert math.isnan(inside.bits.value)
    assert "inside what the lowest rate" in inside.bits.reason
    good, _ = gaussian_sweep(np.array([3.0, 4.0]))
    theta = TradeoffRows([0.01], [gaussian_distortion(1.0, 0.01)])
    eased = rate_penalty(theta, good, sweep)
    assert "with ease" in eased.bits.reason
    poor, _ = gaussian_sweep(np.array([0.25, 0.5]))
    missed = rate_penalty(theta, poor, sweep)
    assert "reaches all of Theta" in missed.bits.reason
    assert missed.end_to_end_rate == pytest.approx(by_linear_programme(sweep, [theta.distortion[0], 0.01]), abs=1e-6)


def test_the_supremum_is_over_all_points_and_unknown_when_one_is_beyond_the_sweep():
    sweep, _ = gaussian_sweep()
    theta = TradeoffRows([0.01, 0.01], gaussian_distortion(np.array([1.0, 1.5]), 0.01))
    penalty = rate_penalty(theta, sweep, sweep)
    assert penalty.rates == pytest.approx([least_rates(sweep, [[d, 0.01]])[0][0] for d in theta.distortion])
    assert penalty.end_to_end_rate == max(penalty.rates)
    assert penalty.rates[1] - penalty.rates[0] == pytest.approx(0.5, abs=0.01)
    hopeless = rate_penalty(TradeoffRows([0.01, 0.01], [*theta.distortion[:1], 0.001]), sweep, sweep)
    assert math.isnan(hopeless.bits.value)
    assert "D = 0.001, C = 0.01 is beyond" in hopeless.bits.reason


def test_points_inside_the_lowest_rate_do_not_hide_the_supremum():
    sweep, _ = gaussian_sweep()
    theta = TradeoffRows([0.01, 0.5], [gaussian_distortion(1.0, 0.01), 0.9])
    penalty = rate_penalty(theta, sweep, sweep)
    assert penalty.reasons[0] == ""
    assert "inside" in penalty.reasons[1]
    assert math.isfinite(penalty.bits.value)


def noisy_sweeps(generator, draws, bits=0.0):
    """Three systems with shared and own noise, in rate too (`bits`): theta is the end-to-end front at 2 bits."""
    rate = np.repeat([1.0, 2.0, 3.0, 4.0], 3)
    constraint, spare = np.tile([1.2, 0.6, 0.3], 4), np.tile([0.0, 0.002, 0.006], 4)
    free = np.column_stack([0.06 - 0.005 * rate + spare, constraint])
    frozen = np.column_stack([0.066 - 0.005 * np.arange(1.0, 5.0), np.full(4, 0.27)])
    points = np.vstack([free, frozen])
    common, own = generator.standard_normal((draws + 1, 1, 2)), generator.standard_normal((draws + 1, len(points), 2))
    noise = (0.95 * common + 0.31 * own) * (0.0002, 0.008)
    measured, drawn = points + noise[0], points + noise[0] + noise[1:]

    def rows(part, source=measured, draws_of=drawn):
        return TradeoffRows(source[part, 1], source[part, 0], draws_of[:, part, 1], draws_of[:, part, 0])

    parts = np.flatnonzero(rate == 2.0), slice(12, 16), slice(0, 12)
    rates = np.concatenate([rate, np.arange(1.0, 5.0)])
    shared, own = generator.standard_normal((draws + 1, 1)), generator.standard_normal((draws + 1, len(rates)))
    shifts = bits * (0.95 * shared + 0.31 * own)
    measured_rates = rates + shifts[0]
    drawn_rates = measured_rates + shifts[1:]
    theta, universal, free = (TradeoffRows(points[part, 1], points[part, 0]) for part in parts)
    exact = theta, RateSweep(rates[12:], universal), RateSweep(rate, free)
    theta, universal, free = (rows(part) for part in parts)
    sweeps = [
        RateSweep(measured_rates[part], side, np.arange(len(rates))[part], drawn_rates[:, part] if bits else None)
        for part, side in zip(parts[1:], (universal, free), strict=True)
    ]
    return exact, (theta, *sweeps)


def test_draws_give_the_penalty_an_interval_about_its_value():
    _, measured = noisy_sweeps(np.random.default_rng(0), 60)
    penalty = rate_penalty(*measured)
    assert penalty.bits.lo < penalty.bits.value < penalty.bits.hi
    assert 0.02 < penalty.bits.hi - penalty.bits.lo < 0.5


def test_bits_that_were_measured_widen_the_interval_and_those_of_a_bound_do_not():
    widths = []
    for bits in (0.0, 0.1):
        exact, measured = noisy_sweeps(np.random.default_rng(0), 60, bits)
        assert exact[1].rate_draws is None
        interval = rate_penalty(*measured).bits
        widths.append(interval.hi - interval.lo)
    assert widths[1] > 1.3 * widths[0]


@pytest.mark.slow
def test_interval_of_the_penalty_covers_95_percent():
    """1,000 trials of 4 draws: half-widths pooled over 25 trials are those of 100 draws, as `rdcbench verify` makes."""
    generator = np.random.default_rng(1)
    truth = rate_penalty(*noisy_sweeps(generator, 1)[0]).bits.value
    assert truth == pytest.approx(1.2, abs=1e-6)
    found = [rate_penalty(*noisy_sweeps(generator, 4, bits=0.02)[1]).bits for _ in range(1000)]
    errors = np.array([interval.value - truth for interval in found]).reshape(40, 25)
    halves = np.array([interval.hi - interval.value for interval in found]).reshape(40, 25)
    pooled = np.sqrt(np.mean(halves**2, axis=1, keepdims=True))
    assert 0.93 <= np.mean(np.abs(errors) <= pooled) <= 0.97


def test_bad_input_raises():
    reached = TradeoffRows([1.0, 2.0], [2.0, 1.0])
    with pytest.raises(ValueError, match="rate 1, distortion 2"):
        RateSweep([1.0], reached)
    with pytest.raises(ValueError, match=r"encoder a have the rates \[1.0, 2.0\]"):
        RateSweep([1.0, 2.0], reached, ["a", "a"])
    with pytest.raises(ValueError, match="1 encoder names for 2 rows"):
        RateSweep([1.0, 2.0], reached, ["a"])
    drawn = TradeoffRows([1.0, 2.0], [2.0, 1.0], np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"draws of rate and constraint have shapes \(4, 2\) and \(3, 2\)"):
        RateSweep([1.0, 2.0], drawn, rate_draws=np.ones((4, 2)))
    with pytest.raises(ValueError, match="not finite"):
        least_rates(RateSweep([1.0, 2.0], reached), [[np.nan, 1.0]])

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from rdcbench.oracles import (
    bernoulli_channel,
    bernoulli_distortion,
    bernoulli_label_entropy,
    bernoulli_rate,
    binary_convolution,
    binary_entropy,
    inverse_binary_entropy,
)

laws = settings(max_examples=80, deadline=None, derandomize=True)
probabilities = st.floats(0.0, 1.0)
inner = st.floats(0.02, 0.98)
noises = st.floats(0.0, 0.45)


def entropy(weights):
    """Entropy in bits along the last axis, unnormalised weights allowed: -sum w log2 w."""
    safe = np.where(weights > 0, weights, 1.0)
    return -(safe * np.log2(safe)).sum(axis=-1)


def measure(channel, prior, label_noise):
    """(rate in bits, H(S | X^) in nats) of p(x^ | x) [..., 2, m], from the joint tables."""
    joint = np.array([1 - prior, prior])[:, None] * channel
    output = joint.sum(axis=-2)
    flip = np.array([[1 - label_noise, label_noise], [label_noise, 1 - label_noise]])
    label_joint = np.einsum("sx,...xy->...sy", flip, joint)
    rate = entropy(np.array([1 - prior, prior])) + entropy(output) - entropy(joint.reshape(*joint.shape[:-2], -1))
    label = entropy(label_joint.reshape(*joint.shape[:-2], -1)) - entropy(output)
    return rate, label * math.log(2)


def hamming(channel, prior):
    return (1 - prior) * channel[..., 0, 1] + prior * channel[..., 1, 0]


def binary_channel(ones_given_0, ones_given_1):
    ones = np.stack(np.broadcast_arrays(ones_given_0, ones_given_1), axis=-1)
    return np.stack([1 - ones, ones], axis=-1)


def best_by_search(distortion, label_entropy, prior, noise):
    """The least rate over binary test channels: a grid, then SLSQP from its best points."""
    grid = np.linspace(0.0, 1.0, 101)
    channels = binary_channel(grid[:, None], grid[None, :])
    rate, label = measure(channels, prior, noise)
    allowed = (hamming(channels, prior) <= distortion) & (label <= label_entropy)
    score = np.where(allowed, rate, np.inf).ravel()
    constraints = [
        {"type": "ineq", "fun": lambda v: distortion - hamming(binary_channel(*v), prior)},
        {"type": "ineq", "fun": lambda v: label_entropy - measure(binary_channel(*v), prior, noise)[1]},
    ]
    found = [score.min()]
    for start in np.argsort(score)[:2]:
        point = grid[list(np.unravel_index(start, rate.shape))]
        result = minimize(
            lambda v: measure(binary_channel(*v), prior, noise)[0],
            np.clip(point, 1e-6, 1 - 1e-6),
            bounds=[(1e-9, 1 - 1e-9)] * 2,
            constraints=constraints,
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 100},
        )
        if all(constraint["fun"](result.x) >= -1e-9 for constraint in constraints):
            found.append(float(result.fun))
    return min(found)


CASES = [
    (distortion, share, prior, noise)
    for distortion in (0.05, 0.2, 1.0)
    for share in (0.15, 0.5, 0.9)
    for prior, noise in ((0.5, 0.1), (0.3, 0.05), (0.8, 0.2))
]


@pytest.mark.parametrize(("distortion", "share", "prior", "noise"), CASES)
def test_rate_is_the_least_over_test_channels(distortion, share, prior, noise):
    low, high = bernoulli_label_entropy(math.inf, prior, noise), bernoulli_label_entropy(0.0, prior, noise)
    label_entropy = low + share * (high - low)
    searched = best_by_search(distortion, label_entropy, prior, noise)
    assert bernoulli_rate(distortion, label_entropy, prior, noise) == pytest.approx(searched, abs=1e-6)


@laws
@given(inner, noises, inner, inner)
def test_no_binary_channel_beats_the_rate(prior, noise, ones_given_0, ones_given_1):
    channel = binary_channel(ones_given_0, ones_given_1)
    rate, label = measure(channel, prior, noise)
    needed = bernoulli_rate(hamming(channel, prior), max(label, 0.0) + 1e-12, prior, noise)
    assert needed <= rate + 1e-9


@laws
@given(inner, noises, st.lists(st.floats(0.01, 1.0), min_size=6, max_size=6))
def test_no_ternary_output_beats_the_label_bound(prior, noise, weights):
    channel = np.array(weights).reshape(2, 3)
    channel /= channel.sum(axis=1, keepdims=True)
    rate, label = measure(channel, prior, noise)
    assert label >= bernoulli_label_entropy(max(rate, 0.0), prior, noise) - 1e-9
    assert bernoulli_rate(math.inf, label + 1e-12, prior, noise) <= rate + 1e-9


@laws
@given(st.floats(0.0, 1.2), inner, st.floats(0.0, 1.0))
def test_one_channel_attains_both_bounds(rate, prior, noise):
    channel = bernoulli_channel(rate, prior)
    assert channel.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert (channel >= 0).all()
    spent, label = measure(channel, prior, noise)
    assert spent == pytest.approx(min(rate, binary_entropy(prior)), abs=1e-9)
    least = bernoulli_label_entropy(rate, prior, noise)
    assert label == pytest.approx(least, abs=1e-9)
    assert hamming(channel, prior) == pytest.approx(bernoulli_distortion(rate, math.inf, prior, noise), abs=1e-7)


@laws
@given(st.floats(0.001, 1.0), inner, st.floats(0.0, 0.4), st.floats(1e-6, 1.0))
def test_region_at_fixed_rate_is_a_rectangle(rate, prior, noise, slack):
    least = bernoulli_label_entropy(rate, prior, noise)
    corner = bernoulli_distortion(rate, least, prior, noise)
    assert corner == bernoulli_distortion(rate, least + slack, prior, noise)
    if least > slack:
        assert bernoulli_distortion(rate, least - slack, prior, noise) == math.inf
    whole = binary_entropy(prior)
    needed = bernoulli_rate(corner, least, prior, noise)
    assert needed == pytest.approx(min(rate, whole), abs=1e-6)


@laws
@given(st.tuples(inner, inner), st.tuples(st.floats(0.0, 0.7), st.floats(0.0, 0.7)), inner, noises, inner)
def test_rate_falls_and_is_convex(distortions, label_entropies, prior, noise, weight):
    ends = [bernoulli_rate(d, c, prior, noise) for d, c in zip(distortions, label_entropies, strict=True)]
    mixed = [weight * a + (1 - weight) * b for a, b in (distortions, label_entropies)]
    assert bernoulli_rate(*mixed, prior, noise) <= weight * ends[0] + (1 - weight) * ends[1] + 1e-9
    loosest = bernoulli_rate(max(distortions), max(label_entropies), prior, noise)
    assert loosest <= min(ends) + 1e-12


@laws
@given(st.floats(0.01, 1.0), st.floats(0.0, 0.7), inner, noises)
def test_swapping_letters_changes_nothing(distortion, label_entropy, prior, noise):
    # Within rounding of the feasibility edge either answer is right.
    if abs(label_entropy - bernoulli_label_entropy(math.inf, prior, noise)) < 1e-9:
        return
    rate = bernoulli_rate(distortion, label_entropy, prior, noise)
    assert bernoulli_rate(distortion, label_entropy, 1 - prior, noise) == pytest.approx(rate, abs=1e-9)
    assert bernoulli_rate(distortion, label_entropy, prior, 1 - noise) == pytest.approx(rate, abs=1e-6)


def test_edges():
    assert bernoulli_rate(0.0, math.inf, 0.3, 0.1) == pytest.approx(binary_entropy(0.3))
    assert bernoulli_rate(0.3, math.inf, 0.3, 0.1) == 0.0
    assert bernoulli_rate(1.0, 0.0, 0.3, 0.0) == pytest.approx(binary_entropy(0.3))
    assert bernoulli_rate(1.0, 0.99 * binary_entropy(0.1) * math.log(2), 0.3, 0.1) == math.inf
    # A label that is pure noise: a budget of ln 2 costs nothing, less is out of reach.
    assert bernoulli_rate(1.0, math.log(2), 0.3, 0.5) == 0.0
    assert bernoulli_rate(1.0, 0.999 * math.log(2), 0.3, 0.5) == math.inf
    assert bernoulli_distortion(2.0, math.inf, 0.3, 0.1) == 0.0
    assert bernoulli_rate(0.0, 0.0, 0.0, 0.0) == 0.0
    assert bernoulli_channel(1.0, 0.0) == pytest.approx(np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert bernoulli_channel(0.0, 0.9) == pytest.approx(np.array([[0.0, 1.0], [0.0, 1.0]]))


@laws
@given(probabilities, probabilities)
def test_entropy_and_convolution(first, second):
    assert binary_entropy(first) == pytest.approx(float(entropy(np.array([first, 1 - first]))), abs=1e-12)
    assert inverse_binary_entropy(binary_entropy(first)) == pytest.approx(min(first, 1 - first), abs=1e-7)
    both = first * second + (1 - first) * (1 - second)
    assert binary_convolution(first, second) == pytest.approx(1 - both, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: binary_entropy(1.1), r"probability is 1.1, but must lie in \[0, 1\]"),
        (lambda: inverse_binary_entropy(-0.1), "entropy is -0.1"),
        (lambda: binary_convolution(0.5, math.nan), "second is nan"),
        (lambda: bernoulli_rate(-0.1, 1.0, 0.5, 0.1), "distortion is -0.1"),
        (lambda: bernoulli_rate(0.1, -1.0, 0.5, 0.1), "label_entropy is -1.0"),
        (lambda: bernoulli_rate(0.1, 1.0, 1.5, 0.1), "prior is 1.5"),
        (lambda: bernoulli_distortion(-1.0, 1.0, 0.5, 0.1), "rate is -1.0"),
        (lambda: bernoulli_distortion(1.0, -1.0, 0.5, 0.1), "label_entropy is -1.0"),
        (lambda: bernoulli_label_entropy(1.0, 0.5, -0.1), "label_noise is -0.1"),
        (lambda: bernoulli_channel(-1.0, 0.5), "rate is -1.0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()

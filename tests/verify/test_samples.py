from __future__ import annotations

import numpy as np
import pytest

from rdcbench import stats
from rdcbench.verify.samples import DRAWS, Samples, difference, percentiles, plug_in

GENERATOR = np.random.default_rng(0)
FIRST = GENERATOR.normal(0.05, 0.01, 400)
SECOND = FIRST + GENERATOR.normal(0.001, 0.001, 400)
LEFT = GENERATOR.normal(100.0, 0.5, 20)


@pytest.fixture
def samples():
    found = Samples()
    found.add("a", {"mse": FIRST.mean(), "perception": 99.0}, {"mse": FIRST, "perception_leave_out": LEFT})
    found.add("b", {"mse": SECOND.mean()}, {"mse": SECOND})
    return found


def test_means_are_resampled_with_the_counts_that_intervals_have(samples):
    value, draws = samples.draw("a", "mse", by_blocks=False)
    expected = stats.bootstrap_means(FIRST[None], stats.count_matrix(400, DRAWS, seed=0))[:, 0]
    assert value == pytest.approx(FIRST.mean())
    np.testing.assert_allclose(draws, expected)


def test_rows_share_their_draws_so_that_differences_are_paired(samples):
    found = difference(samples.draw("b", "mse", False), samples.draw("a", "mse", False))
    paired = stats.paired_difference(SECOND, FIRST, stats.count_matrix(400, DRAWS, seed=0))
    assert (found.lo, found.hi) == pytest.approx((paired.lo, paired.hi))
    assert found.hi - found.lo < 0.3 * np.ptp(np.quantile(samples.draw("a", "mse", False)[1], [0.025, 0.975]))


def test_distances_are_drawn_by_blocks_about_the_corrected_value(samples):
    value, draws = samples.draw("a", "perception", by_blocks=False)
    interval = stats.jackknife_interval(LEFT, plug_in(99.0, LEFT))
    assert value == pytest.approx(99.0) == pytest.approx(interval.value)
    lo, hi = np.quantile(draws, [0.025, 0.975])
    assert hi - lo == pytest.approx(interval.hi - interval.lo, rel=0.1)


def test_a_mean_beside_a_distance_is_drawn_by_blocks_too(samples):
    value, draws = samples.draw("a", "mse", by_blocks=True)
    assert value == pytest.approx(FIRST.mean())
    assert draws.std() == pytest.approx(FIRST.std() / 20, rel=0.4)


def test_a_root_is_known_by_its_size_and_its_square_is_drawn():
    samples = Samples()
    left = GENERATOR.normal(0.0144, 0.0001, 20)
    samples.add("a", {"sliced_w2": 0.12}, {"sliced_w2_leave_out": left})
    assert samples.draw("a", "sliced_w2", False)[0] == pytest.approx(0.0144, rel=1e-3)
    assert plug_in(-0.02, np.full(20, 0.01)) == pytest.approx((-0.02 + 0.19) / 20)


def test_what_kept_no_values_by_image_is_a_key_error(samples):
    with pytest.raises(KeyError):
        samples.draw("a", "psnr", by_blocks=False)


def test_changes_and_shares_of_paired_means_cover_95_percent():
    """What `converged` and `stays` print: ratios of means over the same images, with percentiles of shared draws."""
    generator, images = np.random.default_rng(5), 300
    counts = stats.count_matrix(images, 500, seed=0)
    covered = []
    for _ in range(1000):
        hard = generator.exponential(0.05, images)
        rows = np.stack([hard, 0.97 * hard + generator.normal(0, 0.004, images), 1.4 * hard])
        rows[2] += generator.normal(0, 0.01, images)
        before, after, free = rows.mean(axis=1)
        drawn = stats.bootstrap_means(rows, counts).T
        change = percentiles(after / before - 1, drawn[1] / drawn[0] - 1)
        share = percentiles((after - before) / (free - before), (drawn[1] - drawn[0]) / (drawn[2] - drawn[0]))
        covered.append((change.contains(-0.03), share.contains(-0.03 / 0.4)))
    assert np.all(np.abs(np.mean(covered, axis=0) - 0.95) <= 0.02)

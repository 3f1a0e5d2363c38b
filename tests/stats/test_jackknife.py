import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdcbench.stats import block_indices, jackknife, jackknife_draws, jackknife_interval
from rdcbench.stats.jackknife import _second_order_variance

BLOCKS = 20
FIRST, SECOND = np.triu_indices(BLOCKS, 1)
KEPT = 1.0 - np.eye(BLOCKS)
KEPT_TWO = KEPT[FIRST] * KEPT[SECOND]
SUBSETS = np.vstack([np.ones(BLOCKS), KEPT, KEPT_TWO])


def intervals_of(values):
    """Plain and second-order interval from a statistic on all of SUBSETS."""
    full, ones, twos = values[0], values[1 : BLOCKS + 1], values[BLOCKS + 1 :]
    return jackknife_interval(ones, full), jackknife_interval(ones, full, leave_two_out=twos)


def frechet_on(subsets, outputs, reference):
    """Frechet distance of the samples (n, d) with blocks kept as in subsets (subsets, blocks), from block moments."""
    moments = [_moments(subsets, sample) for sample in (outputs, reference)]
    (mean_a, cov_a), (mean_b, cov_b) = moments
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]) @ vectors.transpose(0, 2, 1)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum(axis=1)
    traces = np.trace(cov_a, axis1=1, axis2=2) + np.trace(cov_b, axis1=1, axis2=2)
    return ((mean_a - mean_b) ** 2).sum(axis=1) + traces - 2 * cross


def _moments(subsets, sample):
    size, width = len(sample) // BLOCKS, sample.shape[1]
    blocks = sample.reshape(BLOCKS, size, width)
    n = subsets.sum(axis=1)[:, None] * size
    mean = subsets @ blocks.sum(axis=1) / n
    squares = (subsets @ np.einsum("bni,bnj->bij", blocks, blocks).reshape(BLOCKS, -1)).reshape(-1, width, width)
    outer = mean[:, :, None] * mean[:, None, :]
    return mean, (squares - n[:, :, None] * outer) / (n[:, :, None] - 1)


def frechet_floor(eigenvalues, n, m):
    """(1/n + 1/m) [tr S + 1/2 sum_ij l_i l_j (1 + delta_ij) / (l_i + l_j)]."""
    pairs = np.outer(eigenvalues, eigenvalues) / np.add.outer(eigenvalues, eigenvalues)
    return (1 / n + 1 / m) * (eigenvalues.sum() + 0.5 * (pairs.sum() + np.trace(pairs)))


def frechet_draws(shift, scale, trials, n, width, seed, subsets, paired=0.0):
    """Frechet distances (trials, subsets) of Gaussian samples and the true distance."""
    generator, spectrum = np.random.default_rng(seed), 1.0 / np.arange(1, width + 1)
    mean = np.full(width, shift / np.sqrt(width))
    rows = []
    for _ in range(trials):
        reference = generator.standard_normal((n, width))
        own = generator.standard_normal((n, width))
        outputs = paired * reference + np.sqrt(1 - paired**2) * own
        rows.append(frechet_on(subsets, outputs * np.sqrt(spectrum * scale) + mean, reference * np.sqrt(spectrum)))
    return np.array(rows), shift**2 + spectrum.sum() * (1 - np.sqrt(scale)) ** 2


@settings(max_examples=30)
@given(st.integers(2, 60), st.integers(2, 20), st.integers(0, 99))
def test_blocks_are_a_balanced_random_partition(n, blocks, seed):
    if blocks > n:
        with pytest.raises(ValueError, match=f"{n} images cannot make {blocks} blocks"):
            block_indices(n, blocks, seed)
        return
    parts = block_indices(n, blocks, seed)
    assert sorted(np.concatenate(parts)) == list(range(n))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_blocks_are_not_contiguous():
    assert any(np.ptp(part) > 200 for part in block_indices(400, 20, 0))


@settings(max_examples=25)
@given(st.lists(st.floats(-100, 100), min_size=4, max_size=30), st.integers(2, 4))
def test_the_mean_needs_no_correction_whatever_the_block_sizes(values, blocks):
    sample = np.array(values)
    interval = jackknife(lambda kept: float(sample[kept].mean()), len(sample), blocks=blocks)
    assert interval.value == pytest.approx(sample.mean(), abs=1e-9)
    assert interval.plug_in == pytest.approx(sample.mean(), abs=1e-9)


def test_leaving_out_single_images_makes_the_plug_in_variance_unbiased_and_gives_the_mean_its_t_interval():
    sample = np.random.default_rng(0).exponential(size=30)
    variance = jackknife(lambda kept: float(sample[kept].var()), 30, blocks=30)
    assert variance.value == pytest.approx(sample.var(ddof=1), rel=1e-12)
    assert variance.plug_in == pytest.approx(sample.var(), rel=1e-12)
    mean = jackknife(lambda kept: float(sample[kept].mean()), 30, blocks=30)
    assert (mean.hi - mean.lo) / 2 == pytest.approx(2.045230 * sample.std(ddof=1) / np.sqrt(30), rel=1e-6)


def test_unequal_blocks_keep_the_standard_error_of_the_mean():
    generator = np.random.default_rng(1)
    half, expected = [], 2.093024 * 1.0 / np.sqrt(70)
    for _ in range(400):
        sample = generator.standard_normal(70)
        interval = jackknife(lambda kept, sample=sample: float(sample[kept].mean()), 70, blocks=20)
        half.append((interval.hi - interval.lo) / 2)
    assert np.sqrt(np.mean(np.square(half))) == pytest.approx(expected, rel=0.03)


def test_the_correction_removes_the_finite_sample_floor_of_the_frechet_distance():
    spectrum, n = 1.0 / np.arange(1, 7), 400
    values, truth = frechet_draws(0.0, 1.0, 150, n, 6, 3, SUBSETS[: BLOCKS + 1])
    intervals = [jackknife_interval(row[1:], row[0]) for row in values]
    floor = frechet_floor(spectrum, n, n)
    assert truth == 0.0
    assert np.mean([interval.plug_in for interval in intervals]) == pytest.approx(floor, rel=0.1)
    assert abs(np.mean([interval.value for interval in intervals])) < 0.1 * floor


def test_second_order_values_change_nothing_for_a_mean():
    kept_means = SUBSETS @ np.random.default_rng(4).standard_normal(BLOCKS) / SUBSETS.sum(axis=1)
    plain, second = intervals_of(kept_means)
    assert (second.lo, second.hi) == pytest.approx((plain.lo, plain.hi), rel=1e-9)


def test_second_order_values_give_the_true_variance_of_a_squared_mean_at_0_of_which_the_plain_one_is_twice():
    generator, halves = np.random.default_rng(4), []
    for _ in range(200):
        kept_means = SUBSETS @ generator.standard_normal((BLOCKS, 60)) / SUBSETS.sum(axis=1, keepdims=True)
        halves.append([(i.hi - i.lo) / 2 / 2.093024 for i in intervals_of((kept_means**2).sum(axis=1))])
    plain, second = np.mean(np.square(halves), axis=0)
    true_variance = 2 * 60 / BLOCKS**2
    assert plain == pytest.approx(2 * true_variance, rel=0.1)
    assert 0.9 * true_variance < second < 1.3 * true_variance


def test_second_order_variance_is_that_of_the_inner_products_which_no_sum_over_blocks_explains():
    blocks = np.random.default_rng(12).standard_normal((BLOCKS, 5)) + 0.3
    values = ((SUBSETS @ blocks / SUBSETS.sum(axis=1, keepdims=True)) ** 2).sum(axis=1) + 4.0
    products = (blocks @ blocks.T)[FIRST, SECOND]
    dummies = np.zeros((len(products), BLOCKS))
    dummies[np.arange(len(products)), FIRST] = dummies[np.arange(len(products)), SECOND] = 1.0
    residual = products - dummies @ np.linalg.lstsq(dummies, products, rcond=None)[0]
    expected = 2 / BLOCKS**2 * (residual @ residual) / (len(products) - BLOCKS)
    found = _second_order_variance(values[0], values[1 : BLOCKS + 1], values[BLOCKS + 1 :])
    assert found == pytest.approx(expected, rel=1e-9)


def test_jackknife_computes_what_it_is_given_block_by_block():
    sample = np.random.default_rng(8).standard_normal((60, 2))
    parts = block_indices(60, 5, 3)

    def statistic(kept):
        return float((sample[kept].mean(axis=0) ** 2).sum())

    without = [statistic(np.setdiff1d(np.arange(60), part)) for part in parts]
    pairs = [
        statistic(np.setdiff1d(np.arange(60), np.concatenate([parts[a], parts[b]])))
        for a in range(5)
        for b in range(a + 1, 5)
    ]
    expected = jackknife_interval(without, statistic(np.arange(60)), leave_two_out=pairs)
    found = jackknife(statistic, 60, blocks=5, seed=3, second_order=True)
    assert (found.lo, found.hi) == pytest.approx((expected.lo, expected.hi), rel=1e-12)


def test_draws_have_the_jackknifes_centre_spread_and_correlation():
    generator = np.random.default_rng(6)
    ones = generator.standard_normal((BLOCKS, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]]) * 0.01
    values = np.array([3.0, 5.0])
    corrected, draws = jackknife_draws(values + ones, values, 100_000, seed=0)
    single = jackknife_interval(3.0 + ones[:, 0], 3.0)
    assert corrected[0] == pytest.approx(single.value, rel=1e-12)
    ends = np.quantile(draws[:, 0], [0.025, 0.975])
    assert tuple(ends) == pytest.approx((single.lo, single.hi), abs=0.02 * (single.hi - single.lo))
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(np.corrcoef(ones.T)[0, 1], abs=0.02)
    again = jackknife_draws((values + ones)[:, 1:], values[1:], 100_000, seed=0)[1]
    assert np.allclose(again[:, 0], draws[:, 1], rtol=1e-12)


def test_bad_input_raises():
    with pytest.raises(ValueError, match="not finite"):
        jackknife_interval([1.0, np.nan], 1.0)
    with pytest.raises(ValueError, match="2 or more blocks"):
        jackknife_interval([1.0], 1.0)
    with pytest.raises(ValueError, match="2 block sizes"):
        jackknife_interval([1.0, 2.0, 3.0], 1.0, sizes=[1, 2])
    with pytest.raises(ValueError, match="5 leave-two-out values for 4 blocks; 6 are needed"):
        jackknife_interval(np.ones(4), 1.0, leave_two_out=np.ones(5))
    with pytest.raises(ValueError, match="do not fit 3 values"):
        jackknife_draws(np.ones((5, 2)), np.ones(3), 10, 0)


@pytest.mark.slow
@pytest.mark.parametrize("paired", [0.0, 0.9])
def test_frechet_interval_covers_95_percent_off_zero(paired):
    values, truth = frechet_draws(0.6, 1.2, 1000, 600, 6, 0, SUBSETS[: BLOCKS + 1], paired)
    covered = np.mean([jackknife_interval(row[1:], row[0]).contains(truth) for row in values])
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
def test_strongly_biased_frechet_is_covered_after_the_correction_only():
    values, truth = frechet_draws(0.4, 0.8, 1000, 500, 12, 1, SUBSETS[: BLOCKS + 1])
    intervals = [jackknife_interval(row[1:], row[0]) for row in values]
    covered = np.mean([interval.contains(truth) for interval in intervals])
    shifted = [interval.contains(truth + interval.value - interval.plug_in) for interval in intervals]
    assert 0.93 <= covered <= 0.97
    assert np.mean(shifted) < 0.85


@pytest.mark.slow
def test_frechet_of_real_against_real_needs_the_second_order():
    values, truth = frechet_draws(0.0, 1.0, 1000, 400, 7, 2, SUBSETS)
    plain, second = zip(*(intervals_of(row) for row in values), strict=True)
    assert truth == 0.0
    assert np.mean([interval.contains(0.0) for interval in plain]) > 0.97
    assert 0.93 <= np.mean([interval.contains(0.0) for interval in second]) <= 0.97


def sliced_w2_on(subsets, outputs, reference):
    """Mean over directions of W2^2 between sorted projections (directions, n), with blocks kept."""
    labels = np.arange(outputs.shape[1]) * BLOCKS // outputs.shape[1]
    orders = [np.argsort(sample, axis=1) for sample in (outputs, reference)]
    sorted_samples = [np.take_along_axis(s, o, axis=1) for s, o in zip((outputs, reference), orders, strict=True)]
    sorted_labels = [labels[order] for order in orders]
    values = []
    for subset in subsets.astype(bool):
        left = [s[subset[of]].reshape(len(s), -1) for s, of in zip(sorted_samples, sorted_labels, strict=True)]
        values.append(np.mean((left[0] - left[1]) ** 2))
    return np.array(values)


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "paired"), [(0.5, 0.0), (0.5, 0.9), (1.5, 0.0)])
def test_sliced_w2_interval_covers_95_percent(shift, paired):
    generator, n, width = np.random.default_rng(3), 400, 6
    directions = generator.standard_normal((8, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mean = np.full(width, shift / np.sqrt(width))
    truth = np.mean((directions @ mean) ** 2) + (1 - np.sqrt(1.3)) ** 2
    covered = []
    for _ in range(1000):
        reference, own = generator.standard_normal((2, n, width))
        outputs = (paired * reference + np.sqrt(1 - paired**2) * own) * np.sqrt(1.3) + mean
        values = sliced_w2_on(SUBSETS[: BLOCKS + 1], directions @ outputs.T, directions @ reference.T)
        covered.append(jackknife_interval(values[1:], values[0]).contains(truth))
    assert 0.93 <= np.mean(covered) <= 0.97


def kid_on(subsets, outputs, reference):
    """Unbiased MMD^2 with the kernel (x.y / d + 1)^3, from sums over pairs of blocks."""
    size, width = len(outputs) // BLOCKS, outputs.shape[1]
    members = np.kron(np.eye(BLOCKS), np.ones(size))

    def sums(first, second, own):
        kernel = first @ second.T / width + 1
        kernel = kernel * kernel * kernel
        if own:
            np.fill_diagonal(kernel, 0.0)
        return members @ kernel @ members.T

    def total(matrix):
        return (subsets @ matrix * subsets).sum(axis=1)

    n = subsets.sum(axis=1) * size
    within = total(sums(outputs, outputs, True) + sums(reference, reference, True)) / (n * (n - 1))
    return within - 2 * total(sums(outputs, reference, False)) / n**2


def kid_truth(mean, variance):
    """KID between N(mean, variance I) and N(0, I): the kernel's mean is an inner product of moment tensors."""
    width = len(mean)
    eye = np.eye(width)

    def tensors(m, v):
        third = np.einsum("i,j,k->ijk", m, m, m)
        for axes in ("ij,k->ijk", "ik,j->ijk", "jk,i->ijk"):
            third = third + np.einsum(axes, v * eye, m)
        return [np.ones(1), np.sqrt(3) * m, np.sqrt(3) * (v * eye + np.outer(m, m)), third]

    difference = [a - b for a, b in zip(tensors(mean, variance), tensors(np.zeros(width), 1.0), strict=True)]
    return sum((part**2).sum() / width**order for order, part in enumerate(difference))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_kid_interval_covers_95_percent_off_zero(shift):
    generator, n, width = np.random.default_rng(5), 200, 8
    mean = np.full(width, shift / np.sqrt(width))
    truth, covered = kid_truth(mean, 1.2), []
    for _ in range(1000):
        outputs, reference = generator.standard_normal((2, n, width))
        values = kid_on(SUBSETS[: BLOCKS + 1], outputs * np.sqrt(1.2) + mean, reference)
        covered.append(jackknife_interval(values[1:], values[0]).contains(truth))
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.slow
def test_kid_of_real_against_real_needs_the_second_order():
    generator, n, width = np.random.default_rng(6), 200, 8
    assert kid_truth(np.zeros(width), 1.0) == 0.0
    pairs = [intervals_of(kid_on(SUBSETS, *generator.standard_normal((2, n, width)))) for _ in range(1000)]
    assert np.mean([plain.contains(0.0) for plain, _ in pairs]) > 0.97
    assert 0.93 <= np.mean([second.contains(0.0) for _, second in pairs]) <= 0.97


def test_critic_gap_interval_covers_95_percent():
    generator = np.random.default_rng(9)
    covered = []
    for _ in range(1000):
        real, decoded = generator.standard_normal((BLOCKS, 20)), generator.exponential(1.5, (BLOCKS, 20))
        kept = SUBSETS[: BLOCKS + 1] / SUBSETS[: BLOCKS + 1].sum(axis=1, keepdims=True)
        values = kept @ (real - decoded).mean(axis=1)
        covered.append(jackknife_interval(values[1:], values[0]).contains(-1.5))
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.slow
def test_the_root_of_a_squared_distance_is_not_to_be_jackknifed():
    values, _ = frechet_draws(0.0, 1.0, 300, 400, 7, 2, SUBSETS[: BLOCKS + 1])
    roots = [jackknife_interval(row[1:], row[0]) for row in np.sqrt(values)]
    squares = [jackknife_interval(row[1:], row[0]) for row in values]
    assert np.mean([interval.contains(0.0) for interval in roots]) < 0.5
    assert np.mean([interval.contains(0.0) for interval in squares]) > 0.95

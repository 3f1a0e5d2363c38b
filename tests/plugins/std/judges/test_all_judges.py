"""What every judge must do: order the dial, keep its fields and bounds, be equal in every process."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import safetensors.torch
import torch

import rdcbench
from rdcbench.codec import load_state
from rdcbench.evaluation import interval_of
from rdcbench_std.judges import JUDGES

from .conftest import DIAL, decoded_of

JUDGES_OF_PERCEPTION = ["perception", "kid", "sliced_w2", "perception_critic"]
every_judge = pytest.mark.parametrize("kind", JUDGES, ids=[kind.name for kind in JUDGES])


def same(first, second):
    assert set(first) == set(second)
    for name, measured in first.items():
        other = second[name]
        assert (measured.value, measured.reference) == (other.value, other.reference)
        for one, two in ((measured.per_image, other.per_image), (measured.leave_out, other.leave_out)):
            np.testing.assert_array_equal(one, two) if one is not None else None


@every_judge
def test_fields_are_measured_within_bounds_and_with_what_an_interval_needs(kind, fitted, digits):
    for a in (0.0, 1.0):
        measured = digits.measured(fitted(kind), a)
        assert set(measured) == set(kind.fields)
        for name, seen in measured.items():
            field = kind.fields[name]
            assert field.lower <= seen.value <= field.upper
            assert math.isfinite(seen.reference)
            assert (seen.per_image is None) != (seen.leave_out is None)
            if seen.per_image is not None:
                assert seen.per_image.shape == (len(digits.test),)
                assert seen.per_image.mean() == pytest.approx(seen.value)
            else:
                assert seen.leave_out.shape == (20,)
            assert math.isfinite(interval_of(seen).lo)


@every_judge
def test_a_judge_loaded_from_its_stored_state_gives_identical_numbers(kind, fitted, digits, build, tmp_path):
    judge = fitted(kind)
    safetensors.torch.save_file(judge.state_dict(), tmp_path / "judge.safetensors")
    torch.manual_seed(99)
    loaded = build(kind)
    load_state(loaded, safetensors.torch.load_file(tmp_path / "judge.safetensors"))
    same(digits.measured(judge, 0.5), digits.measured(loaded, 0.5))


@every_judge
def test_a_row_does_not_depend_on_the_rows_before_it_nor_on_global_randomness(kind, fitted, digits):
    judge = fitted(kind)
    first = digits.measured(judge, 0.5)
    digits.measured(judge, 1.0)
    judge.measure(digits.real_pair(), lambda images: digits.dial(digits.train, 0.0))
    torch.manual_seed(7)
    before = torch.get_rng_state()
    second = digits.measured(judge, 0.5)
    assert torch.equal(before, torch.get_rng_state())
    same(first, second)


@every_judge
def test_fitting_depends_on_its_generator_alone(kind, digits, build):
    few = rdcbench.Split("train", digits.train.images[:200], {k: v[:200] for k, v in digits.train.labels.items()})
    options = {"classifier-judge": {"steps": 5}, "fresh-critic": {"steps": 5}}.get(kind.name, {})
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(states))
        judge = build(kind, **options)
        before = torch.get_rng_state()
        judge.fit(few, torch.Generator().manual_seed(seed))
        assert torch.equal(before, torch.get_rng_state())
        states.append(judge.state_dict())
    first, again, other = states
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def difference(worse, better):
    """What two rows of the same test images differ by, of squares where the number is a root."""
    if worse.per_image is not None:
        return rdcbench.Measurement(worse.value - better.value, per_image=worse.per_image - better.per_image)
    return rdcbench.Measurement(worse.value - better.value, leave_out=worse.leave_out - better.leave_out)


@pytest.mark.parametrize("field", JUDGES_OF_PERCEPTION)
def test_every_judge_of_perception_orders_the_codebook_dial_outside_its_interval(field, fitted, digits):
    """The true W2 is (1 - a) sqrt(D*). Rows share their images, so it is the interval of their difference that counts."""
    judge = fitted(next(kind for kind in JUDGES if field in kind.fields))
    rows = [digits.measured(judge, a)[field] for a in DIAL]
    for worse, better in pairwise(rows):
        assert interval_of(difference(worse, better)).lo > 0
    assert interval_of(rows[0]).lo > interval_of(rows[3]).hi > interval_of(rows[4]).value


@pytest.mark.parametrize("field", JUDGES_OF_PERCEPTION)
def test_real_images_against_real_ones_are_near_zero(field, fitted, digits):
    judge = fitted(next(kind for kind in JUDGES if field in kind.fields))
    x = digits.images(digits.train)
    measured = judge.measure(digits.real_pair(), lambda images: decoded_of(x[:500], x[500:]))[field]
    interval = interval_of(measured)
    assert interval.lo <= 0 <= interval.hi


@every_judge
def test_images_that_came_back_exactly_have_no_distance(kind, fitted, digits):
    x, train = digits.images(digits.test), digits.images(digits.train)
    measured = fitted(kind).measure(
        decoded_of(x, x, digits.test.labels["digit"]), lambda images: decoded_of(train, train)
    )
    for name, seen in measured.items():
        expected = 0.0 if name in JUDGES_OF_PERCEPTION else seen.reference
        assert seen.value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 12, 17)])
@every_judge
def test_images_of_other_shapes(kind, shape, build):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (60, *shape), generator=generator, dtype=torch.uint8)
    label = torch.randint(4, (60,), generator=generator)
    options = {"classifier-judge": {"steps": 3, "classes": {"kind": 4}}, "fresh-critic": {"steps": 3}}
    judge = kind(image_shape=shape, **options.get(kind.name, {}))
    judge.fit(rdcbench.Split("train", images, {"kind": label}), generator)
    x = images.float() / 255
    decoded = rdcbench.Decoded(x[:30], x[30:], {"kind": label[:30]}, torch.zeros(30))
    assert all(math.isfinite(seen.value) for seen in judge.measure(decoded, lambda images: decoded).values())

"""Metrics and judges: what a number is made of, and whether it points the right way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rdcbench.conformance import samples, shared, stand_ins
from rdcbench.conformance.case import Case, Tensors, Trial
from rdcbench.conformance.contract import contract, expect
from rdcbench.evaluation import interval_of
from rdcbench.records import Decoded, Field, Measurement
from rdcbench.rng import generator

IMAGES = 40
STRENGTH, SPOILT = 0.2, 0.6
DIRECTIONS = ("lower", "higher", "none")


def _decoded(case: Case, strength: float) -> Decoded:
    return samples.decoded(samples.batch(case.shape, IMAGES), strength)


def _tensors(decoded: Decoded) -> Tensors:
    return {"x": decoded.x, "x_hat": decoded.x_hat, "bits": decoded.bits, **decoded.labels}


def _record(inputs: Tensors) -> Decoded:
    labels = {name: value for name, value in inputs.items() if name in samples.CLASSES}
    return Decoded(inputs["x"], inputs["x_hat"], labels, inputs["bits"])


# -------------------------------------------------------------------------------------------------------------- metrics


class MetricTrial(Trial):
    """Decoded images -> a number for each."""

    def given(self, case: Case) -> dict[str, Any]:
        """The classifier and critic, too."""
        classifier, critic = stand_ins.Nearest(case.shape), stand_ins.Smoothness()
        return {
            **super().given(case),
            "classifier": classifier.to(case.device),
            "critic": critic.to(case.device).requires_grad_(False),
        }

    def inputs(self, case: Case) -> Tensors:
        """Images that came back damaged."""
        return _tensors(_decoded(case, STRENGTH))

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """The fields."""
        return dict(part.update(_record(inputs)))


@contract(
    "fields",
    says="`fields` declares each number with unit, direction (lower, higher, none) and bounds.",
    mend='write fields = {"mae": rdcbench.Field("per pixel", "lower", 0.0, 1.0)}.',
)
def fields(case: Case) -> None:
    """The class attribute."""
    declared = case.entry.target.fields
    expect(isinstance(declared, Mapping) and len(declared) > 0, f"fields is {declared!r}.")
    for name, meaning in declared.items():
        expect(str(name).isidentifier(), f"{name!r} is no name for a field.")
        expect(isinstance(meaning, Field), f"{name} is declared by a {type(meaning).__name__}, not a rdcbench.Field.")
        expect(meaning.direction in DIRECTIONS, f"{name} has the direction {meaning.direction!r}.")
        expect(bool(meaning.unit), f"{name} has no unit.")
        expect(meaning.lower < meaning.upper, f"{name} has the bounds [{meaning.lower}, {meaning.upper}].")


@contract(
    "shape",
    says="update gives exactly the declared fields, one floating-point number for each image, [n].",
    mend="flatten(1) and average over dim 1; let the harness average over images.",
)
def metric_shape(case: Case) -> None:
    """Names and shapes."""
    seen = case.ready().update(_decoded(case, STRENGTH))
    declared = set(case.entry.target.fields)
    expect(set(seen) == declared, f"It declares {sorted(declared)} and gives {sorted(seen)}.")
    for name, values in seen.items():
        expect(tuple(values.shape) == (IMAGES,), f"{name} has shape {list(values.shape)} for {IMAGES} images.")
        expect(values.dtype in (torch.float32, torch.float64), f"{name} is {values.dtype}.")


def _intervals(case: Case, x_hat: Tensor, name: str) -> dict[str, tuple[float, float, float]]:
    """Fields -> (value, its lower, its upper end) for images that came back like this; computed once for each name."""
    perfect = _decoded(case, 0.0)
    decoded = replace(perfect, x_hat=x_hat)

    def measure() -> dict[str, tuple[float, float, float]]:
        part = case.ready()
        if case.entry.kind == "metric":
            means = {key: float(values.double().mean()) for key, values in part.update(decoded).items()}
            return {key: (mean, mean, mean) for key, mean in means.items()}
        strength = 0.0 if torch.equal(x_hat, perfect.x) else SPOILT
        measured = part.measure(decoded, lambda count: _trained_on(case, count, strength))
        ends = {key: interval_of(seen) for key, seen in measured.items()}
        return {key: (measured[key].value, end.lo, end.hi) for key, end in ends.items()}

    with torch.no_grad():
        found: dict[str, tuple[float, float, float]] = case.once(f"measured {name}", measure)
    return found


def _trained_on(case: Case, count: int, strength: float) -> Decoded:
    split = samples.split(case.shape)
    return samples.decoded(split.batch(torch.arange(min(count, len(split)))), strength)


@contract(
    "bounds",
    says="No image leaves the declared bounds: the harness refuses a number outside them.",
    mend="state wider bounds in the Field, or clamp what rounding adds.",
)
def bounds(case: Case) -> None:
    """Perfect and damaged images, and for metrics black and white ones."""
    perfect = _decoded(case, 0.0).x
    images = {"perfect": perfect, "noisy": samples.damaged(perfect, SPOILT)}
    if case.entry.kind == "metric":
        images |= {"black": torch.zeros_like(perfect), "white": torch.ones_like(perfect)}
    for look, x_hat in images.items():
        for name, (value, _, _) in _intervals(case, x_hat, look).items():
            meaning = case.entry.target.fields[name]
            expect(
                meaning.lower - 1e-6 <= value <= meaning.upper + 1e-6,
                f"{name} is {value:.6g} for {look} images, outside [{meaning.lower:g}, {meaning.upper:g}].",
            )


@contract(
    "direction",
    says="A number points the way it declares: perfect images are not worse than images full of noise.",
    mend='swap "lower" and "higher" in the Field, or declare "none" if neither is better.',
)
def direction(case: Case) -> None:
    """Perfect against damaged images; for a judge outside its intervals, since the samples are small."""
    x = _decoded(case, 0.0).x
    perfect, spoilt = _intervals(case, x, "perfect"), _intervals(case, samples.damaged(x, SPOILT), "noisy")
    for name, meaning in case.entry.target.fields.items():
        (value, low, high), (other, other_low, other_high) = perfect[name], spoilt[name]
        worse = {"lower": low > other_high + 1e-6, "higher": high < other_low - 1e-6, "none": False}
        expect(
            not worse[meaning.direction],
            f"{name} is declared {meaning.direction!r}, but is {value:.4g} for perfect images and {other:.4g} for "
            "noisy ones.",
        )


# --------------------------------------------------------------------------------------------------------------- judges


class JudgeTrial(Trial):
    """Decoded images -> measurements."""

    movable = False

    def ready(self, case: Case, part: Any, seed: int) -> Any:
        """Fit to the training split."""
        part.fit(samples.split(case.shape), generator("fit", seed))
        return part

    def inputs(self, case: Case) -> Tensors:
        """Images that came back damaged."""
        return _tensors(_decoded(case, STRENGTH))

    def whole(self, case: Case, part: Any, inputs: Tensors) -> Tensors:
        """The measured values."""
        measured = part.measure(_record(inputs), lambda count: _trained_on(case, count, STRENGTH))
        return {name: torch.tensor(float(seen.value), dtype=torch.float64) for name, seen in measured.items()}


@contract(
    "shape",
    says="measure gives exactly the declared fields, each with values for each image or without each block.",
    mend="return {name: rdcbench.Measurement(value, per_image=...)} or leave_out=...",
)
def judge_shape(case: Case) -> None:
    """Names, types and intervals."""
    seen = case.ready().measure(_decoded(case, STRENGTH), lambda count: _trained_on(case, count, STRENGTH))
    declared = set(case.entry.target.fields)
    expect(set(seen) == declared, f"It declares {sorted(declared)} and gives {sorted(seen)}.")
    for name, measured in seen.items():
        expect(isinstance(measured, Measurement), f"{name} is a {type(measured).__name__}, not a Measurement.")
        expect(isinstance(measured.value, float), f"{name} has the value {measured.value!r}, which is no float.")
        if measured.per_image is not None:
            expect(
                len(measured.per_image) == IMAGES, f"{name} has {len(measured.per_image)} values for {IMAGES} images."
            )
        elif measured.leave_out is not None:
            expect(len(measured.leave_out) > 1, f"{name} leaves out {len(measured.leave_out)} blocks.")
        else:
            expect(False, f"{name} has neither per_image nor leave_out, so no interval can be had.")


TRIALS = {"metric": MetricTrial(), "judge": JudgeTrial()}
CHECKS = {
    "metric": (*shared.CALLED, shared.neighbours, fields, metric_shape, bounds, direction),
    "judge": (*shared.CALLED, *shared.STATE, fields, judge_shape, bounds, direction),
}

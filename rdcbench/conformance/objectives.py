"""Objectives: terms that read what they declare, finite scalars with a gradient to the reconstruction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rdcbench.conformance import samples, shared, stand_ins
from rdcbench.conformance.case import Case, Tensors, Trial
from rdcbench.conformance.contract import contract, expect
from rdcbench.records import Outcome
from rdcbench.rng import generator

IMAGES = 40
STRENGTH = 0.2
READS = frozenset({"critic", "classifier", "rate"})


class ObjectiveTrial(Trial):
    """Outcomes -> terms."""

    def given(self, case: Case) -> dict[str, Any]:  # noqa: ARG002
        """Nothing but its options."""
        return {}

    def inputs(self, case: Case) -> Tensors:
        """A batch with its reconstruction."""
        received = torch.rand(IMAGES, samples.DIMENSIONS, generator=generator("conformance", "received"))
        batch = samples.batch(case.shape, IMAGES)
        x_hat = samples.damaged(batch.x, STRENGTH)
        return {"x": batch.x, "x_hat": x_hat, **batch.labels, "received": 2 * received - 1}

    def whole(self, case: Case, part: Any, inputs: Tensors) -> Tensors:
        """Every term, twice: an objective may draw anew at each step."""
        outcome = _outcome(case, inputs, READS)
        return {
            f"{name}, call {call}": part.term(name, outcome).detach()
            for name in case.entry.target.terms
            for call in (1, 2)
        }


def _outcome(case: Case, inputs: Tensors, reads: frozenset[str]) -> Outcome:
    """What a term may read; the rest is missing."""
    device = inputs["x"].device
    return Outcome(
        inputs["x"],
        inputs["x_hat"],
        {name: value for name, value in inputs.items() if name in samples.CLASSES},
        inputs["received"],
        critic=stand_ins.Smoothness().to(device) if "critic" in reads else None,
        classifier=stand_ins.Nearest(case.shape).to(device) if "classifier" in reads else None,
        bits=4.0 + inputs["received"].square().sum(1) if "rate" in reads else None,
    )


@contract(
    "terms",
    says="`terms` names each term with what it reads beside the images, out of critic, classifier and rate.",
    mend='write terms = {"distortion": frozenset(), "rate": frozenset({"rate"})}.',
)
def terms(case: Case) -> None:
    """The class attribute."""
    declared = case.entry.target.terms
    expect(isinstance(declared, Mapping) and len(declared) > 0, f"terms is {declared!r}.")
    for name, reads in declared.items():
        expect(isinstance(name, str) and name.isidentifier(), f"{name!r} is no name for a term.")
        wrong = set(reads) - READS if isinstance(reads, set | frozenset) else {str(reads)}
        expect(not wrong, f"The term {name!r} reads {sorted(wrong)}, which an outcome does not have.")


@contract(
    "reads",
    says="A term reads nothing of the outcome but the images and what it declares; the rest is None.",
    mend="add what the term reads to its set in `terms`.",
)
def reads_what_it_declares(case: Case) -> None:
    """Each term with what it declares and nothing else."""
    part = case.build()
    for name, reads in case.entry.target.terms.items():
        try:
            part.term(name, _outcome(case, case.trial.inputs(case), frozenset(reads)))
        except Exception as error:
            expect(False, f"The term {name!r} declares {sorted(reads)} and raised {type(error).__name__}: {error}.")


@contract(
    "scalar",
    says="A term is a finite scalar with a gradient to x_hat (to the bits, for a rate).",
    mend="average over the batch, and compute in torch without detach().",
)
def scalar(case: Case) -> None:
    """Value and gradient of each term."""
    part = case.build()
    for name in case.entry.target.terms:
        given = case.trial.inputs(case)
        leaves = [given[key].requires_grad_(True) for key in ("x_hat", "received")]
        value = part.term(name, _outcome(case, given, READS))
        expect(isinstance(value, Tensor) and value.ndim == 0, f"The term {name!r} is no scalar tensor.")
        expect(value.dtype == torch.float32, f"The term {name!r} is {value.dtype}, not torch.float32.")
        expect(bool(torch.isfinite(value)), f"The term {name!r} is {float(value.detach())}.")
        expect(value.requires_grad, f"The term {name!r} has no gradient.")
        gradients = [each for each in torch.autograd.grad(value, leaves, allow_unused=True) if each is not None]
        expect(any(bool((each != 0).any()) for each in gradients), f"The gradient of the term {name!r} is 0.")
        expect(all(bool(torch.isfinite(each).all()) for each in gradients), f"The term {name!r} has a gradient of NaN.")


TRIALS = {"objective": ObjectiveTrial()}
CHECKS = {"objective": (*shared.CALLED, terms, reads_what_it_declares, scalar)}

"""Critics and classifiers: those whose gradients teach a codec."""

from __future__ import annotations

from typing import Any

import torch

from rdcbench.conformance import samples, shared
from rdcbench.conformance.case import Case, NetworkTrial, Tensors, Trial
from rdcbench.conformance.contract import contract, expect
from rdcbench.conformance.networks import DETACHED, IMAGES, expect_gradients, expect_shape, images, trained, weights
from rdcbench.rng import generator

STEPS = 120
"""Of the training that shows which way a critic learns."""


# -------------------------------------------------------------------------------------------------------------- critics


class CriticTrial(NetworkTrial):
    """Images -> scores, and the loss of real and fake ones."""

    def inputs(self, case: Case) -> Tensors:
        """Real and fake images."""
        real = images(case)
        return {"real": real, "fake": samples.damaged(1 - real, 0.1)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Scores."""
        return {"score": part(inputs["fake"])}

    def whole(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """The loss."""
        with torch.enable_grad():
            return {"loss": part.loss(inputs["real"], inputs["fake"], generator("conformance", "loss")).detach()}


@contract(
    "shape",
    says="A critic scores images [n, *image_shape] with one number each, [n]; its loss is a scalar.",
    mend="squeeze(1) the last layer's output, and average the loss.",
)
def critic_shape(case: Case) -> None:
    """Scores and loss."""
    given = case.run(case.ready())
    expect_shape("The score", given["score"], (IMAGES,))
    expect_shape("The loss", given["loss"], ())


@contract(
    "gradient",
    says="A critic's loss trains all its parameters, and its score has a gradient to the images.",
    mend=DETACHED,
)
def critic_gradient(case: Case) -> None:
    """Of the loss in training mode, and of the score in evaluation mode."""
    part = trained(case)
    given = case.trial.inputs(case)
    expect_gradients(part, part.loss(given["real"], given["fake"], generator("loss")))  # type: ignore[operator]
    x_hat = given["fake"].requires_grad_(True)
    case.ready()(x_hat).sum().backward()
    expect(x_hat.grad is not None and bool((x_hat.grad != 0).any()), "The score has no gradient to the images.")


@contract(
    "direction",
    says="Higher scores are more like the data: the critic's own loss teaches it to score real images above fake ones.",
    mend="the loss is E score(fake) - E score(real) and penalties; swap the signs if they are the other way round.",
)
def critic_direction(case: Case) -> None:
    """Train on patterns and their negatives."""
    part: Any = trained(case)
    given = case.trial.inputs(case)
    optimizer = torch.optim.Adam(part.parameters(), 1e-2, betas=(0.5, 0.9))
    random = generator("conformance", "direction")
    for _ in range(STEPS):
        optimizer.zero_grad()
        part.loss(given["real"], given["fake"], random).backward()
        optimizer.step()
    gap = float((part.eval()(given["real"]).mean() - part(given["fake"]).mean()).detach())
    expect(gap > 0, f"After {STEPS} steps of its own loss, real images score {gap:.3g} above fake ones.")


# ---------------------------------------------------------------------------------------------------------- classifiers


class ClassifierTrial(Trial):
    """Images -> logits and features."""

    def ready(self, case: Case, part: Any, seed: int) -> Any:
        """Train on the patterns."""
        part.fit(samples.split(case.shape), generator("fit", seed))
        return part

    def inputs(self, case: Case) -> Tensors:
        """Images."""
        return {"x": images(case)}

    def per_image(self, case: Case, part: Any, inputs: Tensors) -> Tensors:  # noqa: ARG002
        """Logits of each label, and features."""
        logits = {f"logits of {label}": value for label, value in part(inputs["x"]).items()}
        return {**logits, "features": part.features(inputs["x"])}


@contract(
    "shape",
    says="A classifier gives logits [n, classes] for each label it knows, and features [n, features], float32.",
    mend="build one head for each label with classes[label] outputs, and flatten the features.",
)
def classifier_shape(case: Case) -> None:
    """Logits and features."""
    part = case.ready()
    logits = part(images(case))
    expect(len(logits) > 0, "It knows no label.")
    for label, value in logits.items():
        expect(label in samples.CLASSES, f"It knows a label {label!r}, which the data set does not have.")
        expect_shape(f"The logits of {label}", value, (IMAGES, samples.CLASSES[label]))
    features = part.features(images(case))
    expect(features.ndim == 2, f"The features have shape {list(features.shape)}.")
    expect_shape("The features", features, (IMAGES, features.shape[1]))


@contract(
    "gradient",
    says="The logits have a gradient to the images: codecs are trained through the classifier.",
    mend="do not use torch.no_grad() or detach() in forward.",
)
def classifier_gradient(case: Case) -> None:
    """From one label's logits to x."""
    x = images(case).requires_grad_(True)
    value = next(iter(case.ready()(x).values()))
    expect(value.requires_grad, "The logits have no gradient.")
    (value * weights(value)).sum().backward()
    expect(x.grad is not None and bool((x.grad != 0).any()), "The gradient to the images is 0.")


TRIALS = {"critic": CriticTrial(), "classifier": ClassifierTrial()}
CHECKS = {
    "critic": (*shared.MODULES, critic_shape, critic_gradient, critic_direction),
    "classifier": (*shared.MODULES, classifier_shape, classifier_gradient),
}

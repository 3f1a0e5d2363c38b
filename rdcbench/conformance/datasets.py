"""Data sets: three disjoint splits that are the same each time."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from rdcbench.conformance import shared
from rdcbench.conformance.case import Case, Tensors, Trial
from rdcbench.conformance.contract import NotJudged, contract, expect
from rdcbench.datafiles import data_folder
from rdcbench.errors import DataError
from rdcbench.records import Split

SPLITS = ("train", "validation", "test")
SHARE = 0.01
"""Share of equal images in two splits that real data have by chance."""


class DatasetTrial(Trial):
    """Nothing but its options."""

    def given(self, case: Case) -> dict[str, Any]:  # noqa: ARG002
        """A data set is given nothing."""
        return {}

    def inputs(self, case: Case) -> Tensors:  # noqa: ARG002
        """A data set is called with names."""
        return {}


def _split(case: Case, name: str) -> Split:
    """One split, loaded once for all contracts that only look at it."""
    split: Split = case.once(name, lambda: _load(case, name))
    return split


def _load(case: Case, name: str) -> Split:
    """One split from the data folder; not judged where its files are not there."""
    dataset = case.ready()
    folder = data_folder(None)
    try:
        dataset.fetch(folder, True)
        split: Split = dataset.load(folder, name)
    except DataError as error:
        raise NotJudged(f"its files are not here: {error}") from error
    return split


@contract(
    "shape",
    says="A split holds uint8 images [N, *image_shape] and int64 labels [N], named as in `classes`.",
    mend="store bytes 0..255 and labels by name; the harness makes them float.",
)
def shape(case: Case) -> None:
    """All three splits."""
    dataset = case.ready()
    for name in SPLITS:
        split = _split(case, name)
        expect(len(split) > 0, f"{name} has no image.")
        expect(split.name == name, f"{name} calls itself {split.name!r}.")
        expect(split.images.dtype == torch.uint8, f"The images of {name} are {split.images.dtype}, not torch.uint8.")
        expect(
            tuple(split.images.shape[1:]) == tuple(dataset.image_shape),
            f"The images of {name} have shape {list(split.images.shape[1:])}, declared is {list(dataset.image_shape)}.",
        )
        expect(
            set(split.labels) == set(dataset.classes),
            f"{name} has the labels {sorted(split.labels)}, declared are {sorted(dataset.classes)}.",
        )
        for label, values in split.labels.items():
            expect(values.dtype == torch.int64, f"The label {label} of {name} is {values.dtype}, not torch.int64.")
            expect(tuple(values.shape) == (len(split),), f"The label {label} of {name} has shape {list(values.shape)}.")


@contract(
    "classes",
    says="Labels lie in 0..classes-1, and the training split has every class.",
    mend="state the true number of classes, and count labels from 0.",
)
def classes(case: Case) -> None:
    """The range of each label."""
    dataset = case.ready()
    for name in SPLITS:
        for label, values in _split(case, name).labels.items():
            low, high, count = int(values.min()), int(values.max()), dataset.classes[label]
            expect(
                low >= 0 and high < count, f"The label {label} of {name} lies in {low}..{high}; classes says {count}."
            )
            seen = len(values.unique())
            expect(name != "train" or seen == count, f"train has {seen} classes of {label}; classes says {count}.")


@contract(
    "disjoint",
    says="No image stands in two splits: what is measured was not trained on.",
    mend="deal out the images once, by a fixed shuffle, and hold out ranges of it.",
)
def disjoint(case: Case) -> None:
    """Equal bytes in two splits, and images twice in one."""
    found = {}
    for name in SPLITS:
        images = _split(case, name).images
        found[name] = {image.tobytes() for image in images.numpy()}
    for first, second in (("test", "train"), ("validation", "train"), ("test", "validation")):
        share = len(found[first] & found[second]) / len(found[first])
        expect(share <= SHARE, f"{share:.0%} of the images of {first} stand in {second} too.")


@contract(
    "same again",
    says="A split is the same each time, whatever was done with an earlier copy of it.",
    mend="give each call tensors of its own, and shuffle by rdcbench.generator or seed_of.",
)
def same_again(case: Case) -> None:
    """Load, spoil, load again under another global seed."""
    for name in SPLITS:
        first = _load(case, name)
        images = first.images.clone()
        labels = {label: values.clone() for label, values in first.labels.items()}
        first.images.zero_()
        for values in first.labels.values():
            values.zero_()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            again = _load(case, name)
        expect(torch.equal(images, again.images), f"{name} has other images the second time.")
        equal = all(torch.equal(values, again.labels[label]) for label, values in labels.items())
        expect(equal, f"{name} has other labels the second time.")


@contract(
    "own randomness",
    says="A part draws from rdcbench.generator, never from a global one.",
    mend="pass generator=rdcbench.generator(...) to torch.randperm and its like.",
)
def own_randomness(case: Case) -> None:
    """The global generators before and after loading."""
    with torch.random.fork_rng(devices=[]):
        before = torch.random.get_rng_state(), repr(np.random.get_state(legacy=False)), random.getstate()
        for name in SPLITS:
            _load(case, name)
        after = torch.random.get_rng_state(), repr(np.random.get_state(legacy=False)), random.getstate()
    expect(torch.equal(before[0], after[0]) and before[1:] == after[1:], "A global generator was used.")


@contract(
    "digest",
    says="The digest identifies the very images: it is not empty, and equal options have equal digests.",
    mend="give the raw files' MD5 digests in files(), or override digest().",
)
def digest(case: Case) -> None:
    """Of two data sets built alike."""
    first, second = case.build().digest(), case.build().digest()
    expect(isinstance(first, str) and first, f"The digest is {first!r}.")
    expect(first == second, f"It is {first!r} once and {second!r} once.")


TRIALS = {"dataset": DatasetTrial()}
CHECKS = {"dataset": (*shared.COMMON, shape, classes, disjoint, same_again, own_randomness, digest)}

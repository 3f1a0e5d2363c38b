"""The paper's classifier, written fast, is the paper's classifier."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rdcbench import Split
from rdcbench_mnist.classifiers import PaperClassifier

CLASSES = {"digit": 10, "parity": 2}


def _plain_logits(net: PaperClassifier, x: torch.Tensor) -> torch.Tensor:
    maps = F.max_pool2d(F.relu(net.first(x)), 2)
    maps = F.max_pool2d(F.relu(net.second(maps)), 2)
    logits: torch.Tensor = net.heads["digit"](F.relu(net.hidden(maps.flatten(1))))
    return logits


def test_equals_the_plain_layers() -> None:
    net = PaperClassifier((1, 28, 28), CLASSES).double()
    x = torch.rand(5, 1, 28, 28, dtype=torch.float64)
    torch.testing.assert_close(net(x)["digit"], _plain_logits(net, x))


def test_has_the_layers_of_the_paper() -> None:
    net = PaperClassifier((1, 28, 28), CLASSES)
    shapes = {name: tuple(parameter.shape) for name, parameter in net.named_parameters() if name.endswith("weight")}
    assert shapes == {
        "first.weight": (10, 1, 5, 5),
        "second.weight": (10, 10, 5, 5),
        "hidden.weight": (100, 160),
        "heads.digit.weight": (10, 100),
    }


def test_learns_each_of_its_labels() -> None:
    rng = torch.Generator().manual_seed(0)
    digit = torch.randint(0, 10, (600,), generator=rng)
    images = torch.zeros(600, 1, 8, 8, dtype=torch.uint8)
    images[torch.arange(600), 0, digit // 3 * 2, digit % 3 * 2] = 255
    split = Split("train", images, {"digit": digit, "parity": digit % 2})
    net = PaperClassifier((1, 8, 8), CLASSES, labels=("digit", "parity"), kernel=2, epochs=60)
    net.fit(split, torch.Generator().manual_seed(1))
    logits = net(split.batch(torch.arange(600)).x)
    assert {
        name: bool((value.argmax(1) == split.labels[name]).float().mean() > 0.9) for name, value in logits.items()
    } == {
        "digit": True,
        "parity": True,
    }


def test_refuses_images_that_two_pools_leave_nothing_of() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        PaperClassifier((1, 8, 8), CLASSES, kernel=5)


def test_is_a_module_whose_weights_load_again() -> None:
    net, other = (PaperClassifier((1, 28, 28), CLASSES) for _ in range(2))
    other.load_state_dict(net.state_dict())
    x = torch.rand(2, 1, 28, 28)
    assert isinstance(net, nn.Module)
    torch.testing.assert_close(net(x), other(x))

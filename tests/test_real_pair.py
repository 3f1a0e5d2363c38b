from __future__ import annotations

import pytest
import tiny_plugin as tiny
import torch

from rdcbench.real_pair import FEWEST, between_real
from rdcbench.records import Measurement, Split

TEST = tiny.Images().load(None, "test")


class Watcher(tiny.MeanImageJudge):
    """A judge that keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__(tiny.SHAPE)
        self.shown = []

    def measure(self, test, train):
        self.shown.append((test, train(10), train(10_000)))
        return {"mean_distance": Measurement(0.0, (test.x_hat - test.x).flatten(1).mean(1).double().numpy())}


def names(x):
    return {image.numpy().tobytes() for image in x}


def test_a_judge_is_shown_two_halves_of_the_test_images_once(train_split):
    judge = Watcher()
    first, second = (between_real(judge, TEST, lambda: train_split, "cpu") for _ in range(2))
    assert first is second, "what was measured holds for every row"
    [(pair, few, all_of_them)] = judge.shown
    assert len(pair) == len(TEST) // 2
    whole = TEST.batch(torch.arange(len(TEST)))
    assert names(pair.x) | names(pair.x_hat) == names(whole.x)
    assert not names(pair.x) & names(pair.x_hat)
    assert (len(few), len(all_of_them)) == (10, len(train_split) // 2)
    by_image = {
        image.numpy().tobytes(): int(label) for image, label in zip(whole.x, whole.labels["digit"], strict=True)
    }
    assert [by_image[image.numpy().tobytes()] for image in pair.x_hat] == pair.labels["digit"].tolist()


def test_other_test_images_are_asked_anew(train_split):
    judge = Watcher()
    between_real(judge, TEST, lambda: train_split, "cpu")
    between_real(judge, Split("test", 255 - TEST.images, TEST.labels), lambda: train_split, "cpu")
    assert len(judge.shown) == 2


@pytest.mark.parametrize(("images", "asked"), [(FEWEST - 1, 0), (FEWEST, 1)])
def test_few_images_have_no_halves(train_split, images, asked):
    judge = Watcher()
    few = Split("test", TEST.images[:images], {name: label[:images] for name, label in TEST.labels.items()})
    assert len(between_real(judge, few, lambda: train_split, "cpu")) == asked

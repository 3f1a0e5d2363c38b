"""What it takes to evaluate one row: all of it, and each judge alone.

    pytest benchmarks/speed/test_judging.py --benchmark-only

The codecs and judges are hardly trained: that changes their numbers, not their time. The warm-up round is the first row
of a worker, which also measures what real images have; the others are those that follow it.
"""

import pytest
import torch
from subjects import fitted, job, judges, mnist, registry, split

from rdcbench.evaluate import decode_directly, evaluate
from rdcbench.records import Decoded

ROWS = {"dense decoder": ("rdc", {"classification": 0.0}), "convolutional decoder": ("rdp-zero", {"perception": 0.0})}
METRICS = ("mse", "psnr", "ssim", "sharpness", "classifier", "own-critic")
JUDGES = ("classifier-judge", "sliced-w2", "fresh-critic", "memorisation")


@pytest.fixture(scope="module")
def all_judges():
    return judges()


@pytest.fixture(scope="module")
def metrics():
    """The metrics of mnist-universal, with an untrained classifier and critic."""
    given = {"image_shape": mnist().image_shape, "classes": mnist().classes, "tradeoff": {}}
    given["classifier"] = registry().build("classifier", "paper", {}, given)
    given["critic"] = registry().build("critic", "conv", {}, given)
    return [registry().build("metric", name, {}, given) for name in METRICS]


@pytest.mark.parametrize("row", ROWS)
def test_row(benchmark, row, metrics, all_judges, tmp_path):
    codec = fitted(job(*ROWS[row]))
    path = tmp_path / "row.rdc"

    def whole():
        return evaluate(codec, split("test"), lambda: split("train"), metrics, all_judges, path, path.write_bytes, {})

    benchmark.pedantic(whole, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("name", JUDGES)
def test_judge(benchmark, name, all_judges):
    codec, test = fitted(job("rdc", {"classification": 0.0})), split("test")
    batch = test.batch(torch.arange(len(test)))
    with torch.no_grad():
        x_hat = codec(batch.x, codec.context(batch.index, "test"))
    decoded = Decoded(batch.x, x_hat, batch.labels, torch.zeros(len(test)))
    learned = {}

    def train(images):
        if images not in learned:
            learned[images] = decode_directly(codec, split("train"), {}, "cpu", images)
        return learned[images]

    benchmark.pedantic(all_judges[f"judge:{name}"].measure, args=(decoded, train), rounds=3, warmup_rounds=1)

"""What a checkpoint costs a training of the default preset: one write, and its share of the interval between two."""

import pytest
from subjects import job, task

from rdcbench import train
from rdcbench.checkpoints import Checkpoint
from rdcbench.store import Store


class Kept(Checkpoint):
    """A checkpoint that is written when asked for, and remembers of what."""

    state = None

    def keep(self, _, state):
        self.state = state


@pytest.mark.parametrize("study", ["rdpc", "rdp-base"])
def test_checkpoint(benchmark, study, tmp_path):
    point = {"rdpc": {"perception": 0.015, "classification": 0.0}, "rdp-base": {"perception": 0.015}}[study]
    asked = job(study, point, {"training.steps": 2})
    training = task(asked)
    training.checkpoint = kept = Kept(Store(tmp_path), "key", 60.0, "cpu")
    train.fit(training)
    always = Checkpoint(Store(tmp_path), "key", 1e-9, "cpu")
    benchmark.pedantic(always.keep, args=(2, kept.state), rounds=7, warmup_rounds=1)
    if benchmark.stats:
        interval = asked.training.checkpoint_seconds
        benchmark.extra_info["share of training"] = round(benchmark.stats.stats.median / interval, 5)
    assert (tmp_path / "checkpoints/key.safetensors").is_file()

"""Captured iterations, tried on the processor: a replayed training is the plain one bit for bit, or is refused.

No GPU ran these: a recorder repeats operations under the rules of a CUDA graph, and what would run on a GPU is laid out
there without computing, on torch's fake tensors. The last test needs a GPU and is left out where there is none.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import tiny_plugin as tiny
import torch
from recorder import OnFakeGpu, Recorder
from tiny_runs import prints

from rdcbench import estimate, registry, train
from rdcbench.benchmarks import find_recipe
from rdcbench.building import Settings
from rdcbench.graphs import WARM_UP, CudaGraph, GraphError
from rdcbench.loading import load_recipe
from rdcbench.plan import make_plan
from rdcbench.rng import generator
from rdcbench.train import fit

FULL = {"perception": 0.01, "classification": 0.01}
STEPS = WARM_UP + 3


@pytest.fixture(autouse=True)
def _no_replays_yet(monkeypatch):
    monkeypatch.setattr(Recorder, "replays", 0)


@pytest.mark.parametrize("terms", [{}, FULL], ids=["without critic", "with critic"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"critic_batches": "alternate", "critic_steps": 3},
        {"schedule": "one-cycle", "critic_schedule": "one-cycle", "average": 0.9},
        {"anneal": {"perception": (0.1, 0.5)}},
        {"trains": ("decoder",)},
    ],
    ids=lambda changes: " ".join(changes) or "plain",
)
def test_a_replayed_training_is_the_plain_one(make_task, terms, changes):
    plain, replayed = make_task(terms, **changes), make_task(terms, graph=Recorder, **changes)
    assert fit(plain) == fit(replayed)
    assert Recorder.replays == plain.training.steps - WARM_UP
    assert prints(plain) == prints(replayed)


def test_each_tradeoff_has_a_graph_of_its_own(make_task):
    tradeoffs = [FULL, {"perception": 0.03, "classification": 0.02}]
    plain, replayed = (make_task(FULL, tradeoffs=tradeoffs, graph=graph) for graph in (None, Recorder))
    assert fit(plain) == fit(replayed)
    assert Recorder.replays == plain.training.steps - 2 * WARM_UP
    assert prints(plain) == prints(replayed)


def test_a_number_that_is_not_filled_in_would_be_noticed(make_task, monkeypatch):
    make = train.flat_adam
    monkeypatch.setattr(train, "flat_adam", lambda parameters, rate, betas, replayed: make(parameters, rate, betas))
    plain, replayed = (make_task(schedule="one-cycle", graph=graph) for graph in (None, Recorder))
    assert fit(plain) != fit(replayed)


# ------------------------------------------------------------------------------------------------------------- refusals


class Counting(tiny.NetDecoder):
    """Reads a number of the device in every step."""

    def forward(self, received, context):
        return super().forward(received, context) * (1.0 if float(received.detach().max()) < 9 else 0.0)


class Drawing(tiny.NetDecoder):
    """Draws from a generator of its own in every step."""

    def forward(self, received, context):
        return super().forward(received, context) + 1e-3 * torch.rand(
            len(received), 1, 1, 1, generator=generator("own")
        )


@pytest.mark.parametrize(
    ("decoder", "sentence"),
    [(Counting, "reads a number from the device"), (Drawing, "torch.rand from a generator of its own")],
)
def test_what_a_graph_cannot_repeat_is_refused_by_name(make_task, decoder, sentence):
    plain, replayed = (make_task(steps=STEPS, graph=graph) for graph in (None, Recorder))
    for task in (plain, replayed):
        task.codec.decoder = decoder(tiny.SHAPE, 3)
    fit(plain)
    with pytest.raises(GraphError, match=sentence) as refusal:
        fit(replayed)
    assert "without --cuda-graphs" in str(refusal.value)


# ----------------------------------------------------------------------------------------------- the parts of a benchmark


def kinds_of(benchmark: str) -> list:
    """One job of each kind that trains by gradient, with its plan."""
    plan, settings = make_plan(load_recipe(find_recipe(benchmark)), 1, registry.load()), Settings(Path())
    jobs = [job for job in plan.unique() if "encoder" in job.parts and job.parts["encoder"].name == "mlp"]
    kinds = {estimate._kind(job, settings): job for job in jobs}
    return [pytest.param(plan, job, id=job.name) for job in kinds.values()]


@pytest.mark.parametrize(("plan", "job"), kinds_of("mnist-universal"))
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_studies_of_a_benchmark_can_be_replayed(plan, job, precision, tmp_path):
    job = job.model_copy(update={"training": job.training.model_copy(update={"batch": 8, "precision": precision})})
    plain, replayed = (estimate._task(plan, job, Settings(tmp_path), STEPS) for _ in range(2))
    replayed = replace(replayed, graph=Recorder)
    assert fit(plain) == fit(replayed)
    assert Recorder.replays == STEPS - WARM_UP
    assert prints(plain) == prints(replayed)


@pytest.mark.parametrize(("plan", "job"), kinds_of("mnist-universal"))
def test_no_part_of_a_benchmark_brings_numbers_to_the_gpu_in_a_captured_iteration(plan, job, tmp_path):
    captured, plain = (estimate._task(plan, job, Settings(tmp_path), STEPS) for _ in range(2))
    assert OnFakeGpu(captured, taped=True).copies == []
    assert OnFakeGpu(plain, taped=False).copies != [], "the plain loop does, so they would have been seen"


# ------------------------------------------------------------------------------------------------------------------ CUDA


def test_a_cuda_graph_warms_up_on_a_stream_of_its_own_captures_and_replays(monkeypatch):
    cuda = MagicMock()
    for name in ("CUDAGraph", "Stream", "current_stream", "stream", "graph", "device"):
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    graph, work = CudaGraph("cuda:1"), MagicMock(return_value=({}, torch.zeros(())))
    assert graph.warm_up(work) == graph.capture(work) == work.return_value
    graph.replay()
    assert work.call_count == 2
    names = [name for name, *_ in cuda.mock_calls]
    order = [
        "device().__enter__",
        "stream().__enter__",
        "stream().__exit__",
        "current_stream().wait_stream",
        "graph().__enter__",
    ]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    cuda.device.assert_called_once_with("cuda:1")
    cuda.graph.assert_called_once_with(cuda.CUDAGraph())
    cuda.CUDAGraph().replay.assert_called_once_with()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(("plan", "job"), kinds_of("mnist-universal"))
def test_a_training_replayed_by_cuda_is_the_plain_one_but_for_rounding(plan, job, tmp_path):
    plain, replayed = (estimate._task(plan, job, Settings(tmp_path, device="cuda"), STEPS) for _ in range(2))
    first, second = fit(plain), fit(replace(replayed, graph=partial(CudaGraph, "cuda")))
    assert second == [pytest.approx(record, rel=1e-3) for record in first]

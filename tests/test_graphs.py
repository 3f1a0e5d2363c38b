"""Captured iterations, tried on the processor: a replayed training is the plain one bit for bit, or is refused.

No GPU ran these: a recorder repeats operations under the rules of a CUDA graph, and what would run on a GPU is laid out
there without computing, on torch's fake tensors. The last test needs a GPU and is left out where there is none.
"""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock, call

import pytest
import tiny_plugin as tiny
import torch
from recorder import OnFakeGpu, Recorders
from tiny_runs import prints

from rdcbench import estimate, registry, train
from rdcbench.benchmarks import find_recipe
from rdcbench.building import Settings
from rdcbench.graphs import WARM_UP, CudaGraphs, GraphError, Replayed
from rdcbench.interfaces import Fitted
from rdcbench.loading import load_recipe
from rdcbench.plan import make_plan
from rdcbench.rng import generator
from rdcbench.train import fit

FULL = {"perception": 0.01, "classification": 0.01}
STEPS = WARM_UP + 3


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
    plain, replayed = (make_task(terms, graphs=graphs, **changes) for graphs in (None, Recorders()))
    assert fit(plain) == fit(replayed)
    assert replayed.graphs.replays == plain.training.steps - WARM_UP
    assert prints(plain) == prints(replayed)


def test_each_tradeoff_has_a_graph_of_its_own(make_task):
    tradeoffs = [FULL, {"perception": 0.03, "classification": 0.02}]
    plain, replayed = (make_task(FULL, tradeoffs=tradeoffs, graphs=graphs) for graphs in (None, Recorders()))
    assert fit(plain) == fit(replayed)
    assert replayed.graphs.replays == plain.training.steps - 2 * WARM_UP
    assert prints(plain) == prints(replayed)


def test_a_number_that_is_not_filled_in_would_be_noticed(make_task, monkeypatch):
    make = train.flat_adam
    monkeypatch.setattr(train, "flat_adam", lambda parameters, rate, betas, replayed: make(parameters, rate, betas))
    plain, replayed = (make_task(schedule="one-cycle", graphs=graphs) for graphs in (None, Recorders()))
    assert fit(plain) != fit(replayed)


# ------------------------------------------------------------------------------------------------------------- refusals


class Counting(tiny.NetDecoder):
    """Reads a number of the device in every step."""

    def forward(self, received, context):
        return super().forward(received, context) * (1.0 if float(received.detach().max()) < 9 else 0.0)


class Choosing(tiny.NetDecoder):
    """Asks the device how many rows a mask has, in every step."""

    def forward(self, received, context):
        x_hat = super().forward(received, context)
        return x_hat + x_hat[x_hat > 2].sum()


class Changing(tiny.NetDecoder):
    """Draws from a changed copy of its context in every step."""

    def forward(self, received, context):
        noise = replace(context, draw=context.draw + 1).uniform("noise", 1)
        return super().forward(received, context) + 1e-3 * noise.view(-1, 1, 1, 1)


class Drawing(tiny.NetDecoder):
    """Draws from a generator of its own in every step."""

    def forward(self, received, context):
        return super().forward(received, context) + 1e-3 * torch.rand(
            len(received), 1, 1, 1, generator=generator("own")
        )


@pytest.mark.parametrize(
    ("decoder", "sentence"),
    [
        (Counting, "capturing: aten._local_scalar_dense.: in every step, one of its parts reads a number"),
        (Choosing, "capturing: aten.index.: in every step"),
        (Changing, "draws from a changed copy of its context"),
        (Drawing, "torch.rand from a generator of its own"),
    ],
)
def test_what_a_graph_cannot_repeat_is_refused_by_name(make_task, decoder, sentence):
    plain, replayed = (make_task(steps=STEPS, graphs=graphs) for graphs in (None, Recorders()))
    for task in (plain, replayed):
        task.codec.decoder = decoder(tiny.SHAPE, 3)
    fit(plain)
    with pytest.raises(GraphError, match=sentence) as refusal:
        fit(replayed)
    assert "without --cuda-graphs" in str(refusal.value)


class Failing(Recorders):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def capture(self, work):
        try:
            raise self.error
        finally:
            raise RuntimeError("ending the capture failed too")


def test_the_first_error_of_a_capture_is_told(make_task):
    with pytest.raises(GraphError, match=r"as a graph \(it reads a number\)"):
        fit(make_task(steps=STEPS, graphs=Failing(RuntimeError("it reads a number"))))


def test_too_little_memory_is_told_as_what_it_is(make_task, monkeypatch):
    def full(work):
        raise torch.OutOfMemoryError("CUDA out of memory")

    graphs = Recorders()
    monkeypatch.setattr(graphs, "capture", full)
    with pytest.raises(torch.OutOfMemoryError):
        fit(make_task(steps=STEPS, graphs=graphs))


def test_graphs_go_with_the_training_that_they_were_made_for(make_task):
    """By reference count: one that the collector destroys while another is captured would spoil that."""
    task, left = make_task(FULL, steps=STEPS), []
    rng, optimizers = generator("x"), train._optimizers(task)
    gc.disable()
    try:
        replayed = Replayed(partial(train._iterate, task, optimizers, rng), Recorders(), rng)
        batches = train._batches(task)
        for _ in range(STEPS):
            replayed([train._feed(task, next(batches), FULL, None)], dict.fromkeys(task.terms, 1.0))
        left = [weakref.ref(captured) for captured in replayed._captured.values()]
        del replayed
        assert left
        assert [reference() for reference in left] == [None]
    finally:
        gc.enable()


# ----------------------------------------------------------------------------------------------- the parts of a benchmark


def decoder_of(job) -> type:
    return registry.load().get("decoder", job.parts["decoder"].name).target


def kinds_of(*benchmarks: str) -> dict[str, tuple]:
    """One job of each kind that trains by gradient, with its plan."""
    kinds = {}
    for benchmark in benchmarks:
        plan = make_plan(load_recipe(find_recipe(benchmark)), 1, registry.load())
        jobs = [job for job in plan.unique() if "decoder" in job.trains and not issubclass(decoder_of(job), Fitted)]
        kinds |= {estimate._kind(job, Settings(Path())): (plan, job) for job in jobs}
    return kinds


KINDS = [pytest.param(*kind, id=kind[1].name) for kind in kinds_of("mnist-frontier").values()]


@pytest.mark.parametrize(("plan", "job"), KINDS)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_studies_of_a_benchmark_can_be_replayed(plan, job, precision, tmp_path):
    job = job.model_copy(update={"training": job.training.model_copy(update={"batch": 8, "precision": precision})})
    plain, replayed = (
        replace(estimate._task(plan, job, Settings(tmp_path), STEPS), tradeoffs=[job.tradeoff], graphs=graphs)
        for graphs in (None, Recorders())
    )
    assert fit(plain) == fit(replayed)
    assert replayed.graphs.replays == STEPS - WARM_UP
    assert prints(plain) == prints(replayed)


@pytest.mark.parametrize(("plan", "job"), KINDS)
def test_no_part_of_a_benchmark_moves_numbers_to_or_from_the_gpu_in_a_captured_iteration(plan, job, tmp_path):
    captured, plain = (estimate._task(plan, job, Settings(tmp_path), STEPS) for _ in range(2))
    assert OnFakeGpu(captured, staying=True).copies == []
    assert OnFakeGpu(plain, staying=False).copies != [], "the plain loop does, so they would have been seen"


# ------------------------------------------------------------------------------------------------------------------ CUDA


def test_work_on_a_gpu_warms_up_on_a_stream_of_its_own_and_graphs_share_their_memory(monkeypatch):
    cuda = MagicMock()
    for name in ("CUDAGraph", "Stream", "current_stream", "stream", "graph", "device", "graph_pool_handle"):
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    graphs, work = CudaGraphs("cuda:1"), MagicMock(return_value=({}, torch.zeros(())))
    assert graphs.warm_up(work) == work.return_value
    cuda.stream.assert_called_once_with(cuda.Stream())
    for _ in range(2):
        outputs, replay = graphs.capture(work)
        replay()
        assert outputs == work.return_value
    cuda.device.assert_called_once_with("cuda:1")
    assert cuda.graph.call_args_list == [call(cuda.CUDAGraph(), pool=cuda.graph_pool_handle())] * 2
    assert cuda.CUDAGraph().replay.call_count == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(("plan", "job"), KINDS)
def test_a_training_replayed_by_cuda_is_the_plain_one_but_for_rounding(plan, job, tmp_path):
    plain, replayed = (estimate._task(plan, job, Settings(tmp_path, device="cuda"), STEPS) for _ in range(2))
    first, second = fit(plain), fit(replace(replayed, graphs=CudaGraphs("cuda")))
    assert second == [pytest.approx(record, rel=1e-3) for record in first]

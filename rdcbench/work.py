"""What a worker does with one job: build the parts, train them, keep the weights, evaluate, keep the cell."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rdcbench import codec as codecs
from rdcbench import guards, train
from rdcbench.building import Built, Work, build_codec, build_stage, load_codec, load_split, load_stage, under
from rdcbench.checkpoints import Checkpoint
from rdcbench.errors import RdcbenchError
from rdcbench.evaluate import evaluate
from rdcbench.evaluation import Evaluation
from rdcbench.graphs import CudaGraphs
from rdcbench.interfaces import Fitted, Judge
from rdcbench.jobs import ROLES, SENDER, Job
from rdcbench.plan import active_terms
from rdcbench.provenance import provenance
from rdcbench.recipe import PartSpec
from rdcbench.records import Split
from rdcbench.results import Cell
from rdcbench.rng import generator, seed_of

PROGRESS_SECONDS = 1.0


def perform(work: Work) -> str:
    """Do one job, leave its results in the store, and give back an error sentence or ""."""
    threads = work.job.training.threads if work.job.training else 1
    torch.set_num_threads(threads)
    try:
        if not work.settings.store().has_weights(work.train_key):
            {"codec": _train_codec, "classifier": _train_stage, "judge": _train_stage}[work.job.stage](work)
        if work.job.stage == "codec":
            _evaluate(work)
    except RdcbenchError as error:
        return _failed(work, str(error))
    except Exception as error:  # a stranger's part may raise anything: it costs this row, not the run
        return _failed(work, f"{type(error).__name__}: {error}")
    return ""


def _failed(work: Work, error: str) -> str:
    cell = Cell(key=work.key, train_key=work.train_key, job=work.job, status="failed", error=error)
    work.settings.store().write_cell(cell, {})
    return error


# ------------------------------------------------------------------------------------------------------------- stages


def _train_stage(work: Work) -> None:
    """Train the classifier, or fit a judge, and keep its weights."""
    dataset, split = load_split(work, "train")
    part = build_stage(work.job, dataset, work.settings.registry())
    started = time.monotonic()
    part.fit(split, generator(work.job.stage, work.job.parts[work.job.stage].name, work.job.seed))
    facts = {"train_seconds": time.monotonic() - started}
    work.settings.store().write_weights(work.train_key, part.state_dict(), facts)


# ------------------------------------------------------------------------------------------------------------- codecs


def _train_codec(work: Work) -> None:
    dataset, split = load_split(work, "train")
    classifier = load_stage(work, work.job.inputs["classifier"]) if "classifier" in work.job.inputs else None
    built = build_codec(work.job, dataset, work.settings.registry(), classifier)
    started = time.monotonic()
    checkpoint = _checkpoint(work)
    history: list[dict[str, float]] = []
    before = _take_inputs(work, built)
    if isinstance(built.codec, codecs.Codec):
        history = _train_parts(work, built, split, checkpoint)
    else:
        built.codec.fit(split, generator("fit", work.job.seed))
    frozen = codecs.fingerprint(_frozen_parts(work.job, built)).hex()
    if before != frozen:
        raise RdcbenchError(
            f"{work.job.name}: frozen parts changed in training (fingerprint {before} became {frozen})."
        )
    facts = {
        "train_seconds": time.monotonic() - started + checkpoint.seconds,
        "sender_seed": built.codec.seed,
        "frozen_before": before,
        "frozen_after": frozen,
        "history": history,
        "notes": checkpoint.notes,
    }
    work.settings.store().write_weights(work.train_key, _state(built), facts)
    checkpoint.remove()


def _checkpoint(work: Work) -> Checkpoint:
    interval = work.job.training.checkpoint_seconds if work.job.training else 0.0
    settings = work.settings
    return Checkpoint(settings.store(), work.train_key, interval, settings.device, settings.cuda_graphs)


def _take_inputs(work: Work, built: Built) -> str:
    """Load the roles that come from other jobs, with the sender's key, and fingerprint those that stay frozen."""
    for role in ROLES:
        if role in work.job.inputs:
            tensors, facts = work.settings.store().weights(work.input_keys[work.job.inputs[role]])
            part: Any = built.critic if role == "critic" else getattr(built.codec, role)
            codecs.load_state(part, under(tensors, role))
            if work.job.sender_frozen and role in SENDER:
                built.codec.seed = facts["sender_seed"]
    return codecs.fingerprint(_frozen_parts(work.job, built)).hex()


def _frozen_parts(job: Job, built: Built) -> list[nn.Module]:
    roles = [role for role in (*ROLES[:4],) if role in job.inputs and role not in job.trains]
    return [getattr(built.codec, role) for role in roles]


def _train_parts(work: Work, built: Built, split: Split, checkpoint: Checkpoint) -> list[dict[str, float]]:
    """Fit what is fitted before, train by gradient, then fit the tables and what is fitted after."""
    job, codec = work.job, built.codec
    assert isinstance(codec, codecs.Codec)
    assert job.training is not None
    rng = generator("fit", job.seed)
    for role in ("encoder", "quantizer"):
        if role in job.trains:
            codec.fit_part(role, split, rng)
    by_gradient = [role for role in job.trains if role != "entropy_model" and _has_gradient(built, role)]
    history: list[dict[str, float]] = []
    if any(role != "critic" for role in by_gradient):
        task = train.Task(
            codec=codec.to(work.settings.device),
            objective=work.settings.registry().build("objective", **_named(job.parts["objective"])),
            train=split,
            training=job.training,
            trains=[*by_gradient, *(role for role in job.trains if role == "entropy_model")],
            terms=active_terms(job, work.settings.registry()),
            tradeoffs=job.tradeoffs or [job.tradeoff],
            seed=seed_of("train", job.seed),
            critic=built.critic.to(work.settings.device) if built.critic else None,
            classifier=built.classifier,
            device=work.settings.device,
            progress=_progress(work),
            checkpoint=checkpoint,
            graphs=CudaGraphs(work.settings.device) if work.settings.cuda_graphs else None,
        )
        history = train.fit(task)
    for role in ("entropy_model", "decoder"):
        if role in job.trains:
            codec.fit_part(role, split, rng)
    if "entropy_model" in job.trains:
        guards.check_tables(codec, split)
    return history


def _has_gradient(built: Built, role: str) -> bool:
    part = built.critic if role == "critic" else getattr(built.codec, role)
    return part is not None and not isinstance(part, Fitted) and any(True for _ in part.parameters())


def _state(built: Built) -> dict[str, torch.Tensor]:
    state = dict(built.codec.state_dict())
    if built.critic is not None:
        state |= {f"critic.{name}": tensor for name, tensor in built.critic.state_dict().items()}
    return state


def _evaluate(work: Work) -> None:
    """Evaluate the trained codec on the test split and write its cell."""
    store, parts, job = work.settings.store(), work.settings.registry(), work.job
    built = load_codec(work)
    dataset, test = load_split(work, "test")
    given: dict[str, Any] = {"classifier": built.classifier, "critic": built.critic, "classes": dataset.classes}
    given["image_shape"] = dataset.image_shape
    metrics = [parts.build("metric", spec.name, spec.options, given) for spec in job.metrics]
    judges: dict[str, Judge] = {name: load_stage(work, name) for name in job.judges}
    guards.check_apart(judges, {"classifier": built.classifier, "critic": built.critic, "codec": built.codec})
    name = f"streams/{work.key}.rdc"
    result: Evaluation = evaluate(
        built.codec,
        test,
        lambda: load_split(work, "train")[1],
        metrics,
        judges,
        store.path(name),
        lambda data: store.write(name, data, share=True),
        job.tradeoff,
        work.settings.device,
    )
    cell = Cell(
        key=work.key,
        train_key=work.train_key,
        job=job,
        values=result.values,
        fields=result.fields,
        costs={**result.costs, "train_seconds": built.facts["train_seconds"]},
        fingerprints={
            "sender": codecs.sender_fingerprint(built.codec).hex(),
            "frozen_before": built.facts["frozen_before"],
            "frozen_after": built.facts["frozen_after"],
        },
        history=built.facts["history"],
        data_digest=work.job.data_digest,
        provenance={**provenance(work.settings.device), "notes": built.facts["notes"]},
    )
    store.write_cell(cell, result.arrays)


# -------------------------------------------------------------------------------------------------------------- pieces


def _named(spec: PartSpec) -> dict[str, Any]:
    return {"name": spec.name, "options": spec.options}


def _progress(work: Work) -> Any:
    """Write the job's progress now and then, for whoever watches."""
    last = -math.inf
    steps = work.job.training.steps if work.job.training else 0

    def note(step: int, terms: Mapping[str, float]) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            text = json.dumps({"job": work.job.name, "step": step, "steps": steps, "terms": dict(terms)})
            work.settings.store().write(f"progress/{work.key}.json", text.encode())

    return note

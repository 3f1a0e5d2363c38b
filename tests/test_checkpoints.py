"""A killed training goes on to the very weights that it would have had, or starts over; never something in between."""

from __future__ import annotations

import json

import pytest
import tiny_plugin as tiny
import torch

from rdcbench import checkpoints, train
from rdcbench.building import load_codec
from rdcbench.checkpoints import Checkpoint
from rdcbench.codec import fingerprint
from rdcbench.errors import StoreError
from rdcbench.precision import in_bfloat16
from rdcbench.recipe import Training
from rdcbench.rng import generator
from rdcbench.store import Store
from rdcbench.train import Task, fit
from rdcbench.work import perform

FULL = {"perception": 0.01, "classification": 0.01}
ALWAYS = 1e-9
"""Seconds: a checkpoint after each step."""
KEY = "some-key"
FILE = f"checkpoints/{KEY}.safetensors"


class Killed(BaseException):
    """A kill: nothing handles it."""


@pytest.fixture
def make_task(make_codec, train_split, tmp_path):
    """Make a training of the tiny codec with a checkpoint in a folder of its own."""

    def make(tradeoff, kill_at=None, trains=("encoder", "decoder"), interval=ALWAYS, **training):
        settings = {"steps": 30, "batch": 16, "learning_rate": 0.02, "average": 0.9, **training}
        objective = tiny.Weighted()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            critic = tiny.NetCritic(tiny.SHAPE) if "perception" in tradeoff else None
            classifier = tiny.LinearClassifier(tiny.SHAPE, tiny.CLASSES)

        def progress(step, _):
            if step == kill_at:
                raise Killed

        codec = make_codec()
        if settings.get("precision") == "bf16":
            parts = {"encoder": codec.encoder, "decoder": codec.decoder, "critic": critic}
            for kind, part in parts.items():
                part.__class__ = in_bfloat16(kind, type(part))
        return Task(
            codec=codec,
            objective=objective,
            train=train_split,
            training=Training(**settings),
            trains=[*trains, *(["critic"] if critic else [])],
            terms={name: objective.terms[name] for name in ("distortion", *tradeoff)},
            tradeoffs=[tradeoff, {name: 2 * weight for name, weight in tradeoff.items()}],
            seed=5,
            critic=critic,
            classifier=classifier,
            progress=progress,
            checkpoint=Checkpoint(Store(tmp_path), KEY, interval, "cpu") if interval is not None else None,
        )

    return make


def result(task: Task) -> tuple:
    """Weights and learning curve of a training."""
    history = fit(task)
    modules = [task.codec, *([task.critic] if task.critic else [])]
    return fingerprint(modules), history


def kill(task: Task) -> None:
    with pytest.raises(Killed):
        fit(task)


def flip(path, byte=-9) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)


# ---------------------------------------------------------------------------------------------------- not a number moves


@pytest.mark.parametrize("interval", [0.0, ALWAYS, 60.0])
def test_the_interval_changes_no_number(make_task, interval):
    assert result(make_task(FULL, interval=interval)) == result(make_task(FULL, interval=None))


LOOPS = {
    "no critic": {"tradeoff": {"classification": 0.01}},
    "critic on the same batches": {"tradeoff": FULL},
    "critic on batches of its own": {"tradeoff": FULL, "critic_batches": "alternate"},
    "two critic steps": {"tradeoff": FULL, "critic_steps": 2},
    "two critic steps on batches of their own": {"tradeoff": FULL, "critic_steps": 2, "critic_batches": "alternate"},
    "a frozen encoder": {"tradeoff": FULL, "trains": ("decoder",)},
    "no average, one-cycle critic": {"tradeoff": FULL, "average": 0.0, "critic_schedule": "one-cycle"},
    "annealed": {"tradeoff": FULL, "anneal": {"perception": (0.5, 0.9)}, "schedule": "step"},
    "in bfloat16": {"tradeoff": FULL, "precision": "bf16"},
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kill_at", [1, 8, 29])
def test_a_killed_training_goes_on_to_the_very_same_weights(make_task, loop, kill_at):
    """An epoch has six batches, so that the kills fall into the middle of the first, a later and the last one."""
    whole = result(make_task(**LOOPS[loop], interval=None))
    kill(make_task(**LOOPS[loop], kill_at=kill_at))
    rest = make_task(**LOOPS[loop])
    assert result(rest) == whole
    assert rest.checkpoint.notes == [f"went on from step {kill_at}"]


def test_a_training_may_be_killed_again_and_again(make_task):
    whole = result(make_task(FULL, interval=None))
    for step in (3, 4, 17, 25):
        kill(make_task(FULL, kill_at=step))
    rest = make_task(FULL)
    assert result(rest) == whole
    assert rest.checkpoint.notes == [f"went on from step {step}" for step in (3, 4, 17, 25)]


def test_only_the_steps_since_the_last_checkpoint_are_done_again(make_task, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: next(clock))
    kill(make_task(FULL, kill_at=20, interval=30.0))
    rest = make_task(FULL, interval=30.0)
    result(rest)
    (note,) = rest.checkpoint.notes
    assert 10 <= int(note.split()[-1]) <= 20
    assert rest.checkpoint.seconds >= 30


def test_without_an_interval_nothing_is_written(make_task, tmp_path):
    fit(make_task(FULL, interval=0.0))
    assert not (tmp_path / FILE).exists()


# ------------------------------------------------------------------------------------------------------------- damage

DAMAGES = {
    "a flipped bit in the tensors": flip,
    "a flipped bit in the facts": lambda path: flip(path, path.read_bytes().index(b"history")),
    "a truncated file": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "an empty file": lambda path: path.write_bytes(b""),
    "another kind of file": lambda path: path.write_bytes(b"import os\n" * 100),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_training_starts_over(make_task, tmp_path, damage):
    whole = result(make_task(FULL, interval=None))
    kill(make_task(FULL, kill_at=8))
    DAMAGES[damage](tmp_path / FILE)
    again = make_task(FULL, interval=0.0)
    assert result(again) == whole
    (note,) = again.checkpoint.notes
    assert note.startswith(f"{FILE} was not used, the training started over: ")
    assert "is damaged" in note
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("change", ["key", "device", "versions"])
def test_a_foreign_checkpoint_is_named_and_the_training_starts_over(make_task, tmp_path, monkeypatch, change):
    whole = result(make_task(FULL, interval=None))
    kill(make_task(FULL, kill_at=8))
    if change == "versions":
        made = checkpoints.provenance("cpu")
        monkeypatch.setattr(checkpoints, "provenance", lambda _: {**made, "versions": {"torch": "0.1"}})
    key, device = {"key": ("other", "cpu"), "device": (KEY, "cuda")}.get(change, (KEY, "cpu"))
    if change == "key":
        (tmp_path / FILE).rename(tmp_path / "checkpoints/other.safetensors")
    again = make_task(FULL)
    again.checkpoint = Checkpoint(Store(tmp_path), key, 0.0, device)
    assert result(again) == whole
    assert "it is of another job, machine, device or version of a library" in again.checkpoint.notes[0]


def test_a_checkpoint_of_other_parts_changes_nothing(make_task):
    one = make_task({"classification": 0.01}, kill_at=8)
    kill(one)
    again = make_task(FULL)
    assert result(again) == result(make_task(FULL, interval=None))
    assert "it holds other parts" in again.checkpoint.notes[0]


def test_a_checkpoint_that_cannot_be_written_costs_nothing_but_a_note(make_task, monkeypatch):
    def full(*_, **__):
        raise StoreError("no space left")

    monkeypatch.setattr(Store, "write_tensors", full)
    task = make_task(FULL, steps=3)
    assert result(task) == result(make_task(FULL, interval=None, steps=3))
    assert task.checkpoint.notes == [f"no checkpoint at step {step}: no space left" for step in (1, 2, 3)]


# ---------------------------------------------------------------------------------------------------------- whole jobs

BASE = "rdc/tiny-end/classification=0.01/seed0"


def test_a_killed_job_leaves_the_cell_of_an_uninterrupted_one(item, monkeypatch, tmp_path):
    plain, always = item(BASE), Training.model_fields["checkpoint_seconds"].default
    assert always == 60.0
    job = plain.job.model_copy(
        update={"training": plain.job.training.model_copy(update={"checkpoint_seconds": ALWAYS})}
    )
    assert perform(plain) == ""
    store = plain.settings.store()
    expected, weights = store.cell(plain.key), fingerprint([load_codec(plain).codec])
    assert "went on" not in str(expected.provenance["notes"])
    for folder in ("cells", "weights"):
        for path in (tmp_path / folder).glob(f"*{plain.train_key if folder == 'weights' else plain.key}*"):
            path.unlink()

    work = type(plain)(job, plain.train_key, plain.key, plain.input_keys, plain.input_jobs, plain.settings)
    record, calls = train._record, []

    def deadly(*arguments):
        calls.append(1)
        if len(calls) == 7:
            raise Killed
        record(*arguments)

    monkeypatch.setattr(train, "_record", deadly)
    with pytest.raises(Killed):
        perform(work)
    kept = store.path(f"checkpoints/{work.train_key}.safetensors")
    assert kept.is_file()
    _, facts = store.tensors(f"checkpoints/{work.train_key}.safetensors")
    assert (facts["steps"], [record["step"] for record in facts["history"]]) == (6, list(map(float, range(6))))
    assert perform(work) == ""
    assert len(calls) == 7 + 6, "six steps were left"
    assert not kept.exists()
    cell = store.cell(work.key)
    assert cell.provenance["notes"] == ["went on from step 6"]
    assert fingerprint([load_codec(work).codec]) == weights
    assert json.dumps(cell.model_dump(include={"values", "history", "fingerprints"})) == json.dumps(
        expected.model_dump(include={"values", "history", "fingerprints"})
    )


def test_a_generator_of_the_tests_is_not_the_trainings(make_task):
    """Restoring puts back generators by state, not by seed: a fresh generator of the same name is elsewhere."""
    task = make_task(FULL, kill_at=8)
    kill(task)
    tensors, _ = task.checkpoint._store.tensors(FILE)
    assert not torch.equal(tensors["generator/tradeoff"], generator("tradeoff", 5).get_state())

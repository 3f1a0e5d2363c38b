"""`rdcbench reproduce`: decode the streams of a bundle again with its weights, and measure again."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rdcbench import building
from rdcbench.bundle.archive import MANIFEST, Manifest
from rdcbench.bundle.receiving import import_bundle
from rdcbench.bundle.streams import Received, digest_of_symbols, done_codecs, receive
from rdcbench.codec import INFERENCE_BATCH
from rdcbench.datafiles import data_folder
from rdcbench.errors import DataError, RdcbenchError, StoreError
from rdcbench.evaluate import RATE_FIELDS, decode_directly
from rdcbench.evaluation import Evaluation
from rdcbench.interfaces import Metric
from rdcbench.jobs import Job
from rdcbench.recipe import digest_of
from rdcbench.records import Decoded, Measurement
from rdcbench.results import Cell
from rdcbench.store import Store

TOLERANCE = 1e-4
"""What a number may differ by on another machine: absolutely, or as a share of a number beyond 1."""


@dataclass(frozen=True)
class Difference:
    """One number of a row that did not come back."""

    name: str
    claimed: float
    found: float


@dataclass
class Outcome:
    """What became of one row.

    symbols: whether they are those that were sent, bit for bit; None for a codec that does not show them.
    checked: names of the fields that were measured again; largest: the largest difference among them, in the units
    of TOLERANCE; error: why the row could not be reproduced at all.
    """

    job: str
    symbols: bool | None = None
    checked: list[str] = field(default_factory=list)
    largest: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all of it came back."""
        return not self.error and self.symbols is not False and not self.differences


def reproduce(
    bundle: Path,
    data_dir: Path | None = None,
    offline: bool = False,
    plugin_files: Sequence[Path] = (),
    only: Sequence[str] = (),
) -> Iterator[Outcome]:
    """Decode and measure every row of a bundle (a file, or the folder that it was imported to), one after the other.

    only: studies; all if none is named.

    Raises
    ------
    StoreError, DataError: the bundle is refused, or its data set is not here or is another one.
    """
    with _folder(bundle) as (store, manifest):
        plan = store.plan()
        jobs = [job for job in done_codecs(store, plan) if not only or job.name.split("/")[0] in only] if plan else []
        if plan is None or not jobs:
            raise StoreError(f"{bundle} holds no finished row{' of ' + ', '.join(only) if only else ''}.")
        settings = building.Settings(
            store.root, data_dir=data_dir, offline=offline, plugin_files=tuple(path.resolve() for path in plugin_files)
        )
        for spec in {job.dataset.model_dump_json(): job for job in jobs}.values():
            _bring(spec, settings)
        for job in jobs:
            yield _again(building.work_of(plan, job, settings), manifest)


@contextmanager
def _folder(bundle: Path) -> Iterator[tuple[Store, Manifest]]:
    """The run folder of a bundle: a temporary one for a file."""
    if bundle.is_dir():
        path = bundle / MANIFEST
        if not path.is_file():
            raise StoreError(f"{bundle} has no {MANIFEST}: give a bundle, or the folder that one was imported to.")
        yield Store(bundle).open(), Manifest.model_validate_json(path.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix="rdcbench-") as folder:
        manifest = import_bundle(bundle, Path(folder) / "run")
        yield Store(Path(folder) / "run"), manifest


def _bring(job: Job, settings: building.Settings) -> None:
    """Find the data set by its name, and make sure that it has the very images that the rows were measured on."""
    dataset = building.open_dataset(job.dataset, settings)
    dataset.fetch(data_folder(settings.data_dir), settings.offline)
    found = digest_of([job.dataset.model_dump(mode="json"), dataset.digest()])
    if found != job.data_digest:
        raise DataError(
            f"The data set {job.dataset.name!r} here has the digest {found}, the rows were measured on "
            f"{job.data_digest}: these are other images. Give the right ones with --data-dir."
        )


@torch.no_grad()
def _again(work: building.Work, manifest: Manifest) -> Outcome:
    """Reproduce one row; what goes wrong with it is told in its outcome."""
    outcome = Outcome(work.job.name)
    cell = work.settings.store().cell(work.key)
    assert cell is not None
    torch.set_num_threads(work.job.training.threads if work.job.training else 1)
    try:
        built = building.load_codec(work)
        received = receive(work, built.codec)
        if received.symbols is not None:
            outcome.symbols = digest_of_symbols(received.symbols) == manifest.symbols.get(work.key)
        _compare(outcome, cell, _measured(work, built, received))
    except Exception as error:  # a stranger's bundle and parts may raise anything: it costs this row, not the rest
        outcome.error = str(error) if isinstance(error, RdcbenchError) else f"{type(error).__name__}: {error}"
    return outcome


def _measured(work: building.Work, built: building.Built, received: Received) -> Mapping[str, float]:
    """Field -> value, by the metrics and judges of the row."""
    dataset, test = building.load_split(work, "test")
    if (received.stream.split, received.stream.count) != (test.name, len(test)):
        raise StoreError(
            f"The stream holds {received.stream.count} images of the split {received.stream.split!r}; "
            f"the data set has {len(test)} of {test.name!r}."
        )
    batch = test.batch(received.context.index)
    bits = received.bits if received.bits is not None else torch.full((len(test),), math.nan, dtype=torch.float64)
    decoded = Decoded(batch.x, received.images(), batch.labels, bits)
    result = Evaluation()
    _add_rates(result, received, decoded)
    given: dict[str, Any] = {"classifier": built.classifier, "critic": built.critic, "classes": dataset.classes}
    for spec in work.job.metrics:
        made = work.settings.registry().build(
            "metric", spec.name, spec.options, {**given, "image_shape": dataset.image_shape}
        )
        _add_means(result, made, decoded)

    def train(images: int) -> Decoded:
        return decode_directly(built.codec, building.load_split(work, "train")[1], work.job.tradeoff, "cpu", images)

    for name in work.job.judges:
        judge = building.load_stage(work, name)
        with torch.enable_grad():
            seen = judge.measure(decoded, train)
        for key, measured in seen.items():
            result.add(key, judge.fields[key], measured, name, judge.version)
    return {name: value.value for name, value in result.values.items()}


def _add_rates(result: Evaluation, received: Received, decoded: Decoded) -> None:
    """The rates, of the stream and of the symbols in it."""
    coded = 8.0 * sum(map(len, received.stream.payloads)) / len(decoded)
    numbers = {
        "rate_bound": received.codec.rate_bound,
        "rate_coded": coded,
        "bpp": coded / (decoded.x.shape[-1] * decoded.x.shape[-2]),
        "header_bytes": float(received.stream.header_bytes),
    }
    if received.bits is not None:
        numbers["rate_model"] = float(received.bits.mean())
    for name, value in numbers.items():
        result.add(name, RATE_FIELDS[name], Measurement(value), "bitstream", "")


def _add_means(result: Evaluation, metric: Metric, decoded: Decoded) -> None:
    """The mean of a metric over all images."""
    pieces: dict[str, list[Tensor]] = {}
    for start in range(0, len(decoded), INFERENCE_BATCH):
        for name, values in metric.update(decoded.slice(start, start + INFERENCE_BATCH)).items():
            pieces.setdefault(name, []).append(values.detach().double().cpu())
    for name, parts in pieces.items():
        per_image = torch.cat(parts).numpy()
        measured = Measurement(float(per_image.mean()), per_image)
        result.add(name, metric.fields[name], measured, f"metric:{metric.name}", metric.version)


def _compare(outcome: Outcome, cell: Cell, found: Mapping[str, float]) -> None:
    """Hold what was measured against what the row says."""
    for name, claimed in ((name, value.value) for name, value in cell.values.items()):
        if name not in found:
            if name in ("flush_bytes", "rate_model"):
                continue  # the sender's word: bytes do not tell
            outcome.differences.append(Difference(name, claimed, math.nan))
            continue
        outcome.checked.append(name)
        apart = 0.0 if claimed == found[name] else abs(claimed - found[name]) / max(1.0, abs(claimed))
        outcome.largest = max(outcome.largest, apart / TOLERANCE)
        if not apart <= TOLERANCE * (1 + 1e-9):
            outcome.differences.append(Difference(name, claimed, found[name]))

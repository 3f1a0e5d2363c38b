"""Runs that were never trained: rows with known means, noise of known size, and everything else that a store keeps."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rdcbench import stats
from rdcbench.jobs import SENDER, Job, Plan
from rdcbench.recipe import PartSpec, Training
from rdcbench.results import Cell, CellValue, FieldInfo
from rdcbench.store import Store

SHIPPED = Path(__file__).parents[2] / "benchmarks" / "mnist-universal" / "expected.toml"
DISTANCES = frozenset({"perception", "kid", "sliced_w2"})
FACTS = frozenset({"rate_bound", "rate_coded", "flush_bytes", "header_bytes"})
SOURCES = {
    "ce": "metric:classifier", "accuracy": "metric:classifier", "ce_judge": "judge:classifier-judge",
    "accuracy_judge": "judge:classifier-judge", "perception": "judge:classifier-judge",
}  # fmt: skip
BLOCKS = 20


@dataclass
class FakeRun:
    """What a run will say.

    rows: STUDY/PROTOCOL/POINT -> field -> mean over images (and over seeds, which lie `wobble` apart).
    noise: (row or study, field) -> standard deviation over images, drawn anew for each row; `usual` elsewhere, in
    shares of the mean.
    """

    rows: dict[str, dict[str, float]]
    noise: dict[tuple[str, str], float] = field(default_factory=dict)
    wobble: dict[tuple[str, str], float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    references: dict[str, float] = field(default_factory=dict)
    real_pairs: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    fingerprints: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[tuple[str, str], str] = field(default_factory=dict)
    critics: set[str] = field(default_factory=set)
    seeds: int = 1
    images: int = 400
    usual: float = 1e-4

    def add(self, row: str, **changes: float) -> None:
        """Add to fields of a row or of all rows of a study."""
        for name in self.named(row):
            for key, change in changes.items():
                self.rows[name][key] += change

    def put(self, row: str, **values: float) -> None:
        """Set fields of a row or of all rows of a study."""
        for name in self.named(row):
            self.rows[name] |= values

    def named(self, row: str) -> list[str]:
        """A row, or the rows of a study."""
        return [name for name in self.rows if row in (name, study(name))]

    def keep(self, studies: Iterable[str]) -> None:
        """Forget all other studies."""
        wanted = set(studies)
        self.rows = {name: values for name, values in self.rows.items() if study(name) in wanted}

    def write(self, root: Path, claims: str = "") -> Store:
        """Write it down."""
        store = Store(root)
        root.mkdir(parents=True, exist_ok=True)
        (root / "provenance.json").write_text('{"schema_version": 1}')
        (root / "expected.toml").write_text(f"schema_version = 1\n{claims}")
        jobs = [self._job(name, seed) for name in self.rows for seed in range(self.seeds)]
        keys = {job.name: f"{root.name}-{number}" for number, job in enumerate(jobs)}
        for job in jobs:
            if job.name not in self.missing:
                store.write_cell(*self._cell(job, keys[job.name]))
        trained = keys | {"classifier": "c", "judge:classifier-judge": "j"}
        store.write_plan(Plan(jobs=jobs, keys=keys, train_keys=trained, data_digest="d"))
        return store

    def _job(self, name: str, seed: int) -> Job:
        base = BASES.get(study(name), "")
        parts = {"decoder": PartSpec(name="mlp")} | (
            {"critic": PartSpec(name="c")} if study(name) in self.critics else {}
        )
        return Job(
            name=f"{name}/seed{seed}",
            seed=seed,
            dataset=PartSpec(name="d"),
            tradeoff=dict(_weight(one) for one in name.split("/")[2].split(",") if "=" in one),
            parts=parts,
            inputs=dict.fromkeys(SENDER, f"{base}/seed{seed}") if base else {},
            training=Training(steps=self.steps.get(study(name), 100), batch=1, learning_rate=0.1),
        )

    def _cell(self, job: Job, key: str) -> tuple[Cell, dict[str, Any]]:
        generator = np.random.default_rng(zlib.crc32(job.row.encode()))
        fields, values, arrays = {}, {}, {}
        for name, mean in self.rows[job.row].items():
            shift = job.seed - (self.seeds - 1) / 2
            found = mean + shift * self._of(self.wobble, job.row, name, 0.0)
            spread = self._of(self.noise, job.row, name, self.usual * abs(mean))
            measured, given = self._measured(name, found, spread, generator)
            values[name] = measured.model_copy(update={"real_pair": self.real_pairs.get(name)})
            arrays |= given
            version = self.versions.get((study(job.row), name), "1")
            better = "higher" if name.startswith("accuracy") else "lower"
            fields[name] = FieldInfo(
                unit="u", direction=better, version=version, source=SOURCES.get(name, f"metric:{name}"),
                upper=1.0 if better == "higher" else np.inf,
            )  # fmt: skip
        prints = {"frozen_before": "f", "frozen_after": "f", "sender": SENDERS.get(study(job.row), study(job.row))}
        prints = self.fingerprints.get(job.row, prints)
        why = self.failed.get(job.name, "")
        cell = Cell(
            key=key, train_key="t", job=job, costs=self._costs(job), values=values, fields=fields, fingerprints=prints, error=why,
            status="failed" if why else "done", data_digest=self.digests.get(study(job.row), "d"),
        )  # fmt: skip
        return cell, arrays

    def _costs(self, job: Job) -> dict[str, float]:
        """Training seconds by study, 100 unless told; seeds lie `wobble` apart."""
        shift = (job.seed - (self.seeds - 1) / 2) * self._of(self.wobble, job.row, "train_seconds", 0.0)
        seconds = self.seconds.get(study(job.row), 100.0) + shift
        return {"train_seconds": seconds, "encoder_parameters": 1000.0, "decoder_parameters": 1000.0}

    def _measured(self, name: str, mean: float, spread: float, generator: Any) -> tuple[CellValue, dict[str, Any]]:
        if name in FACTS or not np.isfinite(mean):
            return CellValue(value=mean, image_lo=mean, image_hi=mean), {}
        if name in DISTANCES:  # the spread is that of one image, as for means: blocks vary less
            noise = standard(generator, BLOCKS) * spread / (np.sqrt(self.images * BLOCKS) * (1 - 1 / BLOCKS))
            left = (mean + noise) ** (2 if name == "sliced_w2" else 1)
            interval = stats.jackknife_interval(mean + noise, mean)
            reference = self.references.get(name)
            value = CellValue(value=mean, image_lo=interval.lo, image_hi=interval.hi, reference=reference)
            return value, {f"{name}_leave_out": left}
        array = (mean + spread * standard(generator, self.images)).astype(np.float64)
        half = 1.96 * spread / np.sqrt(self.images)
        reference = self.references.get(name)
        return CellValue(value=mean, image_lo=mean - half, image_hi=mean + half, reference=reference), {name: array}

    def _of(self, table: Mapping[tuple[str, str], float], row: str, name: str, usual: float) -> float:
        return table.get((row, name), table.get((study(row), name), usual))


def standard(generator: Any, count: int) -> Any:
    """Numbers of mean 0 and variance 1, exactly."""
    drawn = generator.normal(0, 1, count)
    drawn -= drawn.mean()
    return drawn / drawn.std()


def study(row: str) -> str:
    """The study of a row."""
    return row.partition("/")[0]


# ------------------------------------------------------------------------------------ a run in which every claim holds

BITS = 3 * np.log2(3)
LAMBDAS = {0.0: 1.8, 0.001: 1.2, 0.0025: 0.8, 0.005: 0.5, 0.0066: 0.4, 0.011: 0.3, 0.015: 0.25}
"""Weight -> CE end to end at 4.75 bits."""
RATES = {"rdc-2x3": 3.17, "rdc-3x2": 3.0, "rdc": BITS, "rdc-3x4": 6.0, "rdc-4x4": 8.0}
BASE = "rdc/end-to-end/classification=0.015"
BASES = {
    "rdc-universal-3x4": BASE.replace("rdc", "rdc-3x4"), "rdc-universal-4x4": BASE.replace("rdc", "rdc-4x4"),
    "rdc-universal": BASE, "rdc-universal-tenth": BASE, "rdc-universal-tenfold": BASE,
    "rdp-universal": "rdp-base/end-to-end/perception=0.015",
}  # fmt: skip
SENDERS = {name: base.partition("/")[0] for name, base in BASES.items()}
SECONDS = {"rdc-universal": 20.0, "rdp-universal": 40.0}
ADVERSARIAL = ("rdp", "rdp-base", "rdp-universal", "rdpc")
CONVERGED = (*RATES, "rdp-zero", "rdc-universal", *ADVERSARIAL)
DIAL = {"0": 160.0, "0.25": 110.0, "0.5": 60.0, "0.75": 20.0, "1": 2.0}
REAL_PAIRS = {
    "perception": (0.16, -0.37, 0.7), "kid": (0.06, -0.24, 0.36), "sliced_w2": (0.002, 0.0, 0.005),
    "perception_critic": (0.007, -0.034, 0.051), "nearest_train_share": (0.048, 0.042, 0.054),
}  # fmt: skip
REFERENCES = {"perception": 1.5, "kid": 0.3, "sliced_w2": 0.0101, "perception_critic": 0.002}


def good() -> FakeRun:
    """A run of mnist-universal as the paper would have it, with the studies of twice the steps and the dial."""
    rows: dict[str, dict[str, float]] = {}
    for name, bits in RATES.items():
        for weight, ce in LAMBDAS.items():
            if name == "rdc" or weight in (0.0, 0.0025, 0.0066, 0.015):
                rows[f"{name}/end-to-end/classification={weight:g}"] = _rdc(bits, ce, weight)
    for levels in ("3x4", "4x4"):
        base = rows[f"rdc-{levels}/end-to-end/classification=0.015"]
        rows[f"rdc-universal-{levels}/universal/classification=0"] = {**base, "ce": base["ce"] + 0.01}
    for name, scale, mse in (("", 1.0, 0.0518), ("-tenth", 0.1, 0.0518), ("-tenfold", 10.0, 0.0465)):
        for weight, ce in ((0.0, 0.29), (0.0025, 0.27), (0.0066, 0.26)):
            row = f"rdc-universal{name}/universal/classification={scale * weight:g}"
            rows[row] = {**_rdc(BITS, ce, weight), "mse": mse}
    for name, weight, distance in (
        ("rdp-zero", 0, 200.0), ("rdp", 0.0025, 150.0), ("rdp", 0.006, 100.0), ("rdp-base", 0.015, 40.0),
    ):  # fmt: skip
        rows[f"{name}/end-to-end/perception={weight:g}"] = _rdp(distance, 0.0)
    for weight, distance in ((0, 190.0), (0.0025, 140.0), (0.006, 90.0), (0.01, 60.0)):
        rows[f"rdp-universal/universal/perception={weight:g}"] = _rdp(distance, 0.0005)
    rows["rdpc/end-to-end/classification=0.0025,perception=0.005"] = _rdp(110.0, 0.0)
    for name in CONVERGED:
        twice = {row.replace(name, f"{name}-twice", 1): dict(rows[row]) for row in rows if study(row) == name}
        rows |= {row: {**values, "mse": 0.995 * values["mse"]} for row, values in twice.items()}
    rows |= {f"codebook-dial/frozen/dial={dial}": _rdp(distance, 0.0) for dial, distance in DIAL.items()}
    steps = {f"{name}-twice": 200 for name in CONVERGED}
    critics = {f"{name}{twice}" for name in ADVERSARIAL for twice in ("", "-twice")}
    return FakeRun(
        rows, steps=steps, critics=critics, references=dict(REFERENCES), real_pairs=dict(REAL_PAIRS),
        seconds=dict(SECONDS),
    )  # fmt: skip


def _rates(bits: float) -> dict[str, float]:
    return {
        "rate_bound": bits,
        "rate_model": bits - 0.1,
        "rate_coded": bits - 0.1 + 0.1601,
        "flush_bytes": 8.0,
        "header_bytes": 46.0,
    }


def _rdc(bits: float, ce: float, weight: float) -> dict[str, float]:
    """D is a parabola of CE; more bits lower both."""
    mse = 0.046 + 0.0025 * (1.8 - ce) ** 2 - 0.0023 * (bits - BITS)
    ce = ce - 0.02 * (bits - BITS)
    accuracy = 1 - ce / 3
    judged = {"ce": ce, "accuracy": accuracy, "ce_judge": ce + 0.05, "accuracy_judge": accuracy - 0.01}
    return {**_rates(bits), "mse": mse, **judged, "sharpness": 0.06 + weight}


def _rdp(distance: float, gap: float) -> dict[str, float]:
    """D is a parabola of the Frechet distance, to which all other judges are proportional."""
    mse = 0.046 + 6.25e-7 * (200.0 - distance) ** 2 + gap
    others = {"sliced_w2": distance / 2000, "kid": distance / 3, "perception_critic": distance / 50}
    others["nearest_train_share"] = 0.04
    return {**_rates(BITS), "mse": mse, "perception": distance, **others}


def shipped_claims() -> dict[str, dict[str, Any]]:
    """The claims of mnist-universal, by name."""
    return tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["claims"]


def table(name: str, claim: Mapping[str, Any]) -> str:
    """A claim as TOML."""
    return f"[claims.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in claim.items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | int | float):
        return repr(value).lower()
    return '"' + str(value).replace('"', "'") + '"'


def _weight(text: str) -> tuple[str, float]:
    """One entry of a point's name, such as classification=0.015."""
    term, _, weight = text.partition("=")
    return term, float(weight)


def studies_of(claim: Mapping[str, Any], run: FakeRun | None = None) -> set[str]:
    """The studies of a run that a claim names; some of mnist-universal's for a claim on all rows."""
    known = {study(row) for row in (run or good()).rows}

    def words(value: Any) -> Iterable[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            for one in value:
                yield from words(one)

    named = {word for value in claim.values() for word in words(value)} & known
    return named | {"rdp-base"} if "rdp-universal" in named else named or {"rdc", "rdc-universal", "rdp"}


Change = Callable[[FakeRun], None]

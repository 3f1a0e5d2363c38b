"""Claims on stored runs: each kind is made to PASS, to FAIL, and to be UNDECIDED."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rdcbench.errors import StoreError
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import PartSpec
from rdcbench.results import Cell, CellValue
from rdcbench.store import Store
from rdcbench.verify import verify

IMAGES = 400
NOISE = np.random.default_rng(0).normal(0, 1, IMAGES)
NOISE -= NOISE.mean()
HEAD = 'schema_version = 1\n[claims.one]\nsays = "s"\nreason = "r"\n'


def make_run(
    root: Path, claim: str, rows: dict[str, dict[str, float]], spread: float = 1e-5, **fingerprints: str
) -> Store:
    """A stored run: name -> field -> mean; every image has the mean plus a little noise."""
    store = Store(root)
    root.mkdir(parents=True)
    (root / "provenance.json").write_text('{"schema_version": 1}')
    (root / "expected.toml").write_text(HEAD + claim)
    jobs = []
    for number, (name, fields) in enumerate(rows.items()):
        frozen = dict.fromkeys(("encoder", "quantizer", "entropy_model"), "base") if fingerprints else {}
        job = Job(name=f"{name}/seed0", dataset=PartSpec(name="d"), inputs=frozen)
        arrays = {field: (mean + spread * NOISE).astype(np.float64) for field, mean in fields.items()}
        half = 1.96 * spread / np.sqrt(IMAGES)
        values = {f: CellValue(value=v, image_lo=v - half, image_hi=v + half) for f, v in fields.items()}
        store.write_cell(
            Cell(key=f"k{number}", train_key="t", job=job, values=values, fields={}, fingerprints=fingerprints), arrays
        )
        jobs.append(job)
    keys = {job.name: f"k{number}" for number, job in enumerate(jobs)}
    store.write_plan(Plan(jobs=jobs, keys=keys, train_keys=keys, data_digest="d"))
    return store


BOUND = 'kind = "bound"\nstudy = "s"\npoint = "p"\nat_most = { mse = 0.05 }\nat_least = { accuracy = 0.9 }\n'
ORDERED = 'kind = "ordered"\nstudies = ["a", "b"]\npoint = "p"\nfield = "mse"\n'
LEAK = 'kind = "leak"\nrate = 4.7549\nat_least_by_bound = 0.042\nat_least_by_model = 0.0395\n'
RATES = 'kind = "rates"\nrelative = 0.02\nabsolute = 0.01\n'
GAP = 'kind = "gap"\nuniversal = "u"\nend_to_end = "e"\nalong = "ce"\nrange = "loosest"\nat_least = 0.0015\n'
E2E = {"e/x/1": {"mse": 0.046, "ce": 1.0}, "e/x/2": {"mse": 0.052, "ce": 0.2}}


@pytest.mark.parametrize(
    ("mse", "accuracy", "spread", "verdict"),
    [
        (0.049, 0.95, 1e-5, "PASS"),
        (0.051, 0.95, 1e-5, "FAIL"),
        (0.049, 0.85, 1e-5, "FAIL"),
        (0.0499, 0.95, 0.1, "UNDECIDED"),
    ],
)
def test_bounds(tmp_path, mse, accuracy, spread, verdict):
    store = make_run(tmp_path / "run", BOUND, {"s/x/p": {"mse": mse, "accuracy": accuracy}}, spread)
    assert [finding.verdict for finding in verify(store)] == [verdict]


def test_one_row_is_enough_for_any(tmp_path):
    rows = {"s/x/p": {"mse": 0.06, "accuracy": 0.95}, "s/x/q": {"mse": 0.04, "accuracy": 0.95}}
    store = make_run(tmp_path / "run", BOUND.replace('"p"', '"any"'), rows)
    (finding,) = verify(store)
    assert (finding.verdict, finding.numbers.startswith("q: mse 0.04")) == ("PASS", True)


def test_missing_rows_are_undecided_and_named(tmp_path):
    (finding,) = verify(make_run(tmp_path / "run", BOUND, {"other/x/p": {"mse": 0.04}}))
    assert finding.verdict == "UNDECIDED"
    assert "no row of s with mse, accuracy" in finding.numbers


@pytest.mark.parametrize(("low", "verdict"), [(0.04, "PASS"), (0.06, "FAIL"), (0.05, "FAIL")])
def test_order(tmp_path, low, verdict):
    store = make_run(tmp_path / "run", ORDERED, {"a/x/p": {"mse": 0.05}, "b/x/p": {"mse": low}})
    assert [finding.verdict for finding in verify(store)] == [verdict]


@pytest.mark.parametrize(
    ("bound", "model", "mse", "spread", "verdict"),
    [
        (4.754, 4.6, 0.046, 1e-5, "PASS"),
        (4.754, 4.6, 0.0405, 1e-5, "FAIL"),
        (8.0, 4.7, 0.0405, 1e-5, "PASS"),
        (8.0, 4.7, 0.0390, 1e-5, "FAIL"),
        (4.754, 4.6, 0.0421, 0.1, "UNDECIDED"),
        (8.0, 7.0, 0.02, 1e-5, "UNDECIDED"),
    ],
)
def test_leaks(tmp_path, bound, model, mse, spread, verdict):
    fields = {"mse": mse, "rate_bound": bound, "rate_model": model}
    assert [found.verdict for found in verify(make_run(tmp_path / "run", LEAK, {"s/x/p": fields}, spread))] == [verdict]


@pytest.mark.parametrize(
    ("model", "coded", "verdict"), [(4.6, 4.62, "PASS"), (4.6, 4.9, "FAIL"), (4.6, 4.5, "FAIL"), (4.8, 4.82, "FAIL")]
)
def test_rates(tmp_path, model, coded, verdict):
    fields = {"rate_bound": 4.7549, "rate_model": model, "rate_coded": coded, "flush_bytes": 0.0}
    assert [found.verdict for found in verify(make_run(tmp_path / "run", RATES, {"s/x/p": fields}))] == [verdict]


@pytest.mark.parametrize(("after", "verdict"), [("aa", "PASS"), ("bb", "FAIL")])
def test_frozen_senders(tmp_path, after, verdict):
    run = make_run(
        tmp_path / "run", 'kind = "frozen"\n', {"s/x/p": {"mse": 1.0}}, frozen_before="aa", frozen_after=after
    )
    assert [finding.verdict for finding in verify(run)] == [verdict]


@pytest.mark.parametrize(
    ("mse", "spread", "verdict"), [(0.051, 1e-5, "PASS"), (0.0465, 1e-5, "FAIL"), (0.0475, 0.1, "UNDECIDED")]
)
def test_gaps(tmp_path, mse, spread, verdict):
    store = make_run(tmp_path / "run", GAP, {**E2E, "u/x/1": {"mse": mse, "ce": 0.3}}, spread)
    (finding,) = verify(store)
    assert finding.verdict == verdict, finding.numbers
    assert "G(1) = " in finding.numbers


def test_a_run_without_claims_or_rows_is_refused(tmp_path):
    store = make_run(tmp_path / "run", BOUND, {})
    with pytest.raises(StoreError, match="no finished row"):
        verify(store)
    (store.root / "expected.toml").unlink()
    with pytest.raises(StoreError, match="makes no claims"):
        verify(store)

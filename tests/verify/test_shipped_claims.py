"""Every claim of mnist-universal is made to PASS, to FAIL and to be UNDECIDED by a stored run."""

from __future__ import annotations

import pytest

from rdcbench.verify import verify

from .fake import ADVERSARIAL, CONVERGED, FakeRun, good, shipped_claims, studies_of, table

CLAIMS = shipped_claims()
STEADY = [name for name in CONVERGED if name not in ADVERSARIAL]
ZERO, BASE = "rdc/end-to-end/classification=0", "rdc/end-to-end/classification=0.015"


def _unwritten_rates(run: FakeRun) -> None:
    for values in run.rows.values():
        del values["rate_coded"]


def _seen_twice(run: FakeRun) -> None:
    run.seeds = 3
    for name in ADVERSARIAL:
        if run.named(f"{name}-twice"):
            run.put(f"{name}-twice", perception=30.0)


def _lower_twice(name: str):
    return lambda run: run.add(f"{name}-twice", mse=-0.003)


def _never_twice(name: str):
    return lambda run: run.keep({name})


BROKEN = {
    "universal-rdp-is-close": lambda run: run.add("rdp-universal", mse=0.003),
    "universal-rdc-is-penalised": lambda run: run.add("rdc-universal", mse=-0.0055),
    "universal-ce-stays": lambda run: run.put("rdc-universal", ce=0.8, ce_judge=0.85),
    "another-scale-removes-the-penalty": lambda run: run.put("rdc-universal-tenfold", mse=0.0518),
    "universal-rdc-costs-bits": lambda run: run.put("rdc-universal/universal/classification=0", mse=0.0455, ce=0.24),
    "universal-rdc-pays": lambda run: run.seconds.update({"rdc-universal": 90.0}),
    "universal-rdp-pays": lambda run: run.seconds.update({"rdp-universal": 90.0}),
    "distortion-without-constraint": lambda run: run.put(ZERO, mse=0.0475),
    "accuracy-at-strong-constraint": lambda run: run.put(BASE, mse=0.054, accuracy=0.95),
    "perception-spans-the-figure": lambda run: run.put("rdp-base", perception=60.0),
    "distortion-falls-with-rate": lambda run: run.put("rdc-4x4/end-to-end/classification=0.0066", mse=0.06),
    "ce-falls-with-rate": lambda run: run.put("rdc-2x3/end-to-end/classification=0.015", ce=0.1),
    "images-get-sharper": lambda run: run.put("rdc/end-to-end/classification=0.011", sharpness=0.061),
    "distortion-classification-fronts": lambda run: run.add("rdc/end-to-end/classification=0.005", mse=0.003),
    "distortion-perception-fronts": lambda run: run.add("rdp/end-to-end/perception=0.006", mse=0.006),
    "no-leak": lambda run: run.put(ZERO, mse=0.0405),
    "no-row-below-the-pca-bound": lambda run: run.put(ZERO, mse=0.019),
    "bits-are-real": lambda run: run.add(ZERO, rate_coded=-0.2),
    "encoder-is-frozen": lambda run: run.fingerprints.update(
        {name: {"frozen_before": "a", "frozen_after": "b"} for name in run.named("rdc-universal")}
    ),
    "real-against-real": lambda run: run.references.update(perception=9.0),
    "judges-are-unbiased": lambda run: run.real_pairs.update(kid=(0.5, 0.2, 0.8)),
    "no-judge-is-blind": lambda run: run.put("codebook-dial/frozen/dial=0.75", kid=50.0),
    "the-judge-agrees-with-the-classifier": lambda run: run.add(ZERO, ce_judge=0.6),
}
BROKEN |= {f"{name}-has-converged": _seen_twice for name in ADVERSARIAL}
BROKEN |= {f"{name}-has-converged": _lower_twice(name) for name in STEADY}
"""Claim -> what breaks it."""


def _noise(*where: tuple[str, str, float], **shifts: float):
    def change(run: FakeRun) -> None:
        run.noise |= {(row, name): size for row, name, size in where}
        for row, _, _ in where[:1]:
            run.add(row, **shifts)

    return change


def _one_seed(run: FakeRun) -> None:
    _seen_twice(run)
    run.seeds = 1


def _wobbling(name: str):
    def change(run: FakeRun) -> None:
        run.seeds = 2
        run.wobble[name, "train_seconds"] = 30.0

    return change


BLURRED = {
    "universal-rdp-is-close": _noise(("rdp-universal", "mse", 0.02), mse=0.001),
    "universal-rdc-is-penalised": _noise(("rdc-universal", "mse", 0.06)),
    "universal-ce-stays": _noise(("rdc-universal", "ce", 2.0)),
    "another-scale-removes-the-penalty": _noise(("rdc-universal-tenfold", "mse", 0.03)),
    "universal-rdc-costs-bits": _noise(("rdc", "mse", 0.3)),
    "universal-rdc-pays": _wobbling("rdc-universal"),
    "universal-rdp-pays": _wobbling("rdp-universal"),
    "distortion-without-constraint": _noise((ZERO, "mse", 0.05)),
    "accuracy-at-strong-constraint": _noise((BASE, "accuracy", 0.3)),
    "perception-spans-the-figure": _noise(("rdp-base", "perception", 100.0)),
    "distortion-falls-with-rate": _noise(("rdc-4x4", "mse", 0.3)),
    "ce-falls-with-rate": _noise(("rdc-4x4", "ce", 3.0)),
    "images-get-sharper": _noise(("rdc", "sharpness", 0.2)),
    "distortion-classification-fronts": _noise(("rdc", "mse", 0.02)),
    "distortion-perception-fronts": _noise(("rdp", "mse", 0.05)),
    "no-leak": _noise((ZERO, "mse", 0.05), mse=-0.0039),
    "no-row-below-the-pca-bound": _noise((ZERO, "mse", 0.05), mse=-0.0262),
    "bits-are-real": _unwritten_rates,
    "encoder-is-frozen": lambda run: run.fingerprints.update({name: {} for name in run.named("rdc-universal")}),
    "real-against-real": lambda run: run.references.clear(),
    "judges-are-unbiased": lambda run: run.real_pairs.update(perception=(0.5, -5.0, 6.0)),
    "no-judge-is-blind": _noise(("codebook-dial", "kid", 120.0)),
    "the-judge-agrees-with-the-classifier": _noise((ZERO, "ce_judge", 2.0), ce_judge=0.3),
}
BLURRED |= {f"{name}-has-converged": _one_seed for name in ADVERSARIAL}
BLURRED |= {f"{name}-has-converged": _never_twice(name) for name in STEADY}
"""Claim -> what leaves it open."""


def found(tmp_path, name, change=None):
    """The finding on one shipped claim, of a run of the studies that it names."""
    run = good()
    run.keep(studies_of(CLAIMS[name]))
    run.put(BASE, accuracy=0.945)
    if change is not None:
        change(run)
    _, finding = verify(run.write(tmp_path / "run", table(name, CLAIMS[name])))
    assert finding.claim == name
    return finding


def test_every_claim_has_its_cases():
    assert set(BROKEN) == set(BLURRED) == set(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_it_passes_where_it_holds(tmp_path, name):
    finding = found(tmp_path, name)
    assert finding.verdict == "PASS", finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_it_fails_where_it_does_not_hold(tmp_path, name):
    finding = found(tmp_path, name, BROKEN[name])
    assert finding.verdict == "FAIL", finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_undecided_where_the_run_cannot_tell(tmp_path, name):
    finding = found(tmp_path, name, BLURRED[name])
    assert finding.verdict == "UNDECIDED", finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_without_its_rows_it_is_undecided_and_says_which(tmp_path, name):
    run = good()
    run.rows = {"other/end-to-end/p": {"psnr": 1.0}}
    _, finding = verify(run.write(tmp_path / "run", table(name, CLAIMS[name])))
    assert finding.verdict == "UNDECIDED"
    assert "no row" in finding.numbers or "not measured" in finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_it_gives_the_reason_of_its_tolerance(name):
    assert len(CLAIMS[name]["reason"].split()) > 5

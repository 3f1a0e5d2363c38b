"""Every claim of mnist-frontier is made to PASS, to FAIL and to be UNDECIDED by a stored run."""

from __future__ import annotations

import tomllib

import pytest

from rdcbench.verify import verify

from .fake import SHIPPED, FakeRun, good, studies_of, table

EXPECTED = SHIPPED.parents[1] / "mnist-frontier" / "expected.toml"
CLAIMS = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))["claims"]
BASE_JOINT = {"rate_bound": 4.755, "rate_model": 4.6}
DIALS = {"0": 1.0, "0.25": 1.0625, "0.4": 1.16, "0.5": 1.25, "0.6": 1.36, "0.7": 1.49, "0.85": 1.7225, "1": 2.0}
"""Dial a -> 1 + a^2, what it multiplies the distortion with."""


def frontier() -> FakeRun:
    """A run in which the frontier lies where it is claimed, beside mnist-universal as the paper would have it."""
    run = good()
    for name, mse, bits in (
        ("codebook-entropy", 0.0415, 4.74),
        ("codebook-pure-entropy", 0.0435, 4.74),
        ("codebook-pure-lean", 0.0445, 4.2),
        ("codebook-pure-middle", 0.0444, 4.4),
        ("codebook-pure-least", 0.0460, 4.1),
    ):
        judged = {"ce": 0.05, "accuracy": 0.99, "ce_judge": 0.06, "accuracy_judge": 0.985}
        run.rows[f"{name}/end-to-end/distortion=1"] = {"rate_bound": 6.34, "rate_model": bits, "mse": mse, **judged}
    for name in ("lean-dial", "pure-dial", "pure-small"):
        for dial, factor in DIALS.items():
            run.rows[f"{name}/one-decoder/dial={dial}"] = _dial(factor)
    for weight, ce, mse in ((0.0, 1.5, 0.048), (0.0066, 0.5, 0.0495), (0.015, 0.3, 0.0505)):
        judged = {"ce": ce, "ce_judge": ce, "accuracy": 1 - ce / 4, "accuracy_judge": 1 - ce / 4}
        row = {**BASE_JOINT, "mse": mse, **judged}
        run.rows[f"rdc-joint/joint-universal/classification={weight:g}"] = row
        run.rows[f"rdc-joint-universal/universal/classification={weight:g}"] = dict(row)
        run.rows[f"rdc-universal-0066/universal/classification={weight:g}"] = dict(row)
    run.put("rdc-universal-tenfold", mse=0.0518)
    return run


def _dial(factor: float) -> dict[str, float]:
    distance = 60.0 * (2.0 - factor) ** 2
    others = {"sliced_w2": distance / 2000, "kid": distance / 3, "perception_critic": distance / 50}
    return {
        "rate_bound": 6.34, "rate_model": 4.5, "mse": 0.0442 * factor, "accuracy_judge": 0.985, "perception": distance,
        **others,
    }  # fmt: skip


BROKEN = {
    "entropy-codebook-reaches": ("codebook-entropy", {"rate_model": 4.80}),
    "pure-codebook-reaches": ("codebook-pure-entropy", {"ce_judge": 0.3}),
    "pure-codebook-is-below-figures-4a-and-6": ("codebook-pure-lean", {"rate_model": 4.7}),
    "pure-codebooks-are-below-each-row": ("rdc", {"mse": 0.044}),
    "one-dial-is-below-figure-5": ("lean-dial", {"mse": 0.07}),
    "perfect-perception-costs-twice": ("pure-dial/one-decoder/dial=1", {"mse": 0.1}),
    "perfect-perception-is-perfect": ("pure-dial/one-decoder/dial=1", {"perception": 9.0}),
    "the-dial-begins-low": ("pure-dial/one-decoder/dial=0", {"mse": 0.046}),
    "accuracy-stays-along-the-dial": ("pure-dial/one-decoder/dial=0.5", {"accuracy_judge": 0.9}),
    "two-megabytes-are-enough": ("pure-small", {"perception": 50.0}),
    "joint-training-halves-the-gap": ("rdc-universal", {"mse": 0.0482}),
    "joint-training-is-close-everywhere": ("rdc", {"mse": 0.044}),
    "joint-training-keeps-the-constraint": ("rdc-joint", {"accuracy_judge": 0.7}),
    "a-looser-base-halves-the-gap-too": ("rdc-universal", {"mse": 0.0482}),
}
"""Claim -> a row or study, and the fields that break it."""
BLURRED = {
    "entropy-codebook-reaches": ("codebook-entropy", "mse", 0.05),
    "pure-codebook-reaches": ("codebook-pure-entropy", "mse", 0.05),
    "pure-codebook-is-below-figures-4a-and-6": ("codebook-pure-lean", "mse", 0.05),
    "pure-codebooks-are-below-each-row": ("rdc", "mse", 0.5),
    "one-dial-is-below-figure-5": ("rdp-base", "mse", 0.5),
    "perfect-perception-costs-twice": ("pure-dial/one-decoder/dial=1", "mse", 0.1),
    "perfect-perception-is-perfect": ("pure-dial/one-decoder/dial=1", "perception", 100.0),
    "the-dial-begins-low": ("pure-dial/one-decoder/dial=0", "mse", 0.05),
    "accuracy-stays-along-the-dial": ("pure-dial/one-decoder/dial=0.5", "accuracy_judge", 0.2),
    "two-megabytes-are-enough": ("pure-small", "mse", 0.5),
    "joint-training-halves-the-gap": ("rdc-joint-universal", "mse", 0.05),
    "joint-training-is-close-everywhere": ("rdc-joint", "mse", 0.05),
    "joint-training-keeps-the-constraint": ("rdc-joint", "accuracy_judge", 2.0),
    "a-looser-base-halves-the-gap-too": ("rdc-universal-0066", "mse", 0.05),
}
"""Claim -> what scatters over images, so that it cannot tell."""


def found(tmp_path, name, change=None):
    run = frontier()
    run.keep(studies_of(CLAIMS[name], run))
    if change is not None:
        change(run)
    _, finding = verify(run.write(tmp_path / "run", table(name, CLAIMS[name])))
    return finding


def test_every_claim_has_its_cases():
    assert set(BROKEN) == set(BLURRED) == set(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_it_passes_where_it_holds(tmp_path, name):
    finding = found(tmp_path, name)
    assert finding.verdict == "PASS", finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_it_fails_where_it_does_not_hold(tmp_path, name):
    row, values = BROKEN[name]
    finding = found(tmp_path, name, lambda run: run.put(row, **values))
    assert finding.verdict == "FAIL", finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_undecided_where_images_scatter_too_much(tmp_path, name):
    row, field, size = BLURRED[name]
    finding = found(tmp_path, name, lambda run: run.noise.update({(row, field): size}))
    assert finding.verdict == "UNDECIDED", finding.numbers


@pytest.mark.parametrize("name", CLAIMS)
def test_without_its_rows_it_is_undecided_and_says_which(tmp_path, name):
    finding = found(tmp_path, name, _only_other)
    assert (finding.verdict, "no row" in finding.numbers) == ("UNDECIDED", True)


def _only_other(run: FakeRun) -> None:
    run.rows = {"other/end-to-end/p": {"psnr": 1.0}}

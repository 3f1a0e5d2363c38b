from __future__ import annotations

import math

import numpy as np
import pytest

from .fake import BITS, FakeRun, good

LEAK = {"kind": "leak", "rate": BITS, "at_least_by_bound": 0.042, "at_least_by_model": 0.0395}
WORDS = {"kind": "codewords", "at_least": {9: 0.0372, 27: 0.0195}}
RATES = {"kind": "rates", "relative": 0.02, "absolute": 0.01}
FROZEN = {"kind": "frozen"}


def one(mse: float = 0.05, bound: float = BITS, model: float = 4.6, noise: float = 1e-5, **fields: float) -> FakeRun:
    values = {"mse": mse, "rate_bound": bound, "rate_model": model, **fields}
    return FakeRun({"s/x/p": values}, noise={("s", "mse"): noise})


@pytest.mark.parametrize(
    ("bound", "model", "mse", "noise", "verdict"),
    [
        (BITS, 4.6, 0.046, 1e-5, "PASS"),
        (BITS, 4.6, 0.0405, 1e-5, "FAIL"),
        (8.0, 4.7, 0.0405, 1e-5, "PASS"),
        (8.0, 4.7, 0.0390, 1e-5, "FAIL"),
        (BITS, 4.6, 0.0421, 0.1, "UNDECIDED"),
        (8.0, 7.0, 0.02, 1e-5, "UNDECIDED"),
        (np.inf, 4.7, 0.0390, 1e-5, "FAIL"),
    ],
)
def test_leaks(tried, bound, model, mse, noise, verdict):
    assert tried(one(mse, bound, model, noise), **LEAK).verdict == verdict


@pytest.mark.parametrize(
    ("bound", "mse", "noise", "verdict"),
    [
        (np.log2(8), 0.0371, 1e-6, "FAIL"),
        (np.log2(9), 0.0373, 1e-6, "PASS"),
        (np.log2(10), 0.0300, 1e-6, "PASS"),
        (BITS, 0.0196, 0.1, "UNDECIDED"),
        (BITS + 0.1, 0.001, 1e-6, "UNDECIDED"),
    ],
)
def test_codewords_are_held_to_the_next_larger_number_of_the_table(tried, bound, mse, noise, verdict):
    assert tried(one(mse, bound, noise=noise), **WORDS).verdict == verdict


def test_the_shipped_table_is_that_of_the_oracle():
    """At 27 codewords; the images' eigenvalues are not part of the tests."""
    from rdcbench import oracles

    from .fake import shipped_claims

    bounds = {int(words): bound for words, bound in shipped_claims()["no-row-below-the-pca-bound"]["at_least"].items()}
    assert bounds[27] == pytest.approx(oracles.PCA_TAIL_27, abs=0.001)
    assert sorted(bounds.values(), reverse=True) == [bounds[words] for words in sorted(bounds)]
    learned = {words: error.mse for words, error in oracles.CODEBOOK_MSE.items() if words in bounds}
    assert all(bounds[words] < mse for words, mse in learned.items())


@pytest.mark.parametrize(
    ("model", "coded", "verdict"), [(4.6, 4.62, "PASS"), (4.6, 4.9, "FAIL"), (4.6, 4.5, "FAIL"), (4.8, 4.82, "FAIL")]
)
def test_rates(tried, model, coded, verdict):
    finding = tried(one(model=model, rate_coded=coded, flush_bytes=0.0, header_bytes=46.0), **RATES)
    assert finding.verdict == verdict
    assert ("s/x/p seed 0" in finding.numbers) == (verdict == "FAIL")


def test_the_flush_is_no_fault_of_the_tables(tried):
    run = one(model=0.5, rate_coded=0.66, flush_bytes=8.0, header_bytes=46.0)
    assert tried(run, **RATES).verdict == "PASS"


def test_files_of_one_image_each_may_tell_their_lengths(tried):
    """As JPEG's do: 4 bytes an image of the container, and no more."""
    files = {"model": 3000.0, "rate_coded": 3000.0, "flush_bytes": 0.0, "bound": math.inf}
    images = 400
    assert tried(one(**files, header_bytes=46.0 + 4 * images), **RATES).verdict == "PASS"
    assert tried(one(**files, header_bytes=200.0 + 5 * images), **RATES).verdict == "FAIL"


@pytest.mark.parametrize(("flush", "header"), [(8.0, 40_046.0), (4000.0, 46.0)])
def test_every_byte_of_the_file_counts(tried, flush, header):
    """Neither a table of lengths nor what is called a flush carries more than a file needs."""
    finding = tried(one(model=0.5, rate_coded=0.51, flush_bytes=flush, header_bytes=header), **RATES)
    assert (finding.verdict, f"flush and header {flush + header:.0f} bytes" in finding.numbers) == ("FAIL", True)
    run = one(model=0.5, rate_coded=0.51, flush_bytes=flush, header_bytes=header)
    assert tried(run, **RATES, beside=50_000).verdict == "PASS"


def test_a_frozen_sender_that_drifts_or_is_another_ones_is_named(tried):
    run = good()
    run.keep({"rdc", "rdc-universal"})
    assert tried(run, **FROZEN).numbers == "3 frozen senders"
    name = run.named("rdc-universal")[1]
    run.fingerprints = {name: {"frozen_before": "a", "frozen_after": "b"}}
    finding = tried(run, **FROZEN)
    assert (finding.verdict, f"{name}/seed0 changed while it was frozen" in finding.numbers) == ("FAIL", True)
    run.fingerprints = {name: {"frozen_before": "a", "frozen_after": "a", "sender": "strange"}}
    finding = tried(run, **FROZEN)
    assert finding.verdict == "FAIL"
    assert f"{name}/seed0 has another sender than rdc/end-to-end/classification=0.015/seed0" in finding.numbers


def test_without_frozen_senders_or_fingerprints_nothing_is_known(tried):
    run = good()
    run.keep({"rdc"})
    assert tried(run, **FROZEN).numbers == "no row has a frozen sender"
    run = good()
    run.keep({"rdc", "rdc-universal"})
    run.fingerprints = {name: {} for name in run.rows}
    assert tried(run, **FROZEN).verdict == "UNDECIDED"

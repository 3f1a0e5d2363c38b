import math

import pytest

from rdcbench.oracles import (
    CODEBOOK_27,
    CODEBOOK_MSE,
    DIAL_27,
    DIAL_LABEL_PURE_27,
    LABEL_PURE_27,
    LEAK_ALARM_BOUND,
    LEAK_ALARM_MODEL,
    PCA_TAIL_27,
    POSTERIOR_SAMPLING_MSE_27,
    ZERO_RATE_MSE,
    accuracy_standard_error,
    dial_point,
    leak_alarm,
)


def test_codebook_table_as_printed():
    assert ZERO_RATE_MSE == 0.067470
    assert {codewords: tuple(row) for codewords, row in CODEBOOK_MSE.items()} == {
        4: (0.057426, 0.000127),
        9: (0.050936, 0.000269),
        27: (0.042928, 0.000043),
        81: (0.036989, 0.000152),
        1024: (0.027606, 0.000047),
    }
    with pytest.raises(TypeError):
        CODEBOOK_MSE[2] = CODEBOOK_MSE[4]


def test_facts_agree_with_each_other():
    errors = [ZERO_RATE_MSE, *(CODEBOOK_MSE[k].mse for k in sorted(CODEBOOK_MSE))]
    assert errors == sorted(errors, reverse=True)
    assert PCA_TAIL_27 < LEAK_ALARM_MODEL < LEAK_ALARM_BOUND < CODEBOOK_MSE[27].mse < LABEL_PURE_27.mse
    assert CODEBOOK_27.mse == CODEBOOK_MSE[27].mse
    assert pytest.approx(2 * CODEBOOK_MSE[27].mse, abs=2e-4) == POSTERIOR_SAMPLING_MSE_27
    assert DIAL_LABEL_PURE_27[0].mse == LABEL_PURE_27.mse
    assert LABEL_PURE_27.accuracy - CODEBOOK_27.accuracy > 20 * accuracy_standard_error(CODEBOOK_27.accuracy, 10_000)


@pytest.mark.parametrize("rows", [DIAL_27, DIAL_LABEL_PURE_27])
def test_measured_dial_obeys_its_law(rows):
    # D = D* (1 + a^2); codebooks are fitted on training images, so only to about half a per cent on test images.
    start = rows[0].mse
    for row in rows:
        assert row.mse == pytest.approx(dial_point(start, math.sqrt(start), row.dial).distortion, rel=0.006)
    assert [row.frechet for row in rows] == sorted((row.frechet for row in rows), reverse=True)


def test_leak_alarm():
    assert leak_alarm(3 * math.log2(3), 4.5) == 0.042
    assert leak_alarm(math.log2(27), 5.0) == 0.042
    assert leak_alarm(2.0, 2.0) == 0.042
    assert leak_alarm(6.0, 4.75) == 0.0395
    assert leak_alarm(6.0, 5.9) is None
    with pytest.raises(ValueError, match=r"rate_bound is -1.0, but must be at least 0"):
        leak_alarm(-1.0, 1.0)
    with pytest.raises(ValueError, match=r"rate_model is nan"):
        leak_alarm(6.0, math.nan)

"""Measured facts about MNIST at fixed rate, beside which learned codecs are read.

Squared errors per pixel, pixels in [0, 1], on the 10,000 test images; codebooks by Lloyd's algorithm on the training
images from 3 seeds. These are measurements of good codes, not bounds: only the leak alarms are meant as limits.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from rdcbench.oracles import _domain as domain


class CodebookError(NamedTuple):
    """Test error of K-means codebooks: mean over seeds and standard deviation of one seed."""

    mse: float
    sd: float


class Judged(NamedTuple):
    """A code with 27 codewords: test error, accuracy (fraction) and label entropy or cross-entropy in nats."""

    mse: float
    accuracy: float
    entropy: float


class DialRow(NamedTuple):
    """A measured point of the dial (1 - a) * centroid + a * training image of the same cell."""

    dial: float
    mse: float
    frechet: float


ZERO_RATE_MSE = 0.067470
"""The error of the mean image: no code that has learned anything lies above."""

CODEBOOK_MSE: Mapping[int, CodebookError] = MappingProxyType(
    {
        4: CodebookError(0.057426, 0.000127),
        9: CodebookError(0.050936, 0.000269),
        27: CodebookError(0.042928, 0.000043),
        81: CodebookError(0.036989, 0.000152),
        1024: CodebookError(0.027606, 0.000047),
    }
)
"""Codewords K -> test error at rate_bound = log2 K."""

PCA_TAIL_27 = 0.0202
"""pca_tail_bound at K = 27: the rigorous, loose lower bound."""

POSTERIOR_SAMPLING_MSE_27 = 0.0860
"""A random training image of the cell, K = 27: twice the codebook's error."""

CODEBOOK_27 = Judged(mse=0.042928, accuracy=0.755, entropy=0.772)
"""The 27 centroids with the majority label of each cell; entropy is H(S | Z)."""

LABEL_PURE_27 = Judged(mse=0.0443, accuracy=0.990, entropy=0.097)
"""27 cells of one digit each, the digit chosen by a 99.0 % classifier at the encoder; entropy is the CE."""

DIAL_27 = (
    DialRow(0.0, 0.0430, 168.0),
    DialRow(0.5, 0.0537, 67.0),
    DialRow(0.7, 0.0640, 27.0),
    DialRow(0.85, 0.0739, 7.6),
    DialRow(1.0, 0.0859, 0.7),
)
"""Plain 27-means; Frechet distance in the features (100-d) of that classifier, n = 10,000."""

DIAL_LABEL_PURE_27 = (
    DialRow(0.0, 0.0443, 150.0),
    DialRow(0.5, 0.0555, 62.0),
    DialRow(0.7, 0.0662, 25.0),
    DialRow(1.0, 0.0889, 0.7),
)
"""Label-pure cells; accuracy .99 at every dial."""

FRECHET_TRAIN_TEST = 1.4
"""The same distance between real training and test images."""

LEAK_RATE = math.log2(27)
LEAK_ALARM_BOUND = 0.042
LEAK_ALARM_MODEL = 0.0395


def leak_alarm(rate_bound: float, rate_model: float) -> float | None:
    """Return the test error per pixel below which a row on MNIST almost surely leaks rate, None if none is known.

    Rates in bits per image. rate_bound at most log2 27: .042; a longer alphabet whose rate_model is at most
    log2 27: .0395 (entropy-constrained codes lawfully reach .0404). Above both: None.
    Domain: MNIST test images, pixels in [0, 1], squared error; a rate below 0 raises ValueError.
    Source: k-means from three seeds. Look for extra symbols, an unquantised path, batch statistics at test time.
    """
    # d log2 L and log2 27 differ in the last digit for (3, 3).
    if domain.at_least_zero("rate_bound", rate_bound) <= LEAK_RATE + domain.ROUNDING:
        return LEAK_ALARM_BOUND
    if domain.at_least_zero("rate_model", rate_model) <= LEAK_RATE + domain.ROUNDING:
        return LEAK_ALARM_MODEL
    return None

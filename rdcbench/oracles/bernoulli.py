"""The Bernoulli source under Hamming distortion with a binary label: rate-distortion-classification, closed form.

X ~ Bern(a), label S = X xor N with N ~ Bern(b) independent of (X, X^), so S - X - X^. Wanted: the least I(X; X^) with
P(X != X^) <= D and H(S | X^) <= C. Let h be the binary entropy, p * q = p(1 - q) + q(1 - p), and a, b <= 1/2 (else
swap the names of the letters). What is exactly true, and why:

1. Distortion alone needs h(a) - h(min(D, a)) bits (Fano; Cover and Thomas, theorem 10.3.1).
2. Classification alone: H(X | X^) = h(a) - R, and Mrs. Gerber's lemma (Wyner and Ziv 1973) gives, for X^ of any
   alphabet, H(S | X^) >= h(b * h^-1(H(X | X^))). So C_min(R) = h(b * h^-1(h(a) - R)), and C needs h(a) - h(e) bits
   with b * e = h^-1(C), that is e = (h^-1(C) - b)/(1 - 2b), cut to [0, a]; C < h(b) cannot be met at any rate.
3. The backward channel X = X^ xor Bern(e) with e = h^-1(h(a) - R) <= a exists (P(X^ = 1) = (a - e)/(1 - 2e)) and
   attains both bounds at once: its error is e = D(R) and both posteriors are e-skewed, equality in the lemma.

Hence R(D, C) = h(a) - h(min(D, e(C), a)), the maximum of the two rates, and at fixed rate the (D, C) region is a
rectangle, as for the Gaussian source: one channel serves every point of it and universality costs nothing. A label
that is another function of X (flip probabilities that depend on X) is outside this domain.
"""

import math

import numpy as np

from rdcbench.oracles import _domain as domain
from rdcbench.oracles._numerics import FloatArray, root


def binary_entropy(probability: float) -> float:
    """Return h(p) = -p log2 p - (1 - p) log2(1 - p) in bits.

    Domain: p in [0, 1]. Otherwise ValueError. Source: Cover and Thomas, example 2.1.1.
    """
    domain.between("probability", probability, 0.0, 1.0)
    if probability in (0.0, 1.0):
        return 0.0
    return -(probability * math.log(probability) + (1 - probability) * math.log1p(-probability)) / math.log(2)


def inverse_binary_entropy(entropy: float) -> float:
    """Return the p in [0, 1/2] with h(p) = entropy in bits.

    Domain: entropy in [0, 1]; near 1 the root is known to about sqrt(1e-16) only, since h is flat there.
    Otherwise ValueError. Source: inverse of binary_entropy.
    """
    domain.between("entropy", entropy, 0.0, 1.0)
    if entropy in (0.0, 1.0):
        return entropy / 2
    return root(lambda probability: binary_entropy(probability) - entropy, 0.0, 0.5)


def binary_convolution(first: float, second: float) -> float:
    """Return p * q = p (1 - q) + q (1 - p), the flip probability of two binary symmetric channels in a row.

    Domain: both in [0, 1]. Otherwise ValueError. Source: Wyner and Ziv 1973.
    """
    domain.between("first", first, 0.0, 1.0)
    domain.between("second", second, 0.0, 1.0)
    return first * (1 - second) + second * (1 - first)


def _half(name: str, probability: float) -> float:
    """Return min(p, 1 - p): swapping the letters changes no entropy and no distortion."""
    return min(domain.between(name, probability, 0.0, 1.0), 1 - probability)


def _error(rate: float, prior: float) -> float:
    """Return e = h^-1(h(a) - R), cut to [0, a], the error of the backward channel at a rate."""
    half = _half("prior", prior)
    domain.at_least_zero("rate", rate)
    return half if rate == 0 else min(inverse_binary_entropy(max(binary_entropy(half) - rate, 0.0)), half)


def bernoulli_label_entropy(rate: float, prior: float, label_noise: float) -> float:
    """Return C_min(R) = h(b * h^-1(h(a) - R)) in nats, the least H(S | X^) that a rate in bits allows.

    prior a = P(X = 1), label_noise b = P(S != X). Falls from h(a * b) at R = 0 to h(b) at R >= h(a).
    Domain: rate >= 0, probabilities in [0, 1]. Otherwise ValueError. Source: the module's step 2.
    """
    noise = _half("label_noise", label_noise)
    return binary_entropy(binary_convolution(noise, _error(rate, prior))) * math.log(2)


def _label_error(label_entropy: float, noise: float, prior: float) -> float | None:
    """Return the e in [0, a] with H(S | X^) = label_entropy (nats), or None if no rate is enough."""
    if label_entropy >= binary_entropy(binary_convolution(noise, prior)) * math.log(2):
        return prior
    if label_entropy < binary_entropy(noise) * math.log(2):
        return None
    posterior = inverse_binary_entropy(label_entropy / math.log(2))
    return min(max((posterior - noise) / (1 - 2 * noise), 0.0), prior)


def bernoulli_rate(distortion: float, label_entropy: float, prior: float, label_noise: float) -> float:
    """Return R(D, C) = h(a) - h(min(D, e(C), a)) in bits, for X ~ Bern(prior) and S = X xor Bern(label_noise).

    distortion is the budget on P(X != X^), label_entropy the budget C on H(S | X^) in nats; inf for no budget.
    inf if C < h(label_noise): not even X^ = X meets it. D = 0 is feasible and costs h(a).
    Domain: D, C >= 0, probabilities in [0, 1]; the label noise must not depend on X. Otherwise ValueError.
    Source: derived in the module's docstring from Mrs. Gerber's lemma (Wyner and Ziv 1973).
    """
    domain.at_least_zero("distortion", distortion)
    domain.at_least_zero("label_entropy", label_entropy)
    half, noise = _half("prior", prior), _half("label_noise", label_noise)
    error = _label_error(label_entropy, noise, half)
    if error is None:
        return math.inf
    return max(binary_entropy(half) - binary_entropy(min(distortion, error, half)), 0.0)


def bernoulli_distortion(rate: float, label_entropy: float, prior: float, label_noise: float) -> float:
    """Return D(R, C), the least P(X != X^): h^-1(h(a) - R) if C >= C_min(R), else infeasible (inf).

    rate in bits, label_entropy the budget C on H(S | X^) in nats. A rectangle at every rate.
    Domain: rate, C >= 0, probabilities in [0, 1]. Otherwise ValueError. Source: the module's step 3.
    """
    domain.at_least_zero("label_entropy", label_entropy)
    if label_entropy < bernoulli_label_entropy(rate, prior, label_noise):
        return math.inf
    return _error(rate, prior)


def bernoulli_channel(rate: float, prior: float) -> FloatArray:
    """Return the [2, 2] test channel p(x^ | x), row x, that attains D(R) and C_min(R) together for every label noise.

    Bayes' rule on the backward channel X = X^ xor Bern(e), e = h^-1(h(a) - R).
    Domain: rate >= 0 in bits (h(a) and more give the identity), prior in [0, 1]. Otherwise ValueError.
    Source: the module's step 3.
    """
    error = _error(rate, prior)
    if rate == 0 or error == 0.5 or prior in (0.0, 1.0):
        return np.tile([1.0, 0.0] if prior < 0.5 else [0.0, 1.0], (2, 1))
    output = (prior - error) / (1 - 2 * error)
    backward = np.array([[1 - error, error], [error, 1 - error]])
    joint = backward * np.array([1 - output, output])
    return np.asarray(joint / joint.sum(axis=1, keepdims=True), dtype=np.float64)

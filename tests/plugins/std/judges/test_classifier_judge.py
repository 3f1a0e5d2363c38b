"""The held-out classifier."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

import rdcbench
from rdcbench.oracles import frechet_floor
from rdcbench_std.judges import ClassifierJudge
from rdcbench_std.judges.classifier_judge import _batches, _shifted
from rdcbench_std.judges.distances import gaussians

from .conftest import decoded_of


def test_it_recognises_real_digits(fitted, digits):
    x = digits.images(digits.test)
    measured = fitted(ClassifierJudge).measure(decoded_of(x, x, digits.test.labels["digit"]), lambda images: None)
    assert measured["accuracy_judge"].value > 0.93
    assert measured["ce_judge"].value < 0.25


def test_cross_entropy_and_accuracy_are_those_of_scikit_learn(fitted, digits):
    judge, decoded = fitted(ClassifierJudge), digits.dial(digits.test, 0.5)
    measured = judge.measure(decoded, lambda images: None)
    chance = judge.head(judge.features(decoded.x_hat)).double().softmax(1).detach().numpy()
    label = decoded.labels["digit"].numpy()
    assert measured["ce_judge"].value == pytest.approx(log_loss(label, chance, labels=range(10)), rel=1e-4)
    assert measured["accuracy_judge"].value == pytest.approx(accuracy_score(label, chance.argmax(1)))


def test_perception_and_kid_are_those_of_torchmetrics_in_its_features(fitted, digits):
    fid, kid = pytest.importorskip("torchmetrics.image.fid"), pytest.importorskip("torchmetrics.image.kid")
    judge, decoded = fitted(ClassifierJudge), digits.dial(digits.test, 0.25)
    measured, images = judge.measure(decoded, lambda images: None), len(decoded)

    class Features(torch.nn.Module):
        num_features = 100

        def forward(self, x):
            return judge.features(x.float()).double()

    frechet = fid.FrechetInceptionDistance(Features(), input_img_size=(1, 8, 8)).set_dtype(torch.float64)
    kernel = kid.KernelInceptionDistance(Features(), subsets=1, subset_size=images).set_dtype(torch.float64)
    for metric in (frechet, kernel):
        metric.update(decoded.x, real=True)
        metric.update(decoded.x_hat, real=False)
    assert measured["perception"].value == pytest.approx(float(frechet.compute()), rel=1e-6)
    # torchmetrics counts the pairs of an image with its own reconstruction, which are left out here.
    across = (Features()(decoded.x) @ Features()(decoded.x_hat).T / 100 + 1) ** 3
    own = 2 * (across.sum() / images**2 - (across.sum() - across.trace()) / (images * (images - 1)))
    assert measured["kid"].value == pytest.approx(float(kernel.compute()[0] + own), rel=1e-4)


def test_the_frechet_distance_of_real_images_from_real_ones_is_near_the_known_floor(fitted, digits):
    judge, pair = fitted(ClassifierJudge), digits.real_pair()
    law = torch.linalg.eigvalsh(gaussians(judge.features(digits.images(digits.test))).covariance[0])
    floor = frechet_floor(law.clamp(min=0).numpy(), len(pair), len(pair))
    assert 0.6 * floor < judge.measure(pair, lambda images: None)["perception"].value < 2 * floor


def test_it_judges_the_label_that_it_is_asked_for(digits, build):
    judge = build(ClassifierJudge, label="parity", steps=100)
    judge.fit(digits.train, torch.Generator().manual_seed(0))
    x = digits.images(digits.test)
    measured = judge.measure(decoded_of(x, x, digits.test.labels["digit"]), lambda images: None)
    assert measured["accuracy_judge"].value > 0.9
    assert judge.head.out_features == 2


@pytest.mark.parametrize(("classes", "label"), [({"digit": 10}, "parity"), ({}, "")])
def test_a_label_that_does_not_exist_is_refused(classes, label):
    with pytest.raises(rdcbench.PartError, match="label"):
        ClassifierJudge(image_shape=(1, 8, 8), classes=classes, label=label)


def test_its_features_do_not_depend_on_the_mode_or_on_the_batch(fitted, digits):
    judge, x = fitted(ClassifierJudge), digits.images(digits.test)
    expected = judge.train().features(x)
    torch.testing.assert_close(torch.cat([judge.eval().features(part) for part in x.split(7)]), expected)
    assert float(expected.min()) == 0.0


def test_every_image_is_seen_once_before_any_comes_again():
    order = list(_batches(10, 3, 7, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in order] == [3] * 7
    assert len(set(torch.cat(order[:3]).tolist())) == len(set(torch.cat(order[3:6]).tolist())) == 9
    assert [len(batch) for batch in _batches(2, 3, 2, torch.Generator())] == [2, 2]


def test_shifts_move_the_batch_by_at_most_a_28th_and_fill_with_black():
    generator, x = torch.Generator().manual_seed(0), torch.ones(2, 1, 28, 28)
    kept = {float(_shifted(x, generator).mean()) for _ in range(50)}
    np.testing.assert_allclose(sorted(kept), [(27 / 28) ** 2, 27 / 28, 1.0], rtol=1e-6)
    assert torch.equal(_shifted(x[..., :8, :8], generator), x[..., :8, :8])

import numpy as np
import pytest

from rdcbench.report.samples import sample_images

GOOD = np.zeros((4, 1, 2, 2), np.uint8)


def test_the_first_images_of_both_kinds():
    x, x_hat = sample_images({"sample_x": GOOD, "sample_x_hat": GOOD + 1}, 3)
    assert (x.shape, x_hat.max()) == ((3, 1, 2, 2), 1)


@pytest.mark.parametrize(
    "odd",
    [np.zeros((4, 7), np.uint8), GOOD[:0], GOOD[..., :0], np.full(GOOD.shape, np.nan), np.array(["a", "b"]), None],
    ids=["two axes", "no image", "no width", "not bytes", "text", "absent"],
)
def test_what_are_no_images_is_none(odd):
    for name, other in (("sample_x", "sample_x_hat"), ("sample_x_hat", "sample_x")):
        assert sample_images({other: GOOD, **({} if odd is None else {name: odd})}, 3) is None

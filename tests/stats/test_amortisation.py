import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdcbench.stats import Cost, amortisation

COSTS = st.builds(Cost, st.floats(0.1, 1e4), st.integers(1, 10**7))


def test_seven_points_by_hand():
    saved = amortisation([Cost(100.0, 600)] * 7, Cost(100.0, 400), [Cost(20.0, 200)] * 7)
    assert saved.points == 7
    assert saved.end_to_end == Cost(700.0, 4200)
    assert saved.universal == Cost(240.0, 1800)
    assert saved.seconds_saved == pytest.approx(1 - 240 / 700)
    assert saved.parameters_saved == pytest.approx(1 - 1800 / 4200)
    assert saved.break_even == 2.0


@given(st.lists(COSTS, min_size=1, max_size=5), COSTS)
def test_break_even_is_the_first_number_of_points_that_pays(decoders, encoder):
    codecs = [Cost(decoder.seconds + 3.0, decoder.parameters) for decoder in decoders]
    saved = amortisation(codecs, encoder, decoders)
    gain = 3.0 * saved.break_even
    assert gain > encoder.seconds * (1 - 1e-9)
    assert gain - 3.0 <= encoder.seconds * (1 + 1e-9)


def test_decoders_as_slow_as_codecs_never_pay():
    saved = amortisation([Cost(10.0, 5)] * 2, Cost(10.0, 3), [Cost(10.0, 2)] * 2)
    assert math.isnan(saved.break_even)
    assert "never pays" in saved.reason
    assert saved.seconds_saved == pytest.approx(-0.5)


def test_bad_input_raises():
    one = Cost(1.0, 1)
    with pytest.raises(ValueError, match="2 codecs against 1 decoders"):
        amortisation([one, one], one, [one])
    with pytest.raises(ValueError, match="0 codecs against 0"):
        amortisation([], one, [])
    with pytest.raises(ValueError, match="is not a cost"):
        amortisation([one], Cost(math.nan, 1), [one])

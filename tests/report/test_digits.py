import math

import pytest

from rdcbench.report.digits import decimals, format_number, format_value
from rdcbench.results import Value

NAN = math.nan


def value(number, image=(NAN, NAN), seed=(NAN, NAN)):
    return Value(
        value=number, image_lo=image[0], image_hi=image[1], seed_lo=seed[0], seed_hi=seed[1], seed_values=[number]
    )


@pytest.mark.parametrize(
    ("half", "places"),
    [(0.0004, 4), (0.00043, 4), (0.00014, 5), (0.03, 2), (0.0199, 2), (0.012, 3), (3.0, 0), (250, 0)],
)
def test_last_digit_has_the_size_of_the_interval(half, places):
    assert decimals(half) == places


def test_value_with_half_width():
    assert format_value(value(0.0467123, (0.0463123, 0.0471123))) == "0.0467 ± 0.0004"
    assert format_value(value(163.42, (160.2, 166.6))) == "163 ± 3"
    assert format_value(value(-0.512, (-0.542, -0.482))) == "-0.51 ± 0.03"


def test_seeds_follow_the_images():
    assert format_value(value(0.0467, (0.0463, 0.0471), (0.0447, 0.0487))) == "0.0467 ± 0.0004 ± 0.002"
    assert format_value(value(0.0467, (0.0467, 0.0467), (0.0447, 0.0487))) == "0.047 ± 0.002"


def test_interval_off_centre_is_written_as_ends():
    assert format_value(value(10.0, (6.0, 11.0))) == "10 [6, 11]"
    assert format_value(value(10.0, (6.0, 9.0))).endswith("[6.0, 9.0]")  # half 1.5: two digits


def test_no_interval_no_plus_minus_and_nothing_is_blank():
    assert format_value(value(4.754887502)) == "4.755"
    assert format_value(value(8.0, (8.0, 8.0))) == "8"
    assert format_value(value(NAN)) == ""
    assert format_value(value(0.0, (0.0, 0.0))) == "0"


@pytest.mark.parametrize(
    ("number", "text"),
    [(1234567.0, "1,234,567"), (0.00001234, "1.234e-05"), (math.inf, "inf"), (NAN, ""), (12.3456, "12.35")],
)
def test_plain_numbers(number, text):
    assert format_number(number) == text

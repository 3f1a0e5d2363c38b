import pytest

from rdcbench.errors import RecipeError
from rdcbench.report.columns import ASPECTS, aspect_of, axis_title, columns, field_infos, speaker
from rdcbench.results import FieldInfo

from .fake import simple_rows


def test_known_fields_first_then_others_by_name_and_what_follows_from_others_left_out():
    rows = simple_rows(
        {"0": {"zebra": 1, "apple": 1, "mse": 0.1, "rate_bound": 3, "bpp": 1, "ce": 1, "flush_bytes": 4}}
    )
    assert [column.name for column in columns(rows)] == ["rate_bound", "mse", "ce", "apple", "zebra"]


def test_unit_and_direction_come_from_the_row():
    (column,) = columns(simple_rows({"0": {"ce": 1.0}}))
    assert (column.unit, column.direction) == ("nat", "lower")
    (unknown,) = columns(simple_rows({"0": {"mystery": 1.0}}))
    assert (unknown.unit, unknown.direction) == ("", "none")


def test_a_field_of_a_later_row_keeps_its_meaning():
    rows = simple_rows({"0": {"mse": 0.1}, "1": {"mse": 0.1, "psnr": 10}})
    assert field_infos(rows)["psnr"].direction == "higher"


def test_held_out_judges_speak_first_and_a_points_own_critic_never():
    assert speaker("classification", ["ce", "accuracy", "accuracy_judge"]) == "accuracy_judge"
    assert speaker("classification", ["ce"]) == "ce"
    assert speaker("perception", ["perception_own", "mse"]) is None
    assert all("perception_own" not in fields for fields in ASPECTS.values())
    assert aspect_of("perception_own") == "perception"
    assert aspect_of("sharpness") is None


def test_unknown_order_is_one_sentence():
    with pytest.raises(RecipeError, match=r"There is no order 'size'.*distortion"):
        speaker("size", ["mse"])


@pytest.mark.parametrize(
    ("direction", "end"), [("lower", "← better"), ("higher", "better →"), ("none", "Structural similarity")]
)
def test_axis_title_points_to_the_better_end(direction, end):
    assert axis_title("ssim", FieldInfo(unit="", direction=direction)).endswith(end)


def test_axis_title_has_the_unit_once():
    assert (
        axis_title("ce", FieldInfo(unit="nat", direction="lower")) == "Classification: cross-entropy [nat]   ← better"
    )
    assert "[" not in axis_title("mse", FieldInfo(unit="per pixel", direction="lower"))
    assert axis_title("my_field", None) == "my field"

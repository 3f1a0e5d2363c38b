import math

from rdcbench.report.columns import columns, field_infos
from rdcbench.report.methods import make_box, make_methods

from .fake import simple_rows


def ranked(*groups, by="distortion"):
    rows = [row for index, group in enumerate(groups) for row in simple_rows(group, f"s{index}")]
    by_name = {column.name: column for column in columns(rows)}
    return make_methods(rows, make_box(rows, by_name, field_infos(rows), by, {}))


def test_more_points_on_a_front_dominate_more_of_the_box():
    one = {"0": {"mse": 0.05, "rate_coded": 4.0}}
    more = {**one, "1": {"mse": 0.04, "rate_coded": 5.0}}
    first, second = ranked(one, more)
    assert (first.study, second.study) == ("s1", "s0")
    assert 0 < second.volume.value < first.volume.value < 1
    assert second.volume.lo <= second.volume.value <= second.volume.hi


def test_methods_within_their_interval_share_a_rank():
    same = ranked({"0": {"mse": 0.0500, "rate_coded": 4.0}}, {"0": {"mse": 0.0501, "rate_coded": 4.0}})
    assert [method.rank for method in same] == [1, 1]


def test_costs_are_means_and_training_is_a_sum():
    (method,) = ranked({"0": {"mse": 0.05, "rate_coded": 4.0}, "1": {"mse": 0.04, "rate_coded": 5.0}})
    assert method.costs["train_seconds"] == 25.0
    assert math.isnan(method.costs["macs"])


def test_a_method_without_an_axis_is_last_and_has_no_rank():
    first, second = ranked({"0": {"mse": 0.05}}, {"0": {"mse": 0.06, "rate_coded": 4.0}})
    assert (first.study, second.study, second.rank) == ("s1", "s0", None)


def test_no_box_where_an_axis_was_measured_nowhere():
    assert make_box([], {}, {}, "overall", {}) is None

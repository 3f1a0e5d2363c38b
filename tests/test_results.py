from __future__ import annotations

import math

import pytest
from scipy import stats

from rdcbench.jobs import Job
from rdcbench.recipe import PartSpec
from rdcbench.results import SCHEMA_VERSION, Cell, CellValue, FieldInfo, Row, frame_records, make_row

NAME = "rdc/end-to-end/classification=0.01"
MSE = FieldInfo(unit="per pixel", direction="lower", lower=0.0, version="1", source="metric:mse")


def cell(seed: int = 0, **values: float | tuple[float, float, float]) -> Cell:
    """A cell whose values are numbers, or (value, image_lo, image_hi)."""
    job = Job(
        name=f"{NAME}/seed{seed}",
        seed=seed,
        dataset=PartSpec(name="images"),
        parts={"encoder": PartSpec(name="mlp", width=3), "decoder": PartSpec(name="conv")},
        dimensions=3,
        levels=4,
        tradeoff={"classification": 0.01},
    )
    triples = {name: value if isinstance(value, tuple) else (value, value, value) for name, value in values.items()}
    found = {name: CellValue(value=v, image_lo=lo, image_hi=hi) for name, (v, lo, hi) in triples.items()}
    return Cell(
        key=f"k{seed}", train_key=f"t{seed}", job=job, values=found, fields={"mse": MSE}, costs={"macs": 10.0 + seed},
        data_digest="d",
    )  # fmt: skip


def test_a_row_is_a_point_over_its_seeds():
    row = make_row(NAME, [cell(0, mse=1.0), cell(1, mse=2.0), cell(2, mse=6.0)], "my-run")
    assert (row.study, row.protocol, row.point) == ("rdc", "end-to-end", "classification=0.01")
    assert (row.tradeoff, row.dimensions, row.levels) == ({"classification": 0.01}, 3, 4)
    assert (row.seeds, row.keys, row.run) == ([0, 1, 2], ["k0", "k1", "k2"], "my-run")
    assert (row.parts, row.fields, row.data_digest) == ({"encoder": "mlp", "decoder": "conv"}, {"mse": MSE}, "d")
    assert row.values["mse"].value == 3.0
    assert row.values["mse"].seed_values == [1.0, 2.0, 6.0]
    assert row.costs == {"macs": 11.0}
    assert row.schema_version == SCHEMA_VERSION


def test_the_interval_over_seeds_is_students():
    value = make_row(NAME, [cell(0, mse=1.0), cell(1, mse=2.0), cell(2, mse=6.0)]).values["mse"]
    low, high = stats.t.interval(0.95, 2, loc=3.0, scale=stats.sem([1.0, 2.0, 6.0]))
    assert (value.seed_lo, value.seed_hi) == pytest.approx((low, high))


def test_one_seed_has_no_interval_over_seeds():
    value = make_row(NAME, [cell(0, mse=(1.0, 0.9, 1.2))]).values["mse"]
    assert math.isnan(value.seed_lo)
    assert math.isnan(value.seed_hi)
    assert (value.value, value.image_lo, value.image_hi) == pytest.approx((1.0, 0.9, 1.2))


def test_the_interval_over_images_is_not_shrunk_by_seeds():
    value = make_row(NAME, [cell(0, mse=(1.0, 0.9, 1.2)), cell(1, mse=(3.0, 2.7, 3.4))]).values["mse"]
    assert (value.value, value.image_lo, value.image_hi) == pytest.approx((2.0, 1.8, 2.3))


def test_a_field_that_some_seed_lacks_is_left_out():
    row = make_row(NAME, [cell(0, mse=1.0, ce=2.0), cell(1, mse=1.0)])
    assert set(row.values) == {"mse"}


def test_a_rate_without_bound_makes_a_row_all_the_same():
    row = make_row(NAME, [cell(0, rate_bound=math.inf, mse=1.0), cell(1, rate_bound=math.inf, mse=2.0)])
    assert row.values["rate_bound"].value == math.inf
    assert math.isnan(row.values["rate_bound"].seed_lo)
    assert row.values["mse"].value == 1.5


def test_value_looks_among_fields_then_costs():
    row = make_row(NAME, [cell(0, mse=1.0)])
    assert (row.value("mse"), row.value("macs")) == (1.0, 10.0)
    assert math.isnan(row.value("fid"))


@pytest.mark.parametrize("extreme", [math.nan, math.inf, -math.inf, 5e-324, 0.1])
def test_cells_and_rows_survive_being_written(extreme):
    before = cell(0, mse=(1.0, extreme, 2.0))
    after = Cell.model_validate_json(before.model_dump_json())
    assert after.model_dump_json() == before.model_dump_json()
    assert repr(after.values["mse"].image_lo) == repr(extreme)
    row = make_row(NAME, [before])
    assert Row.model_validate_json(row.model_dump_json()).model_dump_json() == row.model_dump_json()


def test_unbounded_fields_survive_being_written():
    assert FieldInfo.model_validate_json(MSE.model_dump_json()) == MSE
    assert MSE.upper == math.inf


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"news": 1}, {"status": "maybe"}])
def test_what_is_not_of_this_schema_is_refused(change):
    raw = {**cell(0, mse=1.0).model_dump(mode="json"), **change}
    with pytest.raises(ValueError, match=next(iter(change))):
        Cell.model_validate(raw)


def test_records_are_flat():
    (record,) = frame_records([make_row(NAME, [cell(0, mse=(1.0, 0.9, 1.2))], "my-run")])
    assert math.isnan(record.pop("mse_seed_lo"))
    assert math.isnan(record.pop("mse_seed_hi"))
    assert record == {
        "run": "my-run", "name": NAME, "study": "rdc", "protocol": "end-to-end", "point": "classification=0.01",
        "dimensions": 3, "levels": 4, "seeds": 1, "weight_classification": 0.01,
        "part_encoder": "mlp", "part_decoder": "conv", "train_precision": "float32",
        "mse": 1.0, "mse_image_lo": pytest.approx(0.9), "mse_image_hi": pytest.approx(1.2), "macs": 10.0,
    }  # fmt: skip

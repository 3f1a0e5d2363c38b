from __future__ import annotations

import pytest

from rdcbench.errors import StoreError
from rdcbench.page.content import make_content

from .conftest import make_run, put_receiver_bytes


def test_every_number_has_both_intervals(tmp_path):
    found = make_content([make_run(tmp_path / "run")], {})
    value, low, high, seed_low, seed_high = found["rows"][0]["values"]["mse"]
    assert low < value < high
    assert seed_low != seed_low, "one seed has no interval over seeds"
    assert seed_high != seed_high


def test_the_best_fields_are_those_of_the_judges(tmp_path):
    found = make_content([make_run(tmp_path / "run")], {})
    assert found["best"] == {"distortion": "mse", "perception": "perception", "classification": "accuracy_judge"}
    assert found["fields"]["accuracy_judge"]["direction"] == "higher"


def test_rows_that_do_not_compare_are_refused(tmp_path):
    first, second = (make_run(tmp_path / name) for name in ("one", "two"))
    for row in second.rows():
        for key in row.keys:
            cell = second.cell(key)
            second.write_cell(cell.model_copy(update={"data_digest": "other"}), {})
    with pytest.raises(StoreError, match="do not compare"):
        make_content([first, second], {})


def test_methods_have_their_hypervolume_and_what_the_receiver_keeps(tmp_path):
    store = make_run(tmp_path / "run", studies=1)
    put_receiver_bytes(store)
    (method,) = make_content([store], {})["methods"]
    assert (method["study"], method["rank"]) == ("rdc", 1)
    assert method["receiver_bytes"] == 1000.0

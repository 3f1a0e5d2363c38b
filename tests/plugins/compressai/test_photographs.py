from __future__ import annotations

import importlib.util

import pytest

from rdcbench import DataError, PartError
from rdcbench_compressai import photographs
from rdcbench_compressai.photographs import PHOTOGRAPHS, Photographs


def test_it_keeps_the_contract(rdcbench_conformance):
    rdcbench_conformance("dataset", "photographs", size=96, step=96)


def test_no_photograph_is_in_two_splits():
    files = [file for split in PHOTOGRAPHS.values() for file in split]
    assert len(set(files)) == len(files)


def test_crops_of_the_test_photographs_lie_side_by_side():
    split = Photographs(size=64).load(None, "test")
    assert split.images.shape == (6 * 10 + 4 * 7 + 6 * 9, 3, 64, 64)
    assert split.labels["photograph"].bincount().tolist() == [60, 28, 54]


def test_no_photograph_that_trains_outweighs_the_others():
    count = Photographs(size=64, most=225).load(None, "train").labels["photograph"].bincount()
    assert count.tolist() == [225] * 6
    assert len(Photographs(size=64, most=7).load(None, "train")) == 42
    assert len(Photographs(size=64, most=7).load(None, "test")) == 142


def test_other_crops_are_other_data():
    others = ({"size": 64}, {"size": 96}, {"step": 64}, {"most": 9})
    assert len({Photographs(**options).digest() for options in others}) == 4


@pytest.mark.parametrize("options", [{"size": 7}, {"size": 301}, {"step": 0}, {"size": 64.0}, {"most": 0}])
def test_an_option_that_cannot_be_is_refused(options):
    with pytest.raises(PartError, match="must be a whole number from"):
        Photographs(**options)


def test_a_package_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(DataError, match="pip install scikit-image"):
        Photographs().fetch(tmp_path, True)
    with pytest.raises(DataError, match="There is no split"):
        Photographs().load(tmp_path, "tests")


def test_a_version_that_ships_other_files_is_named(monkeypatch):
    monkeypatch.setitem(photographs.__dict__, "PHOTOGRAPHS", {"test": ("sklearn/datasets/images/gone.jpg",)})
    with pytest.raises(DataError, match=r"ships no datasets/images/gone\.jpg"):
        Photographs().digest()

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_plugin as tiny
import tomli_w
import torch

import rdcbench
from rdcbench import api
from rdcbench.errors import PartError, RdcbenchError, RecipeError, StoreError

SMALL = {**tiny.RECIPE, "judges": [], "metrics": [{"name": "tiny-mse"}], "only": ["rdc"]}
BASE = "rdc/tiny-end/classification=0/seed0"


@pytest.fixture
def recipe(tmp_path, only_tiny):
    path = tmp_path / "mine.toml"
    path.write_text(tomli_w.dumps({**SMALL, "seeds": 2, "presets": {"short": {"training": {"steps": 3}}}}))
    return path


def test_no_sub_module_hides_a_public_name():
    modules = {path.stem for path in Path(rdcbench.__file__).parent.iterdir()}
    assert not modules & set(rdcbench.__all__)


def test_run_rows_and_load(recipe, tmp_path):
    frame = rdcbench.run(str(recipe), out=tmp_path / "run", jobs=1)
    assert list(frame["name"]) == ["rdc/tiny-end/classification=0", "rdc/tiny-end/classification=0.01"]
    assert list(frame["weight_classification"]) == [0.0, 0.01]
    assert list(frame["seeds"]) == [2, 2]
    assert (frame["mse_seed_lo"] < frame["mse"]).all()
    assert (frame["mse_image_lo"] < frame["mse"]).all()
    assert frame.equals(api.rows(tmp_path / "run"))
    codec = rdcbench.load(f"{tmp_path}/run/{BASE}")
    assert codec.rate_bound == pytest.approx(3 * math.log2(3))
    x = tiny.Images().load(None, "test").batch(torch.arange(4)).x
    context = rdcbench.Context(codec.seed, "test", torch.arange(4))
    assert codec.decompress(codec.compress(x, context).payloads, context).shape == x.shape


def test_presets_settings_and_options(recipe, tmp_path):
    frame = rdcbench.run(str(recipe), "short", tmp_path / "run", ["training.batch=8", "only=['rdp']"], seeds=1, jobs=1)
    assert set(frame["study"]) == {"rdp"}
    assert list(frame["seeds"]) == [1, 1]
    from rdcbench.store import Store

    training = Store(tmp_path / "run").recipe().training
    assert (training.steps, training.batch) == (3, 8)


def test_one_setting_needs_no_list_and_folders_may_be_texts(recipe, tmp_path):
    folders = {"out": str(tmp_path / "run"), "cache": str(tmp_path / "cache"), "data_dir": str(tmp_path / "data")}
    frame = rdcbench.run(str(recipe), "short", settings="only=['rdp']", seeds=1, **folders)
    assert set(frame["study"]) == {"rdp"}
    assert list((tmp_path / "cache" / "cells").iterdir())


def test_an_option_that_is_none_is_answered_with_those_that_are(recipe, tmp_path):
    with pytest.raises(RdcbenchError, match=r"There is no option of a run 'seed'; there is: .* Did you mean 'seeds'\?"):
        rdcbench.run(str(recipe), out=tmp_path / "run", seed=1)
    assert not (tmp_path / "run").exists()


def test_points_to_expect_lie_beside_the_recipe(recipe, tmp_path):
    (tmp_path / "expected.toml").write_text("a = 1\n")
    rdcbench.run(str(recipe), out=tmp_path / "run", seeds=1, jobs=1)
    assert (tmp_path / "run" / "expected.toml").read_text() == "a = 1\n"


def test_runs_go_to_their_usual_place_one_job_at_a_time(recipe, tmp_path, monkeypatch):
    from rdcbench import runner

    seen = []

    def run(recipe, options):
        seen.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", run)
    with pytest.raises(KeyboardInterrupt):
        rdcbench.run(str(recipe), "short")
    assert str(seen[0].out) == "runs/tiny-short"
    assert (seen[0].jobs, seen[0].seeds) == (1, 2)


def test_a_run_with_failed_jobs_is_an_error_that_names_them_and_keeps_the_rest(recipe, tmp_path):
    changes = ["only=['rdc', 'bad']", "studies.bad.decoder.name=nan-decoder", "studies.bad.protocol=tiny-end"]
    changes.append("studies.bad.points=[{ classification = 1.0 }]")
    with pytest.raises(
        RdcbenchError, match=r"1 jobs? of .*run failed: .*bad/tiny-end/classification=1/seed0.*loss is nan"
    ):
        rdcbench.run(str(recipe), out=tmp_path / "run", settings=changes, seeds=1)
    assert len(api.rows(tmp_path / "run")) == 2


def test_unknown_names_are_refused(recipe, tmp_path):
    with pytest.raises(RecipeError, match="no benchmark 'mnist'"):
        rdcbench.run("mnist")
    with pytest.raises(RecipeError, match=r"no preset 'shrot'.*Did you mean 'short'"):
        rdcbench.run(str(recipe), "shrot")
    with pytest.raises(PartError, match="no decoder 'big'"):
        rdcbench.build("decoder", "big")
    with pytest.raises(StoreError, match="is not a run folder"):
        api.rows(tmp_path)


def test_a_run_that_has_not_started_has_no_codec(tmp_path, make_recipe):
    from rdcbench.store import Store

    Store(tmp_path / "run").create(make_recipe(), {"schema_version": 1})
    with pytest.raises(StoreError, match="has no plan yet; run the benchmark first"):
        rdcbench.load(f"{tmp_path}/run/{BASE}")


def test_the_run_is_the_longest_leading_folder_that_is_one(tmp_path, make_recipe):
    from rdcbench.store import Store

    for folder in ("outer", "outer/inner"):
        Store(tmp_path / folder).root.mkdir()
        Store(tmp_path / folder).write("provenance.json", b'{"schema_version": 1}')
    store, job = api.split_name(f"{tmp_path}/outer/inner/{BASE}")
    assert (store.root, job) == (tmp_path / "outer" / "inner", BASE)


def test_the_front_door_opens_without_torch():
    program = "import sys; import rdcbench; dir(rdcbench); rdcbench.Recipe; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

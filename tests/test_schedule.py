from __future__ import annotations

import tiny_plugin as tiny

from rdcbench.jobs import codec_job
from rdcbench.plan import make_plan
from rdcbench.results import Cell
from rdcbench.schedule import Todo, cost_of, missing
from rdcbench.store import Store

RDC0, RDC1 = "rdc/tiny-end/classification=0", "rdc/tiny-end/classification=0.01"
RDP0, RDP1 = "rdp/tiny-end/perception=0", "rdp/tiny-end/perception=0.01"
UNI0, UNI1 = "universal/tiny-universal/classification=0", "universal/tiny-universal/classification=0.02"
SMALL = {"judges": [], "metrics": [{"name": "tiny-mse"}]}


def test_missing_lists_what_a_run_would_do(make_recipe, parts, tmp_path):
    plan, store = make_plan(make_recipe(SMALL), 1, parts), Store(tmp_path)
    assert [job.row for job in missing(plan, store)] == ["classifier", RDC0, RDC1, RDP1, UNI0, UNI1]
    for name in ("classifier", f"{RDC0}/seed0"):
        store.write_weights(plan.train_keys[name], {}, {})
    key = plan.keys[f"{RDC0}/seed0"]
    store.write_cell(Cell(key=key, train_key="t", job=plan.job(f"{RDC0}/seed0")), {})
    assert [job.row for job in missing(plan, store)] == [RDC1, RDP1, UNI0, UNI1]
    store.write_cell(Cell(key=key, train_key="t", job=plan.job(f"{RDC0}/seed0"), status="failed"), {})
    assert [job.row for job in missing(plan, store)] == [RDC0, RDC1, RDP1, UNI0, UNI1]


def test_what_a_cache_holds_is_not_missing_and_stays_where_it_is(make_recipe, parts, tmp_path):
    plan, cache = make_plan(make_recipe(SMALL), 1, parts), Store(tmp_path / "cache")
    cache.write_weights(plan.train_keys["classifier"], {}, {})
    assert "classifier" not in [job.row for job in missing(plan, Store(tmp_path / "run"), cache)]
    assert not (tmp_path / "run").exists()


def test_long_chains_start_first_and_no_training_is_done_twice_at_once(make_recipe, parts, tmp_path):
    plan = make_plan(make_recipe(), 1, parts)
    todo = Todo(plan, Store(tmp_path))
    first = todo.next([])
    assert first.name == "classifier"
    second = todo.next([first])
    assert second.name == "judge:tiny-judge"
    assert todo.next([first, second]) is None, "all else waits for these"
    for job in (first, second):
        todo.finish(job, "")
    base = todo.next([])
    assert base.row == RDC0, "two decoders wait for it"
    assert todo.next([base]).row == RDP1, "a critic costs most"
    assert todo.next([base]).row == RDC1
    assert todo.next([base]) is None
    todo.finish(base, "")
    assert {todo.next([]).row, todo.next([]).row} == {UNI0, UNI1}
    assert not todo.waiting


def test_two_rows_of_one_training_do_not_train_side_by_side(make_recipe, parts, tmp_path, monkeypatch):
    def together(self, recipe, study, name, seed):
        points = list(study.tradeoffs())
        return [codec_job(recipe, study, name, seed, point, tradeoffs=points) for point in points]

    monkeypatch.setattr(tiny.EndToEnd, "plan", together)
    recipe = make_recipe({**SMALL, "classifier": None, "only": ["rdc"]}, objective={"name": "tiny-objective"})
    todo = Todo(make_plan(recipe, 1, parts), Store(tmp_path))
    first = todo.next([])
    assert todo.next([first]) is None
    todo.finish(first, "")
    assert todo.next([]) is not None


def test_costs_know_critic_and_classifier(make_recipe, parts):
    plan = make_plan(make_recipe(), 1, parts)
    cost = {job.row: cost_of(job) for job in plan.jobs}
    assert cost[RDC0] == cost[RDP0] < cost[RDC1] < cost[RDP1]

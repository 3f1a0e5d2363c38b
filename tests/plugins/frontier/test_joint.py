from __future__ import annotations

import pytest
import torch

from rdcbench import Context, registry, runner
from rdcbench.errors import PartError, RecipeError
from rdcbench.jobs import ROLES, SENDER
from rdcbench.plan import make_plan
from rdcbench_frontier.joint import ConditionedDecoder, JointUniversal
from rdcbench_std.objectives import OBJECTIVES
from rdcbench_std.protocols import PROTOCOLS

WEIGHTS = [0.0, 0.005, 0.015]
CONDITIONED = {"name": "conditioned", "widths": [8, 8]}
STUDIES = {
    "rdc": {"protocol": "end-to-end", "sweep": {"classification": [0.0]}},
    "rdp": {"protocol": "end-to-end", "sweep": {"perception": [0.0]}},
    "joint": {"protocol": "joint-universal", "sweep": {"classification": WEIGHTS}, "decoder": CONDITIONED},
    "own": {
        "protocol": {"name": "universal", "study": "joint", "base": {"classification": 0.0}, "start": []},
        "sweep": {"classification": [0.0, 0.015]},
    },
}
JOINT = [f"joint/joint-universal/classification={weight:g}/seed0" for weight in WEIGHTS]


@pytest.fixture
def parts(only_tiny):
    """The tiny parts with the protocols, the objective and the decoder that these studies name."""
    wanted = [("protocol", (*PROTOCOLS, JointUniversal)), ("objective", OBJECTIVES), ("decoder", (ConditionedDecoder,))]
    for kind, targets in wanted:
        only_tiny.entries.extend(registry._checked(kind, target, "rdcbench_frontier") for target in targets)
    return only_tiny


@pytest.fixture
def recipe_of(make_recipe):
    def make(only=("joint",), **studies):
        return make_recipe(
            {"studies": {**STUDIES, **studies}, "objective": {"name": "weighted"}, "only": list(only), "judges": []}
        )

    return make


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return ConditionedDecoder((1, 4, 4), 3, widths=(8, 6))


def at(**tradeoff):
    return Context(0, "test", torch.arange(5), tradeoff=tradeoff)


# ------------------------------------------------------------------------------------------------------------ protocol


def test_one_training_meets_every_point_and_serves_every_row(recipe_of, parts):
    plan = make_plan(recipe_of(), 1, parts)
    jobs = [plan.job(name) for name in JOINT]
    assert [job.tradeoff for job in jobs] == [{"classification": weight} for weight in WEIGHTS]
    assert all(job.tradeoffs == [{"classification": weight} for weight in WEIGHTS] for job in jobs)
    assert all(job.trains == ROLES[:4] for job in jobs)
    assert len({plan.train_keys[name] for name in JOINT}) == 1
    assert len({plan.keys[name] for name in JOINT}) == 3


def test_points_are_repeated_as_asked(recipe_of, parts):
    joint = {**STUDIES["joint"], "protocol": {"name": "joint-universal", "repeat": [2, 0, 1]}}
    plan = make_plan(recipe_of(joint=joint), 1, parts)
    assert [met["classification"] for met in plan.job(JOINT[1]).tradeoffs] == [0.0, 0.0, 0.015]


def test_rows_share_one_sender_and_own_decoders_leave_it_as_it_is(recipe_of, parts, tmp_path):
    result = runner.run(recipe_of(only=["joint", "own"]), runner.Options(out=tmp_path / "run"))
    assert result.failures == {}
    keys = result.store.plan().keys
    cells = [result.store.cell(key) for name, key in keys.items() if name.startswith(("joint/", "own/"))]
    assert len(cells) == 5
    assert len({cell.fingerprints["sender"] for cell in cells}) == 1
    assert len({result.store.path(f"streams/{cell.key}.rdc").read_bytes() for cell in cells}) == 1
    own = [cell for cell in cells if cell.job.name.startswith("own/")]
    assert all(cell.job.sender_frozen and not set(SENDER) & set(cell.job.trains) for cell in own)
    assert all(cell.fingerprints["frozen_before"] == cell.fingerprints["frozen_after"] for cell in own)


BAD = {
    "one point": ({"sweep": {"classification": [0.0]}}, RecipeError, "has 1 operating point; .* take end-to-end"),
    "a weight missing": (
        {"sweep": {}, "points": [{"classification": 0.0}, {"perception": 0.1}]},
        RecipeError,
        "'classification=0' of the study 'joint' names no weight for perception, .*write 0",
    ),
    "counts of other points": (
        {"protocol": {"name": "joint-universal", "repeat": [1, 2]}},
        RecipeError,
        "has 3 operating points and 'repeat' has 2",
    ),
    "no counts at all": (
        {"protocol": {"name": "joint-universal", "repeat": [0, 0, 0]}},
        PartError,
        "must be counts, at least one of them above 0",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_study_that_cannot_be_joint_is_refused(fault, recipe_of, parts):
    change, error, sentence = BAD[fault]
    with pytest.raises(error, match=sentence):
        make_plan(recipe_of(joint={**STUDIES["joint"], **change}), 1, parts)


@pytest.mark.parametrize("change", [{"levels": 4}, {"dimensions": 2}])
def test_a_joint_encoder_of_another_rate_is_no_base(change, recipe_of, parts):
    with pytest.raises(RecipeError, match="One encoder has one rate, so make them equal"):
        make_plan(recipe_of(only=["own"], own={**STUDIES["own"], **change}), 1, parts)


# ------------------------------------------------------------------------------------------------------------- decoder


def test_an_untrained_decoder_is_the_same_for_all_tradeoffs(decoder):
    received = torch.randn(5, 3)
    first, second = decoder(received, at(classification=0.0)), decoder(received, at(classification=0.015))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_trained_one_can_serve_two_tradeoffs_with_two_images(decoder):
    received = torch.zeros(5, 3)
    optimizer = torch.optim.Adam(decoder.parameters(), 0.02)
    wanted = {0.0: 0.2, 0.015: 0.8}
    for _ in range(150):
        loss = sum((decoder(received, at(classification=w)) - pixel).square().mean() for w, pixel in wanted.items())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    decoder.requires_grad_(False)
    for weight, pixel in wanted.items():
        assert float((decoder(received, at(classification=weight)) - pixel).abs().mean()) < 0.05


@pytest.mark.parametrize(
    ("tradeoff", "known"),
    [({}, "says nothing"), ({"perception": 1.0}, "perception=1"), ({"classification": -1.0}, "=-1")],
)
def test_a_weight_that_is_missing_or_negative_is_named(decoder, tradeoff, known):
    with pytest.raises(PartError, match=f"must be told the weight 'classification', 0 or more; .*{known}"):
        decoder(torch.zeros(5, 3), at(**tradeoff))


@pytest.mark.parametrize(
    ("options", "sentence"), [({"weights": ["rate"]}, r"it got \['rate'\]"), ({"unit": 0.0}, "unit = 0.0")]
)
def test_options_that_cannot_be_are_refused(options, sentence):
    with pytest.raises(PartError, match=sentence):
        ConditionedDecoder((1, 4, 4), 3, **options)

from __future__ import annotations

import pytest

from rdcbench import errors
from rdcbench.errors import RdcbenchError, unknown


def test_unknown_says_what_was_asked_what_there_is_and_what_was_meant():
    assert unknown("encoder", "mpl", ["paper", "mlp"]) == (
        "There is no encoder 'mpl'; there is: mlp, paper. Did you mean 'mlp'?"
    )


def test_unknown_does_not_guess_when_nothing_is_near():
    assert unknown("encoder", "zzz", {"mlp"}) == "There is no encoder 'zzz'; there is: mlp."


def test_unknown_knows_what_was_meant_in_capitals():
    assert unknown("benchmark", "SMOKE", ["smoke", "Paper"]).endswith("there is: Paper, smoke. Did you mean 'smoke'?")


def test_unknown_of_very_many_names_tells_the_nearest():
    said = unknown("job", "rdc/seed99", [f"{study}/seed{seed}" for study in ("rdc", "rdp") for seed in range(30)])
    assert "'rdc/seed99'; there is: rdc/seed9, " in said
    assert "and 52 more. Did you mean 'rdc/seed9'?" in said
    assert len(said) < 200


def test_unknown_when_there_is_nothing_at_all():
    assert unknown("tracker", "wandb", []) == "There is no tracker 'wandb'; there is: none."


@pytest.mark.parametrize("name", ["RecipeError", "PartError", "DataError", "StreamError", "StoreError"])
def test_every_handled_error_is_of_the_one_family(name):
    assert issubclass(getattr(errors, name), RdcbenchError)
    assert getattr(errors, name).__doc__

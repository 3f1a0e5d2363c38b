from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest

from rdcbench.errors import RecipeError
from rdcbench.verify.claim import Law
from rdcbench.verify.kinds import KINDS, make_claim

from .fake import SHIPPED, shipped_claims

PATH = Path("expected.toml")
WORDS = {"says": "s", "reason": "r"}


def test_every_kind_is_called_what_its_class_says():
    for kind, claim in KINDS.items():
        assert get_args(claim.model_fields["kind"].annotation) == (kind,)
        assert claim.__doc__


def test_the_claims_of_the_mnist_benchmarks_use_every_kind_but_that_of_sources_with_closed_forms():
    frontier = tomllib.loads((SHIPPED.parents[1] / "mnist-frontier" / "expected.toml").read_text("utf-8"))["claims"]
    assert set(KINDS) - {claim["kind"] for claim in (shipped_claims() | frontier).values()} <= {"law"}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"kind": "gapp", **WORDS}, "claims.one: There is no kind of claim 'gapp'"),
        ({**WORDS}, "claims.one: There is no kind of claim ''"),
        ({"kind": "frozen", "says": "s"}, "claims.one.reason: field required"),
        ({"kind": "frozen", **WORDS, "at_most": 1}, "claims.one.at_most: extra inputs are not permitted"),
        (
            {"kind": "rates", **WORDS, "relative": "much", "absolute": 0},
            "claims.one.relative: input should be a valid number",
        ),
        ({"kind": "codewords", **WORDS, "at_least": {9: 0.01, 27: 0.02}}, "more codewords have a lower bound"),
        ({"kind": "real", **WORDS, "within": {"kid": [0.5, 0.1]}}, "the limits of kid are not in order"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(table, sentence):
    with pytest.raises(RecipeError) as error:
        make_claim("one", table, PATH)
    assert sentence in str(error.value)
    assert str(error.value).startswith("expected.toml: ")


def test_laws_fail_whatever_is_missing_and_other_claims_wait():
    law, claim = (make_claim("one", {**table, **WORDS}, PATH) for table in (
        {"kind": "frozen"}, {"kind": "difference", "field": "a", "minus": "b", "studies": "s", "at_most": 1},
    ))  # fmt: skip
    assert isinstance(law, Law)
    assert [law.verdict_without(verdict) for verdict in ("PASS", "FAIL")] == ["UNDECIDED", "FAIL"]
    assert [claim.verdict_without(verdict) for verdict in ("PASS", "FAIL")] == ["UNDECIDED", "UNDECIDED"]

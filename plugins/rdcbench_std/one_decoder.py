"""One decoder on a frozen sender for all operating points of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdcbench import ROLES, SENDER, Job, Protocol, Recipe, RecipeError, Study, codec_job, unknown
from rdcbench_std.protocols import base_name


class OneDecoder(Protocol):
    """The sender of another study's job is frozen; one decoder is trained or fitted, once, for all points of the study.

    For decoders with a dial, or that are conditioned on the weights: points differ in what the decoder is asked for.

    Parameters
    ----------
    study: the study that the base job belongs to.
    base: its operating point, such as {classification = 0.015}.
    start: the roles that start from the base job's weights ("decoder", "critic"); none if not given.
    """

    name = "one-decoder"

    def __init__(self, study: str, base: Mapping[str, float], start: Sequence[str] = ()) -> None:
        self.study, self.base, self.start = study, dict(base), tuple(start)
        for role in self.start:
            if role not in ("decoder", "critic"):
                raise ValueError(unknown("role that can start from the base", role, ("decoder", "critic")))

    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """A job for each point, all with one training."""
        base = base_name(recipe, study, self.study, self.base, seed)
        self._check_sender(recipe, study)
        inputs = dict.fromkeys((*SENDER, *self.start), base)
        trains = [role for role in ROLES if role not in SENDER]
        points = list(study.tradeoffs())
        return [codec_job(recipe, study, study_name, seed, point, trains, inputs, points) for point in points]

    def _check_sender(self, recipe: Recipe, study: Study) -> None:
        """Refuse a study that builds another sender than its base: its weights would not fit, or mean other things."""
        for role in SENDER:
            own, theirs = recipe.part(role, study), recipe.part(role, recipe.studies[self.study])
            if own != theirs:
                raise RecipeError(
                    f"The {role.replace('_', ' ')} of the study that starts from {self.study!r} is {own}, and that of "
                    f"{self.study!r} is {theirs}. A frozen sender is one sender, so give both studies the same table."
                )


PROTOCOLS = (OneDecoder,)

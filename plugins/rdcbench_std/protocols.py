"""Who trains and who is frozen: end-to-end, and universal (one frozen encoder, a decoder for each tradeoff)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdcbench import ROLES, SENDER, Job, Protocol, Recipe, RecipeError, Study, codec_job, point_name, unknown


class EndToEnd(Protocol):
    """Encoder, tables, decoder and critic are trained for each tradeoff, from scratch."""

    name = "end-to-end"

    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """One job for each operating point."""
        return [codec_job(recipe, study, study_name, seed, tradeoff) for tradeoff in study.tradeoffs()]


class Universal(Protocol):
    """The sender of one end-to-end job is frozen; a decoder and a critic are trained for each tradeoff.

    Parameters
    ----------
    study: the end-to-end study that the base job belongs to.
    base: its operating point, such as {classification = 0.015}.
    start: the roles that start from the base job's weights instead of from scratch ("decoder", "critic").
    """

    name = "universal"

    def __init__(self, study: str, base: Mapping[str, float], start: Sequence[str] = ("decoder", "critic")) -> None:
        self.study = study
        self.base = dict(base)
        self.start = tuple(start)
        for role in self.start:
            if role not in ("decoder", "critic"):
                raise ValueError(unknown("role that can start from the base", role, ("decoder", "critic")))

    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """The base job, and one job for each operating point."""
        base_study = self._base_study(recipe, study)
        base = codec_job(recipe, base_study, self.study, seed, self.base)
        given = {role: base.name for role in (*SENDER, *self.start) if role in base.parts}
        trains = [role for role in ROLES if role not in SENDER]
        jobs = [codec_job(recipe, study, study_name, seed, point, trains, given) for point in study.tradeoffs()]
        return [base, *jobs]

    def _base_study(self, recipe: Recipe, study: Study) -> Study:
        if self.study not in recipe.studies:
            raise RecipeError(unknown("study", self.study, recipe.studies))
        base = recipe.studies[self.study]
        points = list(base.tradeoffs())
        if self.base not in points:
            raise RecipeError(
                unknown(f"point of the study {self.study!r} named", point_name(self.base), map(point_name, points))
            )
        if (base.dimensions, base.levels) != (study.dimensions, study.levels):
            raise RecipeError(
                f"The base job has {base.dimensions} dimensions and {base.levels} levels, the universal study has "
                f"{study.dimensions} and {study.levels}; one encoder has one rate, so make them equal."
            )
        return base


PROTOCOLS = (EndToEnd, Universal)

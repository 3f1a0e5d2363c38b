"""Who trains and who is frozen: end-to-end, and universal (one frozen encoder, a decoder for each tradeoff)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdcbench import ROLES, SENDER, Job, Protocol, Recipe, RecipeError, Study, codec_job, job_name, point_name, unknown


def base_name(recipe: Recipe, study: Study, name: str, point: Mapping[str, float], seed: int) -> str:
    """Name of the job at a point of another study, which jobs of `study` start from; they must have one rate."""
    if name not in recipe.studies:
        raise RecipeError(unknown("study", name, recipe.studies))
    base = recipe.studies[name]
    points = list(base.tradeoffs())
    if point not in points:
        raise RecipeError(
            unknown(f"point of the study {name!r} named", point_name(point), [point_name(known) for known in points])
        )
    if (base.dimensions, base.levels) != (study.dimensions, study.levels):
        raise RecipeError(
            f"The base study {name!r} has {base.dimensions} dimensions and {base.levels} levels; the study that starts "
            f"from it has {study.dimensions} and {study.levels}. One encoder has one rate, so make them equal."
        )
    return job_name(name, base, point, seed)


class EndToEnd(Protocol):
    """Encoder, tables, decoder and critic are trained for each tradeoff.

    Parameters
    ----------
    study, base: the study and operating point whose encoder and decoder they start from; from scratch if not given.
    """

    name = "end-to-end"

    def __init__(self, study: str = "", base: Mapping[str, float] | None = None) -> None:
        if bool(study) != (base is not None):
            raise ValueError("'study' and 'base' go together: the study and the operating point to start from")
        self.study = study
        self.base = dict(base or {})

    def plan(self, recipe: Recipe, study: Study, study_name: str, seed: int) -> Sequence[Job]:
        """One job for each operating point."""
        inputs: dict[str, str] = {}
        if self.study:
            start = base_name(recipe, study, self.study, self.base, seed)
            inputs = {"encoder": start, "decoder": start}
        return [codec_job(recipe, study, study_name, seed, point, inputs=inputs) for point in study.tradeoffs()]


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
        """One job for each operating point."""
        base = base_name(recipe, study, self.study, self.base, seed)
        inputs = dict.fromkeys((*SENDER, *self.start), base)
        trains = [role for role in ROLES if role not in SENDER]
        return [codec_job(recipe, study, study_name, seed, point, trains, inputs) for point in study.tradeoffs()]


PROTOCOLS = (EndToEnd, Universal)

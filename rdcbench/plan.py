"""Planning: from a recipe to jobs in order, and the keys under which their results are kept.

A training key hashes all that the trained weights depend on: the job's own settings, the keys of its inputs, the data,
the seed and the versions of its parts. A cell's key adds the metrics and judges. Neither knows the recipe's name, so
one more operating point is one more job, and runs share what they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rdcbench.errors import RecipeError, unknown
from rdcbench.jobs import Job, Plan
from rdcbench.recipe import FULL_PRECISION, PartSpec, Recipe, Training, digest_of
from rdcbench.registry import Registry
from rdcbench.versions import MEASURED_BY, REDUCED_BY, TRAINED_BY, module_versions, sources, version_of, versions

_NOT_IN_KEY = {"name", "inputs", "metrics", "judges", "versions", "metric_versions", "data_digest"}
_CRITIC_ONLY = ("critic_learning_rate", "critic_betas", "critic_schedule", "critic_batches")


def make_plan(recipe: Recipe, seeds: int, registry: Registry, digests: Mapping[str, str] | None = None) -> Plan:
    """Resolve a recipe into jobs and keys.

    digests: data digest by canonical data-set spec, for tests; computed from the data sets otherwise.
    """
    jobs: dict[str, Job] = {}
    for job in _laid_out(recipe, seeds, registry):
        for needed in (*_stage_jobs(recipe, job, registry), _completed(recipe, job, registry)):
            if jobs.setdefault(needed.name, needed) != needed:
                raise RecipeError(
                    f"Two different jobs are named {needed.name!r}: points must differ in six digits, and a job that "
                    "another study starts from must be laid out as its own study does."
                )
    ordered = _ordered({name: _startable(job, jobs) for name, job in jobs.items()})
    digest = _data_digests(ordered, registry, digests or {})
    ordered = [job.model_copy(update={"data_digest": digest[job.dataset.model_dump_json()]}) for job in ordered]
    train_keys: dict[str, str] = {}
    keys: dict[str, str] = {}
    for job in ordered:
        train_keys[job.name] = _train_key(job, train_keys, registry)
        keys[job.name] = _cell_key(job, train_keys, registry)
    return Plan(
        jobs=ordered,
        train_keys=train_keys,
        keys=keys,
        data_digest=digest.get(recipe.dataset.model_dump_json(), ordered[0].data_digest if ordered else ""),
        sources=sources(ordered, registry),
    )


def _laid_out(recipe: Recipe, seeds: int, registry: Registry) -> Iterable[Job]:
    """The jobs of the active studies, and those of other studies that they start from; some more than once."""
    by_study: dict[tuple[str, int], list[Job]] = {}

    def study_jobs(name: str, seed: int) -> list[Job]:
        if (name, seed) not in by_study:
            study = recipe.studies[name]
            protocol = registry.build("protocol", study.protocol.name, study.protocol.options)
            by_study[name, seed] = list(protocol.plan(recipe, study, name, seed))
        return by_study[name, seed]

    queue = [job for seed in range(seeds) for name in recipe.active_studies for job in study_jobs(name, seed)]
    seen: set[str] = set()
    for job in queue:
        yield job
        if job.name in seen:
            continue
        seen.add(job.name)
        for needed in job.inputs.values():
            study = needed.partition("/")[0]
            if needed not in seen and study in recipe.studies:
                queue += [other for other in study_jobs(study, job.seed) if other.name == needed]


def _stage_jobs(recipe: Recipe, job: Job, registry: Registry) -> Iterable[Job]:
    """The classifier and the judges that a codec job needs; they have seed 0, so that all rows share them."""
    classifier = _classifier(recipe, job)
    if classifier is not None:
        yield Job(
            name=_classifier_name(recipe, job, classifier),
            stage="classifier",
            dataset=job.dataset,
            parts={"classifier": classifier},
            versions=versions({"classifier": classifier}, registry),
        )
    for judge in recipe.judges:
        _check_judge(judge, registry)
        yield Job(
            name=_judge_name(recipe, job, judge),
            stage="judge",
            dataset=job.dataset,
            parts={"judge": judge},
            versions=versions({"judge": judge}, registry),
        )


def _check_judge(judge: PartSpec, registry: Registry) -> None:
    """Refuse a judge that asks for what codecs are trained with: it would judge in its own cause."""
    for wanted in ("classifier", "critic"):
        if wanted in registry.get("judge", judge.name).options():
            raise RecipeError(
                f"The judge {judge.name!r} asks for the {wanted} that codecs are trained with; a judge must be fitted "
                "apart from them, so leave the argument out and train in `fit`."
            )


def _classifier(recipe: Recipe, job: Job) -> PartSpec | None:
    """The classifier of the study that a codec job belongs to."""
    study = recipe.studies.get(job.name.partition("/")[0])
    return recipe.part("classifier", study) if study else recipe.classifier


def _classifier_name(recipe: Recipe, job: Job, classifier: PartSpec) -> str:
    usual = job.dataset == recipe.dataset and classifier == recipe.classifier
    specs = [job.dataset.model_dump(mode="json"), classifier.model_dump(mode="json")]
    return "classifier" if usual else f"classifier-{digest_of(specs, 3)}"


def _judge_name(recipe: Recipe, job: Job, judge: PartSpec) -> str:
    usual = job.dataset == recipe.dataset
    return f"judge:{judge.name}" if usual else f"judge:{judge.name}-{digest_of(job.dataset.model_dump(mode='json'), 3)}"


def _completed(recipe: Recipe, job: Job, registry: Registry) -> Job:
    """Check the tradeoff, drop what no active term reads, and add shared inputs, metrics and versions."""
    classifier = _classifier(recipe, job)
    reads = {"classifier"} if "codec" in job.parts else active_reads(job, registry)
    parts = dict(job.parts)
    inputs = dict(job.inputs)
    training = job.training
    trains = tuple(role for role in job.trains if role in parts)
    if "critic" not in reads:
        parts.pop("critic", None)
        inputs.pop("critic", None)
        trains = tuple(role for role in trains if role != "critic")
        defaults = {name: Training.model_fields[name].default for name in _CRITIC_ONLY}
        training = training.model_copy(update=defaults) if training else None
    if "codec" in parts and training:  # it trains itself, in its own precision
        training = training.model_copy(update={"precision": FULL_PRECISION})
    if classifier is not None:
        inputs["classifier"] = _classifier_name(recipe, job, classifier)
    metrics = [spec for spec in recipe.metrics if _applicable(spec, parts, classifier, registry)]
    return job.model_copy(
        update={
            "parts": parts,
            "inputs": inputs,
            "trains": trains,
            "training": training,
            "metrics": metrics,
            "judges": [_judge_name(recipe, job, judge) for judge in recipe.judges],
            "versions": versions(parts, registry),
            "metric_versions": {spec.name: version_of("metric", spec.name, registry, spec.options) for spec in metrics},
        }
    )


def _applicable(spec: PartSpec, parts: Mapping[str, PartSpec], classifier: PartSpec | None, registry: Registry) -> bool:
    """Whether a metric's needs are met: one that names `critic` needs a job with a critic of its own."""
    options = registry.get("metric", spec.name).options()
    return ("critic" not in options or "critic" in parts) and ("classifier" not in options or classifier is not None)


def _startable(job: Job, jobs: Mapping[str, Job]) -> Job:
    """Let the critic start from scratch where the job that it would start from has none."""
    base = jobs.get(job.inputs.get("critic", ""))
    if base is None or "critic" in base.parts:
        return job
    return job.model_copy(update={"inputs": {role: name for role, name in job.inputs.items() if role != "critic"}})


def active_terms(job: Job, registry: Registry) -> dict[str, frozenset[str]]:
    """The objective's terms that have a weight in this job, with what each reads."""
    spec = job.parts["objective"]
    terms: Mapping[str, frozenset[str]] = registry.get("objective", spec.name).target.terms
    dials: tuple[str, ...] = registry.get("decoder", job.parts["decoder"].name).target.dials
    points = job.tradeoffs or [job.tradeoff]
    for name in {name for point in [job.tradeoff, *points] for name in point}:
        if name not in terms and name not in dials:
            raise RecipeError(
                unknown(f"term of the objective {spec.name!r} or dial of the decoder named", name, [*terms, *dials])
            )
    weighted = {name for name in terms if any(point.get(name, _usual_weight(name)) != 0 for point in points)}
    started = set(job.training.anneal) if job.training else set()
    return {name: reads for name, reads in terms.items() if name in weighted | started}


def _usual_weight(term: str) -> float:
    """The weight of a term that a tradeoff does not mention."""
    return float(term == "distortion")


def active_reads(job: Job, registry: Registry) -> set[str]:
    """What the active terms read of an outcome: some of "critic", "classifier", "rate"."""
    return {read for reads in active_terms(job, registry).values() for read in reads}


def _ordered(jobs: Mapping[str, Job]) -> list[Job]:
    """Sort so that inputs come first; a protocol that goes in a circle is refused."""
    ordered: dict[str, Job] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        if name in path:
            raise RecipeError(f"The plan goes in a circle: {' -> '.join([*path, name])}.")
        if name not in jobs:
            raise RecipeError(unknown("job", name, jobs) + f" {path[-1]!r} starts from it.")
        for needed in [*jobs[name].inputs.values(), *jobs[name].judges]:
            visit(needed, (*path, name))
        ordered[name] = jobs[name]

    for name in jobs:
        visit(name, ())
    return list(ordered.values())


def _train_key(job: Job, train_keys: Mapping[str, str], registry: Registry) -> str:
    settings = job.model_dump(mode="json", exclude=_NOT_IN_KEY)
    settings["tradeoff"] = {} if job.tradeoffs else _telling(job, registry)
    if training := settings["training"]:
        reduced = training["precision"] != FULL_PRECISION
        for name in ("limit_seconds", "checkpoint_seconds", *(() if reduced else ("precision",))):
            training.pop(name)
    settings["inputs"] = {role: train_keys[name] for role, name in sorted(job.inputs.items())}
    trained_by = module_versions(*TRAINED_BY, *(REDUCED_BY if training and reduced else ()))
    return digest_of([settings, job.data_digest, job.versions, trained_by])


def _telling(job: Job, registry: Registry) -> dict[str, float]:
    """The entries of a tradeoff that say something: not the usual weights of terms, but any value of a dial."""
    if "objective" not in job.parts:
        return job.tradeoff
    terms = registry.get("objective", job.parts["objective"].name).target.terms
    dials = registry.get("decoder", job.parts["decoder"].name).target.dials
    usual = {name: _usual_weight(name) for name in terms if name not in dials}
    return {name: weight for name, weight in job.tradeoff.items() if weight != usual.get(name)}


def _cell_key(job: Job, train_keys: Mapping[str, str], registry: Registry) -> str:
    metrics = [spec.model_dump(mode="json") for spec in job.metrics]
    judges = {name: train_keys[name] for name in job.judges}
    measured_by = [job.metric_versions, module_versions(*MEASURED_BY)]
    return digest_of([train_keys[job.name], _telling(job, registry), metrics, judges, measured_by])


def _data_digests(jobs: Iterable[Job], registry: Registry, known: Mapping[str, str]) -> dict[str, str]:
    digests = dict(known)
    for job in jobs:
        spec = job.dataset
        if spec.model_dump_json() not in digests:
            dataset = registry.build("dataset", spec.name, spec.options)
            digests[spec.model_dump_json()] = digest_of([spec.model_dump(mode="json"), dataset.digest()])
    return digests

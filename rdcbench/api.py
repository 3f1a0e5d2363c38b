"""The Python door: run a benchmark, read its rows, load one of its codecs, build a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdcbench.benchmarks import find_recipe, out_folder
from rdcbench.errors import PartError, RdcbenchError, StoreError, unknown
from rdcbench.loading import expected_text, load_recipe, parse_setting

if TYPE_CHECKING:
    import pandas as pd

    from rdcbench.interfaces import WholeCodec


def run(
    benchmark: str,
    preset: str = "",
    out: str | Path | None = None,
    settings: str | Sequence[str] = (),
    plugin_files: str | Path | Sequence[str | Path] = (),
    **options: Any,
) -> pd.DataFrame:
    """Run a benchmark by name or by the path of its recipe, and give its rows.

    Parameters
    ----------
    benchmark, preset: as on the command line.
    out: the run folder; runs/BENCHMARK-PRESET if not given.
    settings: "table.key=VALUE" texts laid over the recipe, or one of them; 'only=["rdc"]' chooses studies.
    plugin_files: single-file plugins, or one of them.
    options: further fields of `rdcbench.options.Options`: seeds, jobs, device, data_dir, cache, offline, executor,
        executor_options, artefacts, trackers. One job at a time if `jobs` is not given: worker processes need the
        caller's script to guard its main part; jobs=None: as many as the machine's cores, or as the cluster takes.

    Raises
    ------
    RdcbenchError: bad input, or jobs that failed; what is finished is kept, and `rows` reads it.
    """
    from rdcbench import runner
    from rdcbench.options import Options

    _check_known(options)
    path = find_recipe(benchmark)
    texts = [settings] if isinstance(settings, str) else settings
    files = [plugin_files] if isinstance(plugin_files, str | Path) else plugin_files
    recipe = load_recipe(path, preset, [parse_setting(text) for text in texts])
    defaults = {"jobs": 1, "seeds": recipe.seeds}
    folders = {name: Path(options[name]) for name in ("data_dir", "cache") if options.get(name) is not None}
    chosen = Options(
        out=Path(out) if out else out_folder(recipe.name, preset),
        expected=expected_text(path),
        plugin_files=tuple(Path(file).resolve() for file in files),
        **{**defaults, **options, **folders},
    )
    result = runner.run(recipe, chosen)
    if result.failures:
        listing = "; ".join(f"{name}: {why}" for name, why in result.failures.items())
        raise RdcbenchError(f"{len(result.failures)} jobs of {chosen.out} failed: {listing}")
    return rows(result.store.root)


def _check_known(options: Mapping[str, Any]) -> None:
    """Refuse what is no field of Options, with the names that are."""
    from rdcbench.options import Options

    known = [field.name for field in fields(Options) if field.name != "expected"]
    for name in options:
        if name not in known:
            raise RdcbenchError(unknown("option of a run", name, [*known, "preset", "settings"]))


def rows(run_folder: str | Path) -> pd.DataFrame:
    """Read the rows of a run: one line for each operating point, fields with their intervals as columns."""
    import pandas as pd

    from rdcbench.results import frame_records
    from rdcbench.store import Store

    return pd.DataFrame(frame_records(Store(Path(run_folder)).open().rows()))


def load(
    name: str, data_dir: str | Path | None = None, device: str = "cpu", plugin_files: Sequence[str | Path] = ()
) -> WholeCodec:
    """Load a trained codec by RUN/JOB, such as "runs/smoke-default/rdc/end-to-end/classification=0/seed0".

    plugin_files: the single-file plugins that brought its parts.
    """
    codec: WholeCodec = open_job(name, data_dir, device, plugin_files).codec
    return codec


def open_job(
    name: str, data_dir: str | Path | None = None, device: str = "cpu", plugin_files: Sequence[str | Path] = ()
) -> Any:
    """Load a trained codec with its critic and classifier by RUN/JOB (`rdcbench.building.Built`)."""
    from rdcbench import building

    store, job_name = split_name(name)
    plan = store.plan()
    if plan is None:
        raise StoreError(f"{store.root} has no plan yet; run the benchmark first.")
    settings = building.Settings(
        store.root,
        data_dir=Path(data_dir) if data_dir else None,
        device=device,
        plugin_files=tuple(Path(file).resolve() for file in plugin_files),
    )
    try:
        return building.load_codec(building.work_of(plan, plan.job(job_name), settings))
    except PartError as error:
        hint = (
            "" if plugin_files else " If a single file brought it, give that file with --plugin (plugin_files=[...])."
        )
        raise PartError(f"{error}{hint}") from error


def split_name(name: str) -> tuple[Any, str]:
    """Split RUN/JOB into the run's store and the job's name: RUN is the longest leading folder that is a run."""
    from rdcbench.store import Store

    parts = Path(name).parts
    for length in range(len(parts) - 1, 0, -1):
        folder = Path(*parts[:length])
        if (folder / "provenance.json").is_file():
            return Store(folder).open(), "/".join(parts[length:])
    raise StoreError(f"{name!r} names no job of a run: write RUN/JOB, where RUN is a folder made by `rdcbench run`.")


def build(
    kind: str,
    name: str,
    given: Mapping[str, Any] | None = None,
    plugin_files: Sequence[str | Path] = (),
    **options: Any,
) -> Any:
    """Build one part by kind and name from its options; `given` holds what the harness would fill in."""
    from rdcbench import registry

    return registry.load(tuple(Path(file).resolve() for file in plugin_files)).build(kind, name, options, given)

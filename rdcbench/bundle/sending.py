"""`rdcbench export`: a finished run into one file, each of its streams decoded once on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rdcbench import building
from rdcbench.bundle.archive import Manifest, digest_of_file, write_archive
from rdcbench.bundle.streams import digest_of_symbols, done_codecs, symbols_of
from rdcbench.errors import StoreError
from rdcbench.jobs import Plan
from rdcbench.live import is_running
from rdcbench.store import Store

Tell = Callable[[str], None]


def export(
    run: Path,
    target: Path,
    data_dir: Path | None = None,
    plugin_files: Sequence[Path] = (),
    tell: Tell = lambda _: None,
) -> Manifest:
    """Write a finished run as a bundle: rows, provenance, recipe, streams, weights; not its data set.

    tell: called with the name of each row whose stream is decoded to note the digest of its symbols.

    Raises
    ------
    StoreError: the run is in progress, has no row or lacks files, or `target` is there already.
    """
    store = Store(run).open()
    plan = _finished_plan(store)
    if target.exists():
        raise StoreError(f"{target} is there already; remove it or name another file.")
    settings = building.Settings(run, data_dir=data_dir, plugin_files=tuple(plugin_files))
    symbols = {}
    for job in done_codecs(store, plan):
        tell(job.name)
        if (found := symbols_of(building.work_of(plan, job, settings))) is not None:
            symbols[plan.keys[job.name]] = digest_of_symbols(found)
    files = {name: digest_of_file(store.path(name)) for name in _names(store, plan)}
    manifest = Manifest(run=run.resolve().name, files=files, symbols=symbols)
    write_archive(target, manifest, run)
    return manifest


def _finished_plan(store: Store) -> Plan:
    if is_running(store.root):
        raise StoreError(f"{store.root} is in progress; wait for its end (`rdcbench watch {store.root}`).")
    plan = store.plan()
    if plan is None or not done_codecs(store, plan):
        raise StoreError(f"{store.root} has no finished row; there is nothing to export. See `rdcbench status`.")
    lacking = [job.name for job in plan.unique() if job.stage == "codec" and store.cell(plan.keys[job.name]) is None]
    if lacking:
        raise StoreError(
            f"{store.root} is not finished: {len(lacking)} cells are missing or damaged, such as {lacking[0]}. "
            "The same `rdcbench run` makes them."
        )
    return plan


def _names(store: Store, plan: Plan) -> list[str]:
    """The files of a bundle, smallest kinds first; weights only of jobs that left any."""
    names = ["recipe.toml", "provenance.json", "plan.json"]
    names += ["expected.toml"] if store.path("expected.toml").exists() else []
    keys = [plan.keys[job.name] for job in plan.unique() if job.stage == "codec"]
    done = [plan.keys[job.name] for job in done_codecs(store, plan)]
    names += [f"cells/{key}.json" for key in keys]
    names += [name for key in done if store.path(name := f"cells/{key}.npz").exists()]
    names += [f"streams/{key}.rdc" for key in done]
    weights = dict.fromkeys(plan.train_keys[job.name] for job in plan.unique())
    return names + [name for key in weights if store.path(name := f"weights/{key}.safetensors").exists()]

"""`rdcbench run`: plan, perform, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rdcbench.cli.shared import DataDir, Offline, Plugins
from rdcbench.errors import RecipeError

if TYPE_CHECKING:
    from rdcbench.options import Options
    from rdcbench.recipe import Recipe


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def _part(kind: str) -> Any:
    return typer.Option(help=f"Use this {kind} instead of the recipe's.", rich_help_panel="Parts", metavar="NAME")


Benchmark = Annotated[str, typer.Argument(help="A benchmark's name, or the path of a recipe ending in .toml.")]
Preset = Annotated[str, typer.Option(help="A preset of the recipe.")]
Quick = Annotated[bool, typer.Option("--quick", help="The preset 'quick'.")]
Seeds = Annotated[int | None, typer.Option(help="Run seeds 0..N-1.")]
Jobs = Annotated[int | None, typer.Option(help="Jobs at a time; one for each core if not given.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1.")]
CudaGraphs = Annotated[
    bool, typer.Option("--cuda-graphs", help="Capture each training's iteration and replay it; with --device cuda.")
]
Only = Annotated[list[str] | None, typer.Option(help="Run only this study; may be repeated.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Lay table.key=TOML-VALUE over the recipe; may be repeated.")
]
Out = Annotated[Path | None, typer.Option(help="Run folder; runs/BENCH-PRESET if not given.")]
Cache = Annotated[
    Path | None,
    typer.Option(help="A folder that runs share: what one of them has trained, the next does not repeat."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the jobs and an estimate of their time.")]
Executor = Annotated[str, typer.Option(help="Where jobs run.", metavar="NAME")]
Address = Annotated[str, typer.Option(help="Of the executor's cluster.", metavar="HOST:PORT")]
ExecutorOptions = Annotated[
    list[str] | None,
    typer.Option(help="NAME=TOML-VALUE for the executor, such as gpus=0.5; may be repeated.", metavar="TEXT"),
]
Artefacts = Annotated[
    str, typer.Option(help="Folder or fsspec URL by which jobs exchange files, for workers that do not see --out.")
]
Trackers = Annotated[list[str] | None, typer.Option(help="A tracker; may be repeated.", metavar="NAME")]
Metrics = Annotated[list[str] | None, typer.Option(help="A further metric.", metavar="NAME")]
Judges = Annotated[list[str] | None, typer.Option(help="A further judge.", metavar="NAME")]


def run(
    benchmark: Benchmark,
    preset: Preset = "",
    quick: Quick = False,
    seeds: Seeds = None,
    jobs: Jobs = None,
    device: Device = "cpu",
    cuda_graphs: CudaGraphs = False,
    only: Only = None,
    settings: Settings = None,
    out: Out = None,
    data_dir: DataDir = None,
    cache: Cache = None,
    offline: Offline = False,
    dry_run: DryRun = False,
    executor: Executor = "local",
    address: Address = "",
    executor_option: ExecutorOptions = None,
    artefacts: Artefacts = "",
    plugin: Plugins = None,
    tracker: Trackers = None,
    dataset: Annotated[str | None, _part("data set")] = None,
    encoder: Annotated[str | None, _part("encoder")] = None,
    quantizer: Annotated[str | None, _part("quantizer")] = None,
    entropy_model: Annotated[str | None, _part("entropy model")] = None,
    decoder: Annotated[str | None, _part("decoder")] = None,
    critic: Annotated[str | None, _part("critic")] = None,
    classifier: Annotated[str | None, _part("classifier")] = None,
    objective: Annotated[str | None, _part("objective")] = None,
    codec: Annotated[str | None, _part("whole codec")] = None,
    protocol: Annotated[str | None, _part("protocol")] = None,
    metric: Metrics = None,
    judge: Judges = None,
) -> None:
    """Run a benchmark: what is finished is not repeated, so the same command goes on after an interruption."""
    from rdcbench.benchmarks import find_recipe, out_folder
    from rdcbench.loading import expected_text, load_recipe
    from rdcbench.options import Options

    parts = {
        "dataset": dataset, "encoder": encoder, "quantizer": quantizer, "entropy_model": entropy_model,
        "decoder": decoder, "critic": critic, "classifier": classifier, "objective": objective, "codec": codec,
    }  # fmt: skip
    preset = _preset(preset, quick)
    path = find_recipe(benchmark)
    recipe = load_recipe(path, preset, _overrides(parts, settings or (), only or ()))
    recipe = _extended(recipe, protocol, metric or (), judge or ())
    options = Options(
        out=out or out_folder(recipe.name, preset),
        seeds=recipe.seeds if seeds is None else seeds,
        jobs=jobs,
        device=device,
        cuda_graphs=cuda_graphs,
        data_dir=data_dir,
        cache=cache.resolve() if cache else None,
        offline=offline,
        executor=executor,
        executor_options=_executor_options(address, executor_option or ()),
        artefacts=artefacts,
        trackers=tuple(tracker or ()),
        plugin_files=tuple(file.resolve() for file in plugin or ()),
        expected=expected_text(path),
    )
    if dry_run:
        _dry_run(recipe, options)
    else:
        _run(recipe, options)


def _preset(name: str, quick: bool) -> str:
    if quick and name not in ("", "quick"):
        raise RecipeError(f"--quick is the preset 'quick', but --preset {name} was given too; give one of them.")
    return "quick" if quick else name


def _dry_run(recipe: Recipe, options: Options) -> None:
    from rdcbench.cli.progress import print_dry_run

    print_dry_run(recipe, options)


def _run(recipe: Recipe, options: Options) -> None:
    from rdcbench import runner
    from rdcbench.cli.progress import Display, print_result

    display = Display(options.out)
    try:
        with display:
            result = runner.run(recipe, options, display.listen)
    except KeyboardInterrupt as stop:
        typer.echo("rdcbench: interrupted; what is finished is kept, the same command goes on.", err=True)
        raise typer.Exit(130) from stop
    print_result(result)
    if result.failures:
        raise typer.Exit(1)


def _executor_options(address: str, texts: Sequence[str]) -> dict[str, Any]:
    from rdcbench.loading import parse_setting

    options: dict[str, Any] = {"address": address} if address else {}
    for text in texts:
        path, value = parse_setting(text, "--executor-option", "NAME=VALUE, such as gpus=0.5")
        options[".".join(path)] = value
    return options


def _overrides(
    parts: Mapping[str, str | None], settings: Sequence[str], only: Sequence[str]
) -> list[tuple[list[str], Any]]:
    from rdcbench.loading import parse_setting

    overrides: list[tuple[list[str], Any]] = [([kind, "name"], name) for kind, name in parts.items() if name]
    overrides += [parse_setting(text) for text in settings]
    return [*overrides, (["only"], list(only))] if only else overrides


def _extended(recipe: Recipe, protocol: str | None, metrics: Sequence[str], judges: Sequence[str]) -> Recipe:
    """Add metrics and judges by name, and put another protocol on every study."""
    from rdcbench.recipe import PartSpec

    change: dict[str, Any] = {
        "metrics": [*recipe.metrics, *(PartSpec(name=name) for name in metrics)],
        "judges": [*recipe.judges, *(PartSpec(name=name) for name in judges)],
    }
    if protocol:
        spec = PartSpec(name=protocol)
        change["studies"] = {
            name: study.model_copy(update={"protocol": spec}) for name, study in recipe.studies.items()
        }
    return recipe.model_copy(update=change)

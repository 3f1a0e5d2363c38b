"""`rdcbench run`: plan, perform, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from rdcbench.errors import RecipeError

if TYPE_CHECKING:
    from rdcbench.options import Options
    from rdcbench.recipe import Recipe

Text = Optional[str]  # noqa: UP045 - typer reads it at run time


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def _part(kind: str) -> Any:
    return typer.Option(help=f"Use this {kind} instead of the recipe's.", rich_help_panel="Parts", metavar="NAME")


def run(
    benchmark: Annotated[str, typer.Argument(help="A benchmark's name, or the path of a recipe ending in .toml.")],
    preset: Annotated[str, typer.Option(help="A preset of the recipe.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="The preset 'quick'.")] = False,
    seeds: Annotated[Optional[int], typer.Option(help="Run seeds 0..N-1.")] = None,  # noqa: UP045
    jobs: Annotated[Optional[int], typer.Option(help="Jobs at a time; one for each core if not given.")] = None,  # noqa: UP045
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1.")] = "cpu",
    only: Annotated[Optional[list[str]], typer.Option(help="Run only this study; may be repeated.")] = None,  # noqa: UP045
    settings: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", help="Lay table.key=TOML-VALUE over the recipe; may be repeated."),
    ] = None,
    out: Annotated[Optional[Path], typer.Option(help="Run folder; runs/BENCH-PRESET if not given.")] = None,  # noqa: UP045
    data_dir: Annotated[Optional[Path], typer.Option(help="Data folder.")] = None,  # noqa: UP045
    cache: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A folder that runs share: what one of them has trained, the next does not repeat."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never open a connection.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the jobs and an estimate of their time.")] = False,
    executor: Annotated[str, typer.Option(help="Where jobs run.", metavar="NAME")] = "local",
    address: Annotated[str, typer.Option(help="Of the executor's cluster.", metavar="HOST:PORT")] = "",
    executor_option: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="NAME=TOML-VALUE for the executor, such as gpus=0.5; may be repeated.", metavar="TEXT"),
    ] = None,
    artefacts: Annotated[
        str,
        typer.Option(help="Folder or fsspec URL by which jobs exchange files, for workers that do not see --out."),
    ] = "",
    plugin: Annotated[Optional[list[Path]], typer.Option(help="A single-file plugin; may be repeated.")] = None,  # noqa: UP045
    tracker: Annotated[Optional[list[str]], typer.Option(help="A tracker; may be repeated.", metavar="NAME")] = None,  # noqa: UP045
    dataset: Annotated[Text, _part("data set")] = None,
    encoder: Annotated[Text, _part("encoder")] = None,
    quantizer: Annotated[Text, _part("quantizer")] = None,
    entropy_model: Annotated[Text, _part("entropy model")] = None,
    decoder: Annotated[Text, _part("decoder")] = None,
    critic: Annotated[Text, _part("critic")] = None,
    classifier: Annotated[Text, _part("classifier")] = None,
    objective: Annotated[Text, _part("objective")] = None,
    codec: Annotated[Text, _part("whole codec")] = None,
    protocol: Annotated[Text, _part("protocol")] = None,
    metric: Annotated[Optional[list[str]], typer.Option(help="A further metric.", metavar="NAME")] = None,  # noqa: UP045
    judge: Annotated[Optional[list[str]], typer.Option(help="A further judge.", metavar="NAME")] = None,  # noqa: UP045
) -> None:
    """Run a benchmark: what is finished is not repeated, so the same command goes on after an interruption."""
    from rdcbench.benchmarks import find_recipe, out_folder
    from rdcbench.cli.progress import Display, print_dry_run, print_result
    from rdcbench.loading import expected_text, load_recipe
    from rdcbench.options import Options

    if quick and preset not in ("", "quick"):
        raise RecipeError(f"--quick is the preset 'quick', but --preset {preset} was given too; give one of them.")
    preset = "quick" if quick else preset
    parts = {
        "dataset": dataset, "encoder": encoder, "quantizer": quantizer, "entropy_model": entropy_model,
        "decoder": decoder, "critic": critic, "classifier": classifier, "objective": objective, "codec": codec,
    }  # fmt: skip
    path = find_recipe(benchmark)
    overrides = _overrides(parts, settings or [], only or [])
    recipe = _extended(load_recipe(path, preset, overrides), protocol, metric or [], judge or [])
    options = Options(
        out=out or out_folder(recipe.name, preset),
        seeds=recipe.seeds if seeds is None else seeds,
        jobs=jobs,
        device=device,
        data_dir=data_dir,
        cache=cache.resolve() if cache else None,
        offline=offline,
        executor=executor,
        executor_options=_executor_options(address, executor_option or []),
        artefacts=artefacts,
        trackers=tuple(tracker or ()),
        plugin_files=tuple(file.resolve() for file in plugin or ()),
        expected=expected_text(path),
    )
    if dry_run:
        print_dry_run(recipe, options)
        return
    _run(recipe, options, Display(options.out), print_result)


def _run(recipe: Recipe, options: Options, display: Any, show: Any) -> None:
    from rdcbench import runner

    try:
        with display:
            result = runner.run(recipe, options, display.listen)
    except KeyboardInterrupt as stop:
        typer.echo("rdcbench: interrupted; what is finished is kept, the same command goes on.", err=True)
        raise typer.Exit(130) from stop
    show(result)
    if result.failures:
        raise typer.Exit(1)


def _executor_options(address: str, texts: list[str]) -> dict[str, Any]:
    from rdcbench.loading import parse_setting

    options: dict[str, Any] = {"address": address} if address else {}
    for text in texts:
        path, value = parse_setting(text, "--executor-option", "NAME=VALUE, such as gpus=0.5")
        options[".".join(path)] = value
    return options


def _overrides(parts: dict[str, str | None], settings: list[str], only: list[str]) -> list[tuple[list[str], Any]]:
    from rdcbench.loading import parse_setting

    overrides: list[tuple[list[str], Any]] = [([kind, "name"], name) for kind, name in parts.items() if name]
    overrides += [parse_setting(text) for text in settings]
    return [*overrides, (["only"], only)] if only else overrides


def _extended(recipe: Recipe, protocol: str | None, metrics: list[str], judges: list[str]) -> Recipe:
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

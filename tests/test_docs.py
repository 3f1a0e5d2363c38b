"""The documentation is true: generated blocks, plugins, recipes, links and commands in it are tried out."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
import tomllib
from concurrent.futures import wait
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import rdcbench
from rdcbench import hookspecs, registry
from rdcbench.benchmarks import benchmarks
from rdcbench.loading import overlay
from rdcbench.plan import make_plan
from rdcbench.recipe import Recipe

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.glob("**/*.md")),
    ROOT / "plugins/example-objective/README.md",
]
HOOKS = [name for name in vars(hookspecs) if name.startswith("rdcbench_")]
SHAPE = (1, 8, 8)


sys.path.insert(0, str(DOCS))
make_cli = importlib.import_module("make_cli")


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


# ----------------------------------------------------------------------------------------------------- generated blocks


@pytest.mark.parametrize("path", make_cli.pages(), ids=lambda path: path.name)
def test_generated_blocks_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == make_cli.pages()[path], "run python docs/make_cli.py"


def test_every_generated_block_stands_in_one_page():
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    assert {name: text.count(f"begin generated: {name} ") for name in make_cli.BLOCKS} == dict.fromkeys(
        make_cli.BLOCKS, 1
    )


def test_the_check_says_what_is_out_of_date(tmp_path, monkeypatch, capsys):
    (tmp_path / "cli.md").write_text("<!-- begin generated: verbs -->\nold\n<!-- end generated: verbs -->\n")
    monkeypatch.setattr(make_cli, "FOLDER", tmp_path)
    assert make_cli.main(["--check"]) == 1
    assert "cli.md is out of date" in capsys.readouterr().out
    assert make_cli.main([]) == 0
    assert make_cli.main(["--check"]) == 0
    assert "## rdcbench run" in (tmp_path / "cli.md").read_text()


def test_the_verbs_are_those_of_the_help():
    from typer.testing import CliRunner

    from rdcbench.cli import app

    for verb in make_cli.verbs():
        shown = CliRunner().invoke(app, [*verb.split(), "--help"], env={"COLUMNS": "200"}).output
        for name, *_ in make_cli.options_of(verb):
            assert name.rstrip(".") in shown or name in ("BENCHMARK", "KIND", "WHAT", "NAME"), f"{verb}: {name}"


def test_every_option_of_a_shipped_part_is_explained():
    silent = {
        f"{kind} {entry.name}: {option}"
        for kind in registry.KINDS
        for entry in make_cli.shipped(kind)
        for option in make_cli.settable(entry)
        if option not in make_cli.option_meanings(entry)
    }
    assert silent <= KNOWN_SILENT


KNOWN_SILENT = {f"dataset {name}: validation" for name in ("digits8x8", "fashion-mnist", "kmnist", "mnist")}
"""Explained by the docstring of the constructor in a sentence."""


def test_every_field_is_explained_by_hand():
    written = make_cli.BLOCK.sub("", (DOCS / "measures.md").read_text(encoding="utf-8"))
    assert [name for name in make_cli.fields() if f"`{name}`" not in written] == []


# ---------------------------------------------------------------------------------------------------------------- hooks


def hook_page(hook: str) -> Path:
    return DOCS / "hooks" / f"{hook.removeprefix('rdcbench_')}.md"


@pytest.fixture
def plugin(tmp_path):
    """Load the plugin of a hook's page as a single file; gives its registry and owner."""
    loaded = []

    def load(hook, name=None):
        (code,) = blocks(hook_page(hook), "python")
        path = tmp_path / f"{name or hook}.py"
        path.write_text(code, encoding="utf-8")
        loaded.append(f"rdcbench_file_{path.stem}")
        return registry.load((path,)), path.stem

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


def test_there_is_a_page_for_every_hook_and_no_other():
    titles = {path: path.read_text(encoding="utf-8").partition("\n")[0] for path in DOCS.glob("hooks/*.md")}
    assert titles == {hook_page(hook): f"# {hook}" for hook in HOOKS}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_plugin_of_a_page_brings_its_part(hook, plugin):
    parts, owner = plugin(hook)
    found = [entry for entry in parts.entries if entry.owner == owner]
    assert [registry.hook_of(entry.kind) for entry in found] == [hook]
    assert hook == "rdcbench_recipes" or found[0].summary


@pytest.mark.parametrize("hook", HOOKS)
def test_the_part_of_a_page_works(hook, plugin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parts, owner = plugin(hook, f"used_{hook}")
    (entry,) = [entry for entry in parts.entries if entry.owner == owner]
    USES[hook](entry, parts)


def build(entry, parts, **options):
    given = {"image_shape": SHAPE, "classes": {"digit": 3}, "dimensions": 3, "levels": 3, "dither_points": 4}
    given["alphabet"] = torch.tensor([3, 2, 5])
    return parts.build(entry.kind, entry.name, options, given)


def images(count=12):
    return torch.rand(count, *SHAPE, generator=rdcbench.generator("docs"))


def split(count=12):
    digit = torch.arange(count) % 3
    return rdcbench.Split("train", (images(count) * 255).byte(), {"digit": digit})


def decoded(count=40):
    x = images(count)
    return rdcbench.Decoded(x, (x + 0.1).clamp(0, 1), {"digit": torch.arange(count) % 3}, torch.ones(count))


def use_dataset(entry, parts):
    dataset = parts.build("dataset", entry.name, {})
    splits = {name: dataset.load(Path(), name) for name in ("train", "validation", "test")}
    for each in splits.values():
        assert each.images.dtype == torch.uint8
        assert each.images.shape[1:] == dataset.image_shape
        assert int(each.labels["digit"].max()) < dataset.classes["digit"]
    assert torch.equal(dataset.load(Path(), "test").images, splits["test"].images)
    assert not torch.equal(splits["train"].images[:200], splits["validation"].images[:200])
    assert dataset.digest()


def use_encoder(entry, parts):
    latent = build(entry, parts, gain=9.0)(images())
    assert latent.shape == (12, 3)
    assert latent.abs().max() <= 1
    latent.sum().backward()


def use_quantizer(entry, parts):
    quantizer = build(entry, parts)
    latent = torch.randn(50, 3, requires_grad=True)
    dither = torch.zeros(50, 3, dtype=torch.int64)
    symbols = quantizer.quantize(latent, dither)
    assert symbols.dtype == torch.int64
    assert bool(((symbols >= 0) & (symbols < quantizer.alphabet)).all())
    received = quantizer(latent, dither)
    assert torch.equal(received, quantizer.dequantize(symbols, dither))
    assert torch.equal(received.detach(), latent.detach().sign())
    received.sum().backward()
    assert torch.equal(latent.grad, torch.ones(50, 3))


def use_entropy_model(entry, parts):
    model = build(entry, parts)
    symbols = torch.stack([torch.randint(0, size, (100,)) for size in (3, 2, 5)], 1)
    dither = torch.zeros(100, 3, dtype=torch.int64)
    payload = model.encode(symbols, dither)
    assert torch.equal(model.decode(payload, dither), symbols)
    bits = float(model.bits(symbols, dither).sum())
    assert bits <= 8 * len(payload) <= bits + 8 * (model.flush_bytes + 1)
    with pytest.raises(rdcbench.StreamError):
        model.decode(payload[:-1], dither)


def use_decoder(entry, parts):
    decoder = build(entry, parts)
    received = torch.randn(12, 3)
    plain, grainy, again = (
        decoder(received, rdcbench.Context(1, "test", torch.arange(12), tradeoff={"grain": grain}))
        for grain in (0.0, 0.5, 0.5)
    )
    assert plain.shape == (12, *SHAPE)
    assert 0 <= grainy.min() < grainy.max() <= 1
    assert torch.equal(grainy, again)
    assert not torch.equal(grainy, plain)


def use_critic(entry, parts):
    critic = build(entry, parts)
    assert critic(images()).shape == (12,)
    critic.loss(images(), 1 - images(), torch.Generator()).backward()
    assert all(bool(parameter.grad is not None) for parameter in critic.parameters())


def use_classifier(entry, parts):
    classifier = build(entry, parts)
    train = split()
    classifier.fit(train, torch.Generator())
    x = train.batch(torch.arange(12)).x
    assert classifier(x)["digit"].shape == (12, 3)
    assert classifier.features(x).ndim == 2
    copy = build(entry, parts)
    copy.load_state_dict(classifier.state_dict())
    assert torch.equal(copy(x)["digit"], classifier(x)["digit"])


def use_objective(entry, parts):
    objective = build(entry, parts)
    x_hat = images().requires_grad_(True)
    outcome = rdcbench.Outcome(1 - images(), x_hat, {}, torch.zeros(12, 3), bits=torch.full((12,), 4.0))
    assert float(objective.term("rate", outcome)) == 4.0
    objective.term("distortion", outcome).backward()
    assert x_hat.grad is not None


def use_metric(entry, parts):
    values = build(entry, parts).update(decoded())
    assert list(values) == list(entry.target.fields)
    assert float(values["worst_pixel"].max()) == pytest.approx(0.1, abs=1e-6)


def use_judge(entry, parts):
    judge = build(entry, parts)
    judge.fit(split(), torch.Generator())
    measured = judge.measure(decoded(), decoded)["brightness_w2"]
    assert measured.root
    assert 0.05 < measured.value**0.5 < 0.1
    assert measured.leave_out.shape == (20,)


def use_codec(entry, parts):
    codec = build(entry, parts, quality=90)
    x = torch.linspace(0, 1, 64).view(1, *SHAPE).expand(5, *SHAPE)
    context = rdcbench.Context(0, "test", torch.arange(5))
    packet = codec.compress(x, context)
    x_hat = codec.decompress(packet.payloads, context)
    assert x_hat.shape == x.shape
    assert float((x_hat - x).abs().max()) < 0.1
    assert float(packet.bits.sum()) == 8 * sum(map(len, packet.payloads))


def use_protocol(entry, parts):
    raw = tomllib.loads(blocks(DOCS / "recipes.md", "toml")[0])
    recipe = Recipe.model_validate(overlay(raw, {"studies": {"rdc": {"protocol": entry.name}}}))
    plan = make_plan(recipe, 1, parts)
    jobs = [job for job in plan.jobs if job.stage == "codec"]
    assert len(jobs) == len({plan.keys[job.name] for job in jobs}) == 3
    assert len({plan.train_keys[job.name] for job in jobs}) == 1


def use_recipes(entry, parts):
    assert entry.target.is_dir()


def use_executor(entry, parts):
    executor = parts.build("executor", entry.name, {"jobs": 1})
    future = executor.submit(pow, 2, 5)
    wait([future])
    executor.close()
    assert future.result() == 32


def use_tracker(entry, parts):
    tracker = parts.build("tracker", entry.name, {})
    tracker.event("failed", "rdc/x", {"error": "why"})
    tracker.event("finished", "rdc/y", {})
    first, _ = Path("rdcbench-events.jsonl").read_text().splitlines()
    assert '"error": "why"' in first


USES = {registry.hook_of(kind): globals()[f"use_{kind if kind != 'recipe' else 'recipes'}"] for kind in registry.KINDS}


# -------------------------------------------------------------------------------------------------- recipes and plugins


@pytest.mark.parametrize("number", range(len(blocks(DOCS / "recipes.md", "toml"))))
def test_a_recipe_of_the_page_is_one_and_can_be_planned(number):
    texts = blocks(DOCS / "recipes.md", "toml")
    raw = overlay(tomllib.loads(texts[0]), tomllib.loads(texts[number]) if number else {})
    presets = raw.pop("presets", {})
    for preset in [{}, *presets.values()]:
        recipe = Recipe.model_validate(overlay(raw, preset))
        assert make_plan(recipe, 1, registry.load()).jobs
        assert Recipe.model_validate(tomllib.loads(recipe.to_toml())) == recipe


def test_the_python_of_writing_plugins_works(tmp_path, monkeypatch):
    first, second = blocks(DOCS / "writing-plugins.md", "python")
    path = tmp_path / "mae.py"
    path.write_text(first)
    entry = registry.load((path,)).get("metric", "mae")
    assert entry.target().update(decoded())["mae"].shape == (40,)
    monkeypatch.chdir(ROOT / "plugins/example-objective")
    names = {}
    exec(second, names)
    assert names["objective"].epsilon == 0.1


@pytest.mark.slow
def test_the_tutorial_leads_to_a_ranked_objective(tmp_path, monkeypatch):
    """Its commands in their order, with fewer steps."""
    from typer.testing import CliRunner

    from rdcbench.cli import app

    page = DOCS / "tutorial.md"
    by_file = page.read_text(encoding="utf-8").partition("## As a package")[0]
    (code,) = blocks(page, "python")
    lines = re.findall(r"^ {4}rdcbench (.*)$", re.sub(r"```.*?```", "", by_file, flags=re.DOTALL), re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["new", "check", "run", "run", "run", "leaderboard"]
    monkeypatch.chdir(tmp_path)
    small = ["--only", "rdc", "--jobs", "1", "--set", "training.steps=20", "--set", "classifier.epochs=1"]
    for line in lines:
        words = shlex.split(line)
        done = CliRunner().invoke(app, words + {"run": small, "leaderboard": ["--format", "csv"]}.get(words[0], []))
        assert done.exit_code == 0, f"{line}: {done.output}"
        if words[0] == "new":
            (tmp_path / "patient/rdcbench_patient.py").write_text(code, encoding="utf-8")
    assert "patient" in done.output
    assert "weighted" in done.output


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "rdcbench_recipes"])
def test_the_part_of_a_page_keeps_its_contract(hook, plugin):
    from rdcbench.conformance import check_entry

    parts, owner = plugin(hook, f"checked_{hook}")
    (entry,) = [entry for entry in parts.entries if entry.owner == owner]
    assert [str(finding) for finding in check_entry(entry, parts) if not finding.holds] == []


def test_the_harness_fills_in_what_the_page_says():
    text = (DOCS / "writing-plugins.md").read_text(encoding="utf-8")
    table = re.search(r"\| argument \|.*?\n\n", text, re.DOTALL)[0].strip()
    documented = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert documented == {name for kind in registry.KINDS for name in registry.given_to(kind)}


def test_the_objective_of_the_readme_is_the_sample_plugin():
    sample = (ROOT / "plugins/example-objective/rdcbench_charbonnier.py").read_text(encoding="utf-8")
    assert blocks(ROOT / "README.md", "python")[0] == sample


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_names_only_what_is_public(path):
    for code in blocks(path, "python"):
        compile(code, str(path), "exec")
        for name in re.findall(r"\brdcbench\.([A-Za-z]\w*)", code):
            assert name in rdcbench.__all__, f"rdcbench.{name}"


# --------------------------------------------------------------------------------------------------- commands and links


def commands(text: str) -> list[list[str]]:
    """All uses of `rdcbench VERB ...` in indented lines and inline code, as words."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL).replace("\\\n", " ")
    indented = re.findall(r"^ {4}(.*)$", prose, re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", prose)
    found = []
    for line in [*indented, *inline]:
        for part in line.split("&&"):
            said = re.split(r"\s{3,}", part.strip())[0]
            if re.match(r"rdcbench [a-z]", said):
                found.append(shlex.split(said)[1:])
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_are_real(path):
    verbs = make_cli.verbs()
    for words in commands(path.read_text(encoding="utf-8")):
        verb = next((name for name in (" ".join(words[:2]), words[0]) if name in verbs), None)
        if verb is None:
            assert words[0] == "data", f"no verb in {words}"
            continue
        known = {name for name, *_ in make_cli.options_of(verb)} | {"--help"}
        asked = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert asked <= known, f"{words}: {asked - known}"


def test_benchmarks_presets_and_data_sets_of_the_readme_exist():
    for words in commands((ROOT / "README.md").read_text(encoding="utf-8")):
        if words[0] == "run":
            recipe = tomllib.loads(benchmarks()[words[1]].read_text(encoding="utf-8"))
            presets = {"default", *recipe.get("presets", {})}
            asked = [after for word, after in pairwise(words) if word == "--preset"]
            asked += ["quick"] if "--quick" in words else []
            assert set(asked) <= presets
        if words[:2] in (["data", "fetch"], ["data", "verify"]) and len(words) > 2:
            registry.load().get("dataset", words[2])


def test_every_verb_and_every_kind_is_mentioned_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [verb for verb in make_cli.verbs() if f"rdcbench {verb}" not in text] == []


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+://", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), link


def test_the_index_lists_every_page():
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name})" not in text] == []
    hooks = (DOCS / "hooks.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("hooks/*.md") if f"(hooks/{page.name})" not in hooks] == []


def test_the_setup_is_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("pip install . && rdcbench run mnist-universal", 'pip install -e ".[dev]" && pytest'):
        assert f"\n    {command}\n" in text
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert "dev" in extras


def test_the_stream_format_is_that_of_the_code():
    from rdcbench import bitstream

    stated = re.search(r'magic "RDCS".*?precedes', bitstream.__doc__, re.DOTALL)[0]
    written = re.search(
        r'magic "RDCS".*?precedes', (DOCS / "results-format.md").read_text(encoding="utf-8"), re.DOTALL
    )[0]
    assert written.split() == stated.split()
    (header,) = re.findall(r"(\d+) bytes for one payload of the test split", (DOCS / "measures.md").read_text("utf-8"))
    assert int(header) == bitstream.Stream(bytes(16), "test", 10_000, (b"",)).header_bytes


def test_the_numbers_of_the_text_are_the_oracles():
    from rdcbench import oracles

    text = (DOCS / "measures.md").read_text(encoding="utf-8")
    (entropy,) = re.findall(r"L = 3: ([\d.]+) bits", text)
    assert float(entropy) == pytest.approx(oracles.uniform_dithered_rate(3), abs=5e-5)
    (codebook,) = re.findall(r"A 27-means codebook has ([\d.]+)\.", text)
    assert float(codebook) == pytest.approx(oracles.CODEBOOK_MSE[27].mse, abs=5e-5)


def test_files_of_the_repository_that_are_named_exist():
    named = re.findall(
        r"`((?:rdcbench|plugins|benchmarks)/[\w/.-]*)`", "".join(page.read_text("utf-8") for page in PAGES)
    )
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []

"""Export, import and reproduce on the command line, on real parts: one folder to another, and codes of exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Cli


@pytest.fixture(scope="session")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rdcbench.bundle.sending import export

    target = tmp_path_factory.mktemp("sent") / "small.bundle"
    export(finished, target)
    return target


def test_from_one_folder_to_another(cli: Cli, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sender").mkdir()
    (tmp_path / "lab").mkdir()
    monkeypatch.chdir(tmp_path / "sender")
    code, out, err = cli("export", finished)
    assert code == 0, err
    assert "3 streams decoded" in out
    bundle = (tmp_path / "sender/small.bundle").rename(tmp_path / "lab/theirs.bundle")
    monkeypatch.chdir(tmp_path / "lab")
    assert cli("import", bundle)[0] == 0
    code, out, err = cli("reproduce", bundle)
    assert (code, out.count("agrees "), "3 of 3 rows agree" in out) == (0, 3, True), out + err
    assert out.count("symbols equal") == 3
    code, mine, _ = cli("leaderboard", finished, "--format", "json")
    code, theirs, _ = cli("leaderboard", "runs/theirs", "--format", "json")
    assert (code, mine.replace('"small"', '"theirs"')) == (0, theirs)
    assert cli("report", "runs/theirs")[0] == 0


def test_a_mismatch_is_exit_code_1(cli: Cli, exported: Path, tmp_path: Path) -> None:
    assert cli("import", exported, "--out", tmp_path / "run")[0] == 0
    path = tmp_path / "run/bundle.json"
    manifest = json.loads(path.read_bytes())
    manifest["symbols"] = dict.fromkeys(manifest["symbols"], "0" * 32)
    path.write_text(json.dumps(manifest))
    code, out, _ = cli("reproduce", tmp_path / "run", "--only", "rdc-universal")
    assert (code, "DIFFERS" in out, "symbols DIFFER" in out, "0 of 1 rows agree" in out) == (1, True, True, True), out


@pytest.mark.parametrize("verb", ["export", "import", "reproduce"])
def test_bad_input_is_a_sentence_and_exit_code_2(cli: Cli, verb: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no bundle")
    for given in ("file", "nothing", "."):
        code, out, err = cli(verb, tmp_path / given)
        assert (code, out, err.count("\n"), "Traceback" in err) == (2, "", 1, False), err


@pytest.mark.parametrize(
    ("verb", "place"), [("import", "receiving.import_bundle"), ("reproduce", "reproducing.reproduce")]
)
def test_ctrl_c_is_exit_code_130(
    cli: Cli, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, place: str
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"rdcbench.bundle.{place}", stop)
    monkeypatch.chdir(tmp_path)
    code, _, err = cli(verb, exported)
    assert (code, "interrupted" in err) == (130, True)

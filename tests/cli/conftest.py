"""One small finished run of the embedded digits that the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rdcbench.cli import main

SMALL = (
    "--set", "judges=[]", "--set", "metrics=[{name='mse'}, {name='classifier'}]", "--set", "training.steps=15",
    "--set", "studies.rdc.sweep={classification=[0.0, 0.015]}",
    "--set", "studies.rdc-universal.sweep={classification=[0.005]}",
    "--set", "classifier.epochs=2", "--only", "rdc", "--only", "rdc-universal", "--jobs", "1",
)  # fmt: skip

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `rdcbench WORDS...` in this process: (exit code, standard output, standard error)."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["rdcbench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: three cells of the smoke benchmark at a few steps."""
    out = tmp_path_factory.mktemp("runs") / "small"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["rdcbench", "run", "smoke", *SMALL, "--out", str(out)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
    return out

"""`rdcbench data`: status, fetch from a folder, verify."""

from __future__ import annotations

from pathlib import Path

from .conftest import Cli


def test_status_of_an_empty_folder_and_of_the_embedded_set(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("data", "status", "--data-dir", tmp_path)
    assert code == 0
    assert "missing" in out
    assert "needs no files" in out


def test_fetch_from_a_folder_without_the_files_says_what_lacks(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("data", "fetch", "mnist", "--data-dir", tmp_path / "data", "--from", tmp_path)
    assert code == 2
    assert "train-images" in err


def test_offline_lists_what_to_do_by_hand(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("data", "fetch", "mnist", "--data-dir", tmp_path, "--offline")
    assert code == 2
    assert "--from" in err


def test_verify_refuses_a_wrong_file_and_leaves_it(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    wrong = tmp_path / "mnist" / "train-images-idx3-ubyte"
    wrong.write_bytes(b"not images")
    code, _, err = cli("data", "verify", "mnist", "--data-dir", tmp_path)
    assert code == 2
    assert "has MD5" in err
    assert wrong.read_bytes() == b"not images"


def test_an_unknown_data_set(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("data", "fetch", "mnits", "--data-dir", tmp_path)
    assert (code, "Did you mean 'mnist'" in err) == (2, True)

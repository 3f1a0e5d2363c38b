from __future__ import annotations

import pytest

from rdcbench import lock
from rdcbench.errors import RecipeError, StoreError
from rdcbench.live import is_running
from rdcbench.lock import locked


def test_a_folder_has_one_holder_at_a_time(tmp_path):
    assert not is_running(tmp_path)
    with locked(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(StoreError, match="Another process is running"), locked(tmp_path):
            pass
        assert is_running(tmp_path), "the one that was refused takes nothing with it"
    assert not is_running(tmp_path)


def refused(folder, *names):
    """Hold a folder for what writes some files and is then refused."""
    with locked(folder):
        for name in names:
            (folder / name).touch()
        raise RecipeError("no")


def test_a_folder_that_was_made_for_what_was_refused_goes_again(tmp_path):
    with pytest.raises(RecipeError):
        refused(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_was_there_or_holds_something_stays(tmp_path):
    for folder, names in ((tmp_path, ()), (tmp_path / "run", ("recipe.toml",))):
        with pytest.raises(RecipeError):
            refused(folder, *names)
        assert {path.name for path in folder.iterdir()} >= {".lock", *names}


def test_who_is_refused_takes_nothing_with_it_even_if_it_made_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_made", lambda out: True)
    with locked(tmp_path):
        with pytest.raises(StoreError, match="Another process"):
            refused(tmp_path)
        assert is_running(tmp_path)


def test_a_lock_whose_folder_was_removed_meanwhile_is_none(tmp_path):
    with open(tmp_path / ".lock", "w") as orphan:
        (tmp_path / ".lock").unlink()
        with pytest.raises(StoreError, match="Another process"):
            lock._take(orphan.fileno(), tmp_path)
        (tmp_path / ".lock").touch()
        with pytest.raises(StoreError, match="Another process"):
            lock._take(orphan.fileno(), tmp_path)

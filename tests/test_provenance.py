from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version

import pytest

from rdcbench import provenance as provenances
from rdcbench.provenance import PACKAGES, _git, _version, provenance


def git(folder, *words):
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "A", f"GIT_{role}_EMAIL": "a@example.org"}
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | who).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository from which the package seems to run."""
    git(tmp_path, "init", "-q")
    (tmp_path / "rdcbench").mkdir()
    (tmp_path / "rdcbench" / "provenance.py").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    monkeypatch.setattr(provenances, "__file__", str(tmp_path / "rdcbench" / "provenance.py"))
    return tmp_path


def test_it_names_versions_machine_and_device():
    facts = provenance("cuda:1")
    assert set(facts["versions"]) == set(PACKAGES)
    assert facts["versions"]["numpy"] == version("numpy")
    assert facts["device"] == "cuda:1"
    assert facts["python"] == platform.python_version()
    assert facts["cores"] == os.cpu_count()
    assert {"machine", "processor", "system", "commit", "dirty"} <= set(facts)


def test_threads_are_those_of_torch():
    import torch

    assert provenance("cpu")["threads"] == torch.get_num_threads()


def test_it_does_not_import_torch():
    program = "import sys; from rdcbench.provenance import provenance as p; sys.exit('threads' in p('') or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_callers_cannot_change_what_others_get():
    provenance("cpu")["python"] = "2.7"
    assert provenance("cpu")["python"] == platform.python_version()


def test_a_package_that_is_not_there_has_no_version():
    assert _version("no-such-package-at-all") == ""


def test_a_clean_checkout_is_its_commit(checkout):
    assert _git() == {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": False}


@pytest.mark.parametrize("name", ["rdcbench/provenance.py", "rdcbench/new.py"])
def test_a_changed_or_a_new_file_makes_it_dirty(checkout, name):
    (checkout / name).write_text("changed = True\n")
    assert _git()["dirty"]


def test_an_installed_wheel_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenances, "__file__", str(tmp_path / "rdcbench" / "provenance.py"))
    assert _git() == {"commit": "", "dirty": False}


def test_without_git_the_commit_is_unknown(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert _git() == {"commit": "", "dirty": False}

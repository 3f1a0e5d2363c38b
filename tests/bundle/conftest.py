"""One small finished run of tiny parts, and its bundle, for the tests of bundles."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tiny_runs import alone, finished_run

from rdcbench.bundle.sending import export


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A run of two rows with a classifier and a judge; read only."""
    return finished_run(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def bundle(tiny_run):
    """The bundle of the tiny run; read only."""
    with alone():
        export(tiny_run, target := tiny_run.parent / "tiny.bundle")
    return target


@pytest.fixture
def rewrite(bundle, tmp_path):
    """Write the bundle again with members changed, added (name or ZipInfo) or left out (None)."""

    def rewrite(changes=(), renew=True) -> Path:
        from rdcbench.bundle.archive import MANIFEST, Manifest, Member, _digest

        with zipfile.ZipFile(bundle) as archive:
            members: dict = {info.filename: archive.read(info) for info in archive.infolist()}
        members |= dict(changes)
        if renew and MANIFEST not in dict(changes):
            manifest = Manifest.model_validate_json(members[MANIFEST])
            files = {}
            for name, data in members.items():
                text = name.filename if isinstance(name, zipfile.ZipInfo) else name
                if data is not None and text != MANIFEST:
                    digest = _digest()
                    digest.update(data)
                    files[text] = Member(bytes=len(data), digest=digest.hexdigest())
            members[MANIFEST] = manifest.model_copy(update={"files": files}).model_dump_json().encode()
        target = tmp_path / "changed.bundle"
        with zipfile.ZipFile(target, "w") as archive:
            for name, data in members.items():
                if data is not None:
                    archive.writestr(name, data)
        return target

    return rewrite

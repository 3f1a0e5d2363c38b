import inspect
import subprocess
import sys

import pytest

from rdcbench import oracles


def test_public_names_are_sorted_and_exist():
    assert oracles.__all__ == sorted(oracles.__all__, key=lambda name: (not name.isupper(), name.islower(), name))
    assert len(set(oracles.__all__)) == len(oracles.__all__)
    assert set(oracles.__all__) <= set(dir(oracles))


@pytest.mark.parametrize("name", [name for name in oracles.__all__ if inspect.isfunction(getattr(oracles, name))])
def test_every_function_states_its_domain(name):
    function = getattr(oracles, name)
    documentation = inspect.getdoc(function)
    assert documentation.startswith("Return ")
    assert "Domain" in documentation
    assert "Source" in documentation or "source" in documentation


def test_import_leaves_torch_alone():
    command = "import sys, rdcbench.oracles; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0

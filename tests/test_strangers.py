from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points

from rdcbench.strangers import hushed, is_shipped


def test_what_comes_with_rdcbench_is_told_from_what_does_not():
    assert is_shipped(next(iter(entry_points(group="rdcbench", name="rdcbench_std"))))
    assert not is_shipped(EntryPoint("mine", "mine", "rdcbench"))


def test_prints_are_put_aside_and_given(capsys):
    with hushed() as printed:
        print("to the terminal")
        print("to its other end", file=sys.stderr)
    print("after")
    assert printed.getvalue() == "to the terminal\nto its other end\n"
    assert capsys.readouterr().out == "after\n"

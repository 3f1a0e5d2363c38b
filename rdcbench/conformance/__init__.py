"""The contracts of every kind of part as properties that are tried out: `rdcbench check`, and tests of plugin authors.

Read `contract.py` for the words, `case.py`, `samples.py` and `stand_ins.py` for what parts are tried on, `shared.py`
for what holds for all kinds, and the module of a kind for the rest.
"""

from rdcbench.conformance.check import check_entry, check_part, contracts
from rdcbench.conformance.contract import Contract, Finding

__all__ = ["Contract", "Finding", "check_entry", "check_part", "contracts"]

"""Guards on every row: each notices one fault by which published numbers went wrong, and names it.

They code or judge a handful of images again, so they cost milliseconds of a row; none changes a number. The alphabet
of a quantizer is held where symbols are made, in `codec.py`.
"""

from rdcbench.errors import GuardError
from rdcbench.guards.codecs import check_copies, check_mode, check_price, check_receiver, check_tables
from rdcbench.guards.judges import check_apart, check_budget, check_metric, unchanged

__all__ = [
    "GuardError",
    "check_apart",
    "check_budget",
    "check_copies",
    "check_metric",
    "check_mode",
    "check_price",
    "check_receiver",
    "check_tables",
    "unchanged",
]

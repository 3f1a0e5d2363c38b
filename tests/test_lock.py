from __future__ import annotations

import pytest

from rdcbench.errors import StoreError
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
